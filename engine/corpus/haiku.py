"""The built-in corpus: haiku about snakes and the seasons, made by our own grammar from a seed.

Choices: its entropy is known exactly (`haiku_grammar`), so there is a floor that no model gets below in the long run,
and a model that reaches it has learned all there is. Some snakes never meet some season words; a model that brings such
a pair together has put words together by itself instead of copying.
"""

from __future__ import annotations

import itertools
from functools import cache

from babytrain.engine.corpus.haiku_grammar import HaikuGrammar
from babytrain.engine.data.haiku.grammar_data import read_grammar_data

DEFAULT_SEED = 575
DEFAULT_POEMS = 4500


@cache
def default_grammar() -> HaikuGrammar:
    """The grammar of the built-in corpus."""
    return HaikuGrammar(read_grammar_data())


def generate_corpus(seed: int = DEFAULT_SEED, poems: int = DEFAULT_POEMS) -> str:
    """Poems of three lines with a blank line after each, lower case; the same text for the same seed, always."""
    return "".join([f"{poem}\n\n" for poem in itertools.islice(default_grammar().poems(seed), poems)])


def floor_nats_per_character() -> float:
    """The lowest mean loss any model can have on the built-in corpus in the long run, in nats per character, exact."""
    grammar = default_grammar()
    return grammar.entropy_nats / grammar.mean_characters
