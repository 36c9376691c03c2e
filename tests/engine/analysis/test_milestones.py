"""Milestones are earned, once, and not by chance; the record of a text compares only losses that mean the same."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from babytrain.engine.analysis.milestones import (
    BestOnSameData,
    RandomText,
    best_on_same_data,
    has_learned,
    milestones_of_best_loss,
    milestones_of_letter,
    milestones_of_loss,
    milestones_of_poems,
    milestones_of_stability,
    newly_reached,
    with_lower_steps,
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


def test_a_run_whose_losses_are_no_numbers_is_no_record(tmp_path: Path) -> None:
    save(tmp_path, "anna-20261110-120000", float("nan"))
    assert best_on_same_data(tmp_path, "me-20261110-120000", FACTS) == BestOnSameData(None, 0)


def test_other_tokens_or_another_split_are_no_relations(tmp_path: Path) -> None:
    for number, change in enumerate(
        ({"sha256": "other"}, {"tokenizer": "byte"}, {"vocabulary_size": 9999}, {"train_tokens": 1, "val_tokens": 2})
    ):
        save(tmp_path, f"other{number}-20261110-120000", 0.1, msgspec.structs.replace(FACTS, **change))
    assert best_on_same_data(tmp_path, "me-20261110-120000", FACTS) == BestOnSameData(None, 0)


REAL = {"the", "snake", "sleeps", "frog", "a", "on"}
LEVELS = Baselines(t=0.0, step=0, uniform=3.4, unigram=2.8, bigram=2.3, trigram=1.5, fivegram=0.7)
GIBBERISH = "qwet zzpt a on\n" * 200  # random letters that made no real word of four letters


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
        ("the the the the\nqx", []),  # a word said again and again is no line
    ],
)
def test_words_and_lines(text: str, expected: list[str]) -> None:
    chance = RandomText(GIBBERISH, REAL.__contains__)
    assert names(chance.milestones(text, REAL.__contains__)) == expected


def test_a_word_that_random_letters_make_as_often_is_no_first_word() -> None:
    chance = RandomText("qwet zzpt snak frog trrr eeei uiop aaas\n" * 50, REAL.__contains__)  # one in eight by chance
    assert names(chance.milestones("qqqq frog wwww eeee rrrr tttt yyyy uuuu ", REAL.__contains__)) == []
    assert names(chance.milestones("snake frog sleeps snake frog sleeps ", REAL.__contains__)) == ["first word"]


POEM = "the adder sleeps in\nwhite frost whitens his deep door\nthe old deer looks up\n\n"
NONSENSE = "qa qa qa qa qa\nqa qa qa qa qa qa qa\nqa qa qa qa qa\n\n"


def test_poems() -> None:
    def found(text: str, *, unseen: bool = False, prompt: str = "") -> list[str]:
        return names(milestones_of_poems(text, lambda word: word != "qa", lambda _: unseen, prompt=prompt))

    assert found("the adder\n\n") == []
    assert found(POEM) == ["first haiku"]
    assert found(POEM, unseen=True) == ["first haiku", "new haiku"]
    assert found(NONSENSE, unseen=True) == [], "five, seven and five syllables of no word are no poem"
    assert found("the adder\n\n", prompt=POEM) == [], "the prompt's own poem is not the model's"


@pytest.mark.parametrize(("loss", "count"), [(2.3, 0), (2.0, 1), (1.0, 2), (0.5, 3), (float("nan"), 0)])
def test_counting_models_are_passed_one_after_the_other(loss: float, count: int) -> None:
    assert (
        names(milestones_of_loss(loss, LEVELS)) == ["below the bigram", "below the trigram", "below the 5-gram"][:count]
    )


def test_the_favourite_letter_is_found_and_not_only_said() -> None:
    assert names(milestones_of_letter("e", None, None)) == []
    assert names(milestones_of_letter("e", 0.91, 0.92)) == [
        "favourite letter 50%",
        "favourite letter 75%",
        "favourite letter 90%",
    ]
    assert names(milestones_of_letter("e", 1.0, 0.12)) == [], "who always says e finds every e"
    text = list(milestones_of_letter("e", 0.96, 0.94))[-1].text
    assert "recall 96%, precision 94%" in text
    assert "never been prouder" in text
    assert "accuracy" not in text


@pytest.mark.parametrize(
    ("loss", "unigram", "learned"),
    [(2.0, 2.8, True), (2.79, 2.8, False), (34.0, 2.8, False), (float("nan"), 2.8, False), (None, 2.8, False)],
)
def test_what_is_above_counting_letters_has_learned_nothing(loss: float, unigram: float, learned: bool) -> None:
    assert has_learned(loss, unigram) is learned


def test_of_several_steps_at_once_the_highest_is_told() -> None:
    at_once = [*milestones_of_letter("e", 0.91, 0.92), *milestones_of_loss(0.5, LEVELS)]
    assert names(newly_reached(at_once, set())) == ["favourite letter 90%", "below the 5-gram"]
    reached = with_lower_steps(["favourite letter 90%"])
    assert names(newly_reached(at_once, reached)) == ["below the 5-gram"]
    assert names(newly_reached(milestones_of_letter("e", 0.6, 0.6), reached)) == []


def test_the_family_and_the_calm() -> None:
    assert names(milestones_of_best_loss(0.4, None, 0)) == []
    assert names(milestones_of_best_loss(0.4, 0.4, 3)) == []
    assert names(milestones_of_best_loss(0.39, 0.4, 3)) == ["best of all"]
    assert names(milestones_of_stability(3599.0)) == []
    assert names(milestones_of_stability(3600.0)) == ["an hour of calm"]
