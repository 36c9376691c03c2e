"""The lines of our haiku: which words stand where, and which lines make a poem.

Choices: every poem names one season word and one snake, whatever its shape, so that both can be read off any poem.
`{image}` is the season word, `{the_image}` the same with the article it needs before a verb; `a` becomes `an` by
itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from babytrain.engine.corpus.haiku_images import SEASONS


@dataclass(frozen=True)
class Line:
    """A kind of line: its syllables, its templates, and a factor on the chance of those that should come up more."""

    syllables: int
    templates: tuple[str, ...]
    boosts: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Shape:
    """Three kinds of lines that make a poem, and how often it comes up in each season (0 = never)."""

    lines: tuple[str, str, str]
    weights: Mapping[str, int]


LINES: Mapping[str, Line] = {
    "image": Line(
        5,
        (
            "{the_image} {does}",
            "{image} {when}",
            "{lead}, {image}",
            "{before} {image}",
            "how {how} the {image}",
            "{image} and {with}",
        ),
    ),
    "clause": Line(
        7,
        (
            "the {snake} {rest} {place}",
            "the {adjective} {snake} {rest} {place}",
            "a {adjective} {snake} {rest} {place}",
            "{place}, the {snake} {rest}",
            "{place}, the {adjective} {snake} {rest}",
            "{place}, a {adjective} {snake} {rest}",
            "the {adjective} {snake} {rest}",
            "a {adjective} {snake} {rest}",
            "the {snake} {move} {path}",
            "the {adjective} {snake} {move} {path}",
            "a {adjective} {snake} {move} {path}",
            "the {adjective} {snake} {lie} {lie_like}",
            "the {adjective} {snake} {flow} {flow_like}",
        ),
    ),
    "turn": Line(
        5,
        (
            "the {animal} {reacts}",
            "the {animal_adjective} {animal} {reacts}",
            "one {animal_adjective} {animal} {reacts}",
            "a {animal_adjective} {animal} {reacts}",
            "even the {animals} {react}",
            "all the {animals} {react}",
            "not one {animal} {objects}",
            "{she} {muses}",
            "{proverb}",
        ),
        {"{she} {muses}": 4, "{proverb}": 4},
    ),
    "dreamer": Line(
        7,
        (
            "the {adjective} {snake} {dreaming}",
            "{where_dreaming}, the {snake} {dreaming}",
            "{where_dreaming}, the {adjective} {snake} {dreaming}",
        ),
    ),
    "dream": Line(
        5,
        (
            "of {dream}",
            "of {food} in the {larder}",
            "of {dream_adjective} {dream_adjective_too} {dream_thing}",
        ),
        {"of {dream}": 3},
    ),
    "watcher": Line(
        7,
        (
            "{from_where}, the {snake} {watches}",
            "{from_where}, the {adjective} {snake} {watches}",
            "the {adjective} {snake} {watches}",
            "a {adjective} {snake} {watches}",
            "the {snake} {adverb} {watches}",
        ),
    ),
    "view": Line(
        5,
        (
            "{view}",
            "the {animal} {in_view}",
            "the {object_adjective} {animal} {nearby}",
        ),
        {"{view}": 2},
    ),
    "hearer": Line(
        7,
        (
            "{lying}, the {snake} {hearing}",
            "{lying}, the {adjective} {snake} {hearing}",
            "the {adjective} {snake} {hearing}",
        ),
    ),
    "heard": Line(5, ("{heard}",)),
    "goer": Line(
        7,
        (
            "the {snake} {flow} {flow_like}",
            "the {adjective} {snake} {flow} {flow_like}",
            "a {adjective} {snake} {flow} {flow_like}",
            "the {snake} {move} {manner}",
            "the {adjective} {snake} {move} {manner}",
        ),
    ),
    "way": Line(
        5,
        (
            "{past} the {landmark_adjective} {landmark}",
            "through the {soft_adjective} {soft_adjective_too} {soft_ground}",
        ),
    ),
    "shedder": Line(
        7,
        (
            "the {snake} {skin_verb} {her} {skin}",
            "the {adjective} {snake} {skin_verb} {her} {skin}",
            "a {adjective} {snake} {skin_verb} {her} {skin}",
        ),
    ),
    "skin": Line(5, ("{skin_where}",)),
    "trier": Line(
        7,
        (
            "the {snake} {tries} {feat}",
            "the {adjective} {snake} {tries} {feat}",
            "a {adjective} {snake} {tries} {feat}",
        ),
    ),
    "outcome": Line(
        5,
        (
            "{outcome}",
            "but has no {lacking}",
            "in front of the {in_front}",
        ),
        {"{outcome}": 2},
    ),
    "brief": Line(
        5,
        (
            "the {snake} {brief}",
            "the {adjective} {snake} {brief}",
            "a {adjective} {snake} {brief}",
        ),
    ),
    "touch": Line(
        7,
        (
            "{the_image} {touch} {her} {body}",
            "{the_image} {touch} {her} {body_adjective} {body}",
        ),
    ),
    "cover": Line(5, ("{under} the {cover_adjective} {cover}",)),
    "still": Line(
        7,
        (
            "the {snake} {rest} {manner}",
            "the {adjective} {snake} {rest} {manner}",
            "a {adjective} {snake} {rest} {manner}",
            "the {snake} {lie} {lie_like}",
            "the {adjective} {snake} {lie} {lie_like}",
        ),
    ),
}


def _weights(*weights: int) -> Mapping[str, int]:
    return dict(zip(SEASONS, weights, strict=True))


SHAPES = (
    Shape(("image", "clause", "turn"), _weights(3, 3, 3, 3)),
    Shape(("brief", "touch", "turn"), _weights(3, 3, 3, 3)),
    Shape(("cover", "still", "image"), _weights(1, 1, 1, 2)),
    Shape(("image", "dreamer", "dream"), _weights(0, 1, 1, 3)),
    Shape(("image", "hearer", "heard"), _weights(1, 1, 1, 2)),
    Shape(("image", "watcher", "view"), _weights(2, 1, 2, 0)),
    Shape(("image", "goer", "way"), _weights(1, 1, 1, 0)),
    Shape(("image", "shedder", "skin"), _weights(1, 1, 0, 0)),
    Shape(("image", "trier", "outcome"), _weights(1, 1, 1, 0)),
)
