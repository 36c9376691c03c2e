"""The record of a text: only losses that mean the same are compared."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from babytrain.engine.analysis.milestones import (
    BestOnSameData,
    best_on_same_data,
    milestones_of_best_loss,
    milestones_of_letter,
    milestones_of_loss,
    milestones_of_poems,
    milestones_of_stability,
    milestones_of_text,
)
from babytrain.runs.events import Baselines, CorpusInfo
from babytrain.runs.journal import encode_event
from tests.runs.builders import FACTS, evaluation, started


def save(runs_dir: Path, run_id: str, val_loss: float, facts: CorpusInfo = FACTS) -> None:
    folder = runs_dir / run_id
    folder.mkdir()
    events = (started(corpus=facts, name=""), evaluation(10, val_loss))
    (folder / "journal.jsonl").write_bytes(b"".join(map(encode_event, events)))


def test_the_best_of_the_others_on_the_same_text(tmp_path: Path) -> None:
    save(tmp_path, "anna-20261110-120000", 1.5)
    save(tmp_path, "boris-20261110-120000", 1.4)
    save(tmp_path, "me-20261110-120000", 1.0)
    assert best_on_same_data(tmp_path, "me-20261110-120000", FACTS) == BestOnSameData(1.4, 2)


def test_other_tokens_or_another_split_are_no_relations(tmp_path: Path) -> None:
    for number, change in enumerate(
        ({"sha256": "other"}, {"tokenizer": "byte"}, {"vocabulary_size": 9999}, {"train_tokens": 1, "val_tokens": 2})
    ):
        save(tmp_path, f"other{number}-20261110-120000", 0.1, msgspec.structs.replace(FACTS, **change))
    assert best_on_same_data(tmp_path, "me-20261110-120000", FACTS) == BestOnSameData(None, 0)


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
    assert names(milestones_of_best_loss(0.4, None, 0)) == []
    assert names(milestones_of_best_loss(0.4, 0.4, 3)) == []
    assert names(milestones_of_best_loss(0.39, 0.4, 3)) == ["best of all"]
    assert names(milestones_of_stability(3599.0)) == []
    assert names(milestones_of_stability(3600.0)) == ["an hour of calm"]
