"""Milestones: what counts as a first time, and what does not."""

from __future__ import annotations

import pytest

from babytrain.engine.learned.milestones import (
    milestones_of_calm,
    milestones_of_family,
    milestones_of_letter,
    milestones_of_loss,
    milestones_of_poems,
    milestones_of_text,
)
from babytrain.runs.events import Baselines

REAL = {"the", "snake", "sleeps", "frog", "a", "on"}
LEVELS = Baselines(t=0.0, step=0, uniform=3.4, unigram=2.8, bigram=2.3, trigram=1.5, fivegram=0.7)


def names(found) -> list[str]:
    return [one.name for one in found]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("qx zzt a on", []),  # short words come by chance
        ("qx snake zzt", ["first word"]),
        ("qx snak", []),
        ("zzt snake", []),  # the end may be cut off: it may be "snakes"
        ("the snake sleeps\nqx", ["first word", "first line"]),
        ("the snake sleeps", ["first word"]),  # nobody knows how the line would have gone on
        ("the snake\nqx", ["first word"]),  # two words are no line
    ],
)
def test_words_and_lines(text: str, expected: list[str]) -> None:
    assert names(milestones_of_text(text, REAL.__contains__)) == expected


def test_poems() -> None:
    assert names(milestones_of_poems(0, 0)) == []
    assert names(milestones_of_poems(2, 0)) == ["first haiku"]
    assert names(milestones_of_poems(2, 1)) == ["first haiku", "new haiku"]


@pytest.mark.parametrize(("loss", "count"), [(2.3, 0), (2.0, 1), (1.0, 2), (0.5, 3), (float("nan"), 0)])
def test_counting_models_are_passed_one_after_the_other(loss: float, count: int) -> None:
    assert (
        names(milestones_of_loss(loss, LEVELS)) == ["below the bigram", "below the trigram", "below the 5-gram"][:count]
    )


def test_the_favourite_letter() -> None:
    assert names(milestones_of_letter("e", None)) == []
    assert names(milestones_of_letter("e", 0.91)) == [
        "favourite letter 50%",
        "favourite letter 75%",
        "favourite letter 90%",
    ]
    assert "never been prouder" in list(milestones_of_letter("e", 0.94))[-1].text


def test_the_family_and_the_calm() -> None:
    assert names(milestones_of_family(0.4, None, 0)) == []
    assert names(milestones_of_family(0.4, 0.4, 3)) == []
    assert names(milestones_of_family(0.39, 0.4, 3)) == ["best of all"]
    assert names(milestones_of_calm(3599.0)) == []
    assert names(milestones_of_calm(3600.0)) == ["an hour of calm"]
