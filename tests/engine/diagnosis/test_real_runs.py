"""The diagnosis on recorded real runs whose truth is decided by their siblings (`bench.judging.real_runs`)."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from babytrain.engine.diagnosis.decide_verdict import diagnose
from bench.judging.real_runs import Collection, real_runs, truth_of
from bench.judging.real_verdicts import BAD, Judged, figures, judged_runs


def named(collection: Collection, name: str) -> Judged:
    return next(judged for judged in judged_runs(collection) if judged.run.name.startswith(name))


@pytest.mark.parametrize(("collection", "most_missed", "most_false"), [("tuning", 0.1, 0.05), ("test", 0.1, 0.08)])
def test_bad_runs_are_told_and_fine_ones_left_in_peace(
    collection: Collection, most_missed: float, most_false: float
) -> None:
    result = figures(judged_runs(collection))
    for when in ("half", "end"):
        found = result[when]
        assert found["bad_called_fine"] <= most_missed * found["bad"]
        assert found["bad_called_wrongly"] == 0
        assert found["fine_called_bad"] <= most_false * found["fine"]


@pytest.mark.parametrize("collection", ["tuning", "test"])
def test_what_is_wrong_from_the_first_step_is_told_within_100_steps_or_a_tenth(collection: Collection) -> None:
    soon = figures(judged_runs(collection))["soon"]
    assert soon["wrong_from_the_start"] >= 15
    assert soon["told_late"] == []


def test_the_collections_are_large_share_no_text_and_hold_every_truth() -> None:
    tuning, test = real_runs("tuning"), real_runs("test")
    assert len(tuning) >= 60
    assert len(test) >= 60
    assert {run.group[0] for run in tuning}.isdisjoint(run.group[0] for run in test)
    for runs in (tuning, test):
        names = " ".join({truth_of(run, runs).name for run in runs})
        assert all(word in names for word in ("fine", "too low", "too high", "overfits"))


def test_no_loss_in_a_sentence_is_below_what_was_measured() -> None:
    for judged in (*judged_runs("tuning"), *judged_runs("test")):
        seen = judged.run.curve.observation
        lowest = min(float(column.min()) for column in (seen.loss, seen.val_loss, seen.train_loss))
        for diagnosis in judged.diagnoses.values():
            for number in re.findall(r"loss (?:is|fell to|.* to) (-?[0-9]+\.[0-9]{3})", diagnosis.why):
                assert float(number) >= lowest - 0.0006, diagnosis.why


def test_nothing_to_do_is_never_said_above_the_level_of_counting() -> None:
    for judged in (*judged_runs("tuning"), *judged_runs("test")):
        for step, diagnosis in judged.diagnoses.items():
            observation = judged.run.at(step)
            if "Nothing to do" in diagnosis.next_:
                assert observation.level < observation.unigram_loss, (judged.run.name, step)


def test_a_learning_rate_far_too_low_names_a_higher_one() -> None:
    judged = named("tuning", "shakespeare/base/lr1e-05-muon8")
    first = judged.diagnoses[judged.told_at or 0]
    assert first.verdict == "lr too low"
    assert first.advice is not None
    assert (first.advice.action, first.advice.value) == ("lr_scale", 10.0)
    assert judged.end == "lr too low"


def test_a_learning_rate_far_too_high_says_that_the_loss_is_above_its_start() -> None:
    judged = named("tuning", "haiku/base/lr5-")
    first = judged.diagnoses[judged.told_at or 0]
    assert first.verdict == "diverging"
    assert "of the untrained model" in first.why
    assert judged.end in BAD


def test_the_verdict_of_a_jump_ends_when_the_rate_was_lowered() -> None:
    run = named("tuning", "shakespeare/base/lr1-muon0.83").run
    late = run.at(run.steps - 1)
    assert diagnose(late).verdict == "lr too high"
    assert diagnose(replace(late, lr_scale=0.1, rate_factors=(8.3, 8.3))).verdict not in BAD


def test_an_overfitted_run_says_so_at_its_end_and_names_its_best_step() -> None:
    judged = named("tuning", "scene/base/lr0.012")
    end = judged.diagnoses[judged.run.steps]
    assert end.verdict == "overfitting"
    assert "write with the best checkpoint, of step" in end.next_.lower()
    assert end.advice is None  # no key does anything after the end
