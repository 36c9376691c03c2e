"""The data of the haiku grammar: snakes, season words, phrases by season, kinds of lines and shapes of poems.

The lists are TOML files beside this module, phrases separated by commas.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from typing import Any

import msgspec

SEASONS = ("spring", "summer", "autumn", "winter")
ANY_SEASON = "any"  # the key of the phrases that fit every season


class Snake(msgspec.Struct, frozen=True):
    """A snake and its pronouns: `she`, `he` or `it`, and the possessive."""

    name: str
    pronoun: str
    possessive: str


class SeasonWordKind(msgspec.Struct, frozen=True):
    """Phrases for season words of one kind, comma-separated. `definite`: with a verb they need `the`."""

    does: str
    how: str
    before: str  # prepositions before `the ...`
    touch: str  # verbs for what they do to the snake (in winter: to its roof)
    leads: str = ""
    times: str = "day, night"
    definite: bool = False


class SeasonWord(msgspec.Struct, frozen=True):
    """A word that names a season; its `kind` gives its phrases."""

    name: str
    season: str
    kind: str


class LineKind(msgspec.Struct, frozen=True):
    """A kind of line: its syllables, its templates, and factors on the weight of some of them."""

    syllables: int
    templates: tuple[str, ...]
    boosts: Mapping[str, int] = {}


class PoemShape(msgspec.Struct, frozen=True):
    """Three kinds of lines that make a poem, and its weight in each season (0 = never)."""

    lines: tuple[str, str, str]
    weights: Mapping[str, int]


class GrammarData(msgspec.Struct, frozen=True):
    """Everything a grammar is made from. `held_out`: pairs (snake, season word) that never meet."""

    snakes: tuple[Snake, ...]
    season_words: tuple[SeasonWord, ...]
    kinds: Mapping[str, SeasonWordKind]
    times: Mapping[str, str]
    phrases: Mapping[str, Mapping[str, str]]  # by the name of a list, then by season or ANY_SEASON
    lines: Mapping[str, LineKind]
    shapes: tuple[PoemShape, ...]
    held_out: frozenset[tuple[str, str]]


def read_grammar_data() -> GrammarData:
    """The data of the built-in corpus."""
    words, lines = read_toml("season_words.toml"), read_toml("lines.toml")
    snakes = list(words["snakes"])
    season_words = [
        (name, season, kind) for season, by_name in words["season_words"].items() for name, kind in by_name.items()
    ]
    # Two snakes for each season word, spread evenly: 5 has no factor in common with the number of snakes.
    held_out = [
        (snakes[(5 * number + shift) % len(snakes)], name)
        for number, (name, _, _) in enumerate(season_words)
        for shift in (2, 9)
    ]
    data = {
        "snakes": [
            {"name": name, "pronoun": pronoun, "possessive": words["possessives"][pronoun]}
            for name, pronoun in words["snakes"].items()
        ],
        "season_words": [{"name": name, "season": season, "kind": kind} for name, season, kind in season_words],
        "kinds": words["kinds"],
        "times": words["times"],
        "phrases": read_toml("phrases.toml"),
        "lines": lines["lines"],
        "shapes": lines["shapes"],
        "held_out": held_out,
    }
    return msgspec.convert(data, GrammarData)


def read_toml(name: str) -> dict[str, Any]:
    """A TOML file beside this module, decoded."""
    document: dict[str, Any] = msgspec.toml.decode(files("babytrain.engine.data.haiku").joinpath(name).read_bytes())
    return document
