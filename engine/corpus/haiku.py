"""The built-in corpus: haiku about snakes and the seasons, made by our own grammar from a seed.

Choices: its entropy is known exactly (`haiku_grammar`), so there is a floor that no model gets below in the long run,
and a model that reaches it has learned all there is. Some snakes never meet some season words; a model that brings such
a pair together has put words together by itself instead of copying.
"""

from __future__ import annotations

import itertools
from functools import cache

from babytrain.engine.corpus.haiku_grammar import GrammarData, HaikuGrammar
from babytrain.engine.corpus.haiku_images import CREATURES, IMAGES, KINDS, TIMES
from babytrain.engine.corpus.haiku_lines import LINES, SHAPES
from babytrain.engine.corpus.haiku_words import WORDS
from babytrain.engine.corpus.lexicon import is_haiku, syllable_counts

__all__ = [
    "DEFAULT_POEMS",
    "DEFAULT_SEED",
    "default_grammar",
    "entropy_nats_per_poem",
    "floor_nats_per_character",
    "generate_corpus",
    "held_out_combinations",
    "is_haiku",
    "is_held_out",
    "log_probability",
    "syllable_counts",
]

DEFAULT_SEED = 575
DEFAULT_POEMS = 4500


@cache
def default_grammar() -> HaikuGrammar:
    """The grammar of the built-in corpus."""
    # Two snakes for each season word, spread evenly: 5 has no factor in common with the number of snakes.
    held_out = frozenset(
        (CREATURES[(5 * number + shift) % len(CREATURES)].name, image.name)
        for number, image in enumerate(IMAGES)
        for shift in (2, 9)
    )
    return HaikuGrammar(GrammarData(CREATURES, IMAGES, KINDS, TIMES, WORDS, LINES, SHAPES, held_out))


def generate_corpus(seed: int = DEFAULT_SEED, poems: int = DEFAULT_POEMS) -> str:
    """Poems of three lines with a blank line after each, lower case; the same text for the same seed, always."""
    return "".join([f"{poem}\n\n" for poem in itertools.islice(default_grammar().poems(seed), poems)])


def entropy_nats_per_poem() -> float:
    """Entropy of a poem of the built-in corpus in nats, exact."""
    return default_grammar().entropy_nats


def floor_nats_per_character() -> float:
    """The lowest mean loss any model can have on the built-in corpus in the long run, in nats per character, exact."""
    grammar = default_grammar()
    return grammar.entropy_nats / grammar.mean_characters


def log_probability(poem: str) -> float | None:
    """Natural logarithm of the chance of a poem (three lines, no final line break); None: not in the grammar."""
    return default_grammar().log_probability(poem)


def is_held_out(poem: str) -> bool:
    """Whether a snake and a season word come together in `poem` that never do in the built-in corpus."""
    return default_grammar().is_held_out(poem)


def held_out_combinations() -> tuple[tuple[str, str], ...]:
    """The pairs (snake, season word) that never come together in the built-in corpus, sorted."""
    return tuple(sorted(default_grammar().data.held_out))
