"""The promises of the diagnosis, held on curves with known truth (`python -m bench.judging.diagnosis`)."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from babytrain.engine.diagnosis.verdicts import VERDICTS
from bench.judging.diagnosis import confusion, false_overfitting_rate, figures, outcomes, table
from bench.judging.known_curves import library

UNSEEN_SEED = 25  # no threshold was set on it


def test_the_library_is_large_and_holds_every_truth() -> None:
    truths = Counter(curve.truth for curve in library())
    assert len(library()) >= 60
    assert set(truths) == set(VERDICTS)
    assert truths["overfitting"] >= 10
    assert truths["diverging"] >= 10
    assert sum(curve.recorded for curve in library()) == 2
    assert len({curve.name for curve in library()}) == len(library())


def test_a_curve_is_the_same_every_time_and_another_seed_is_another() -> None:
    again = library.__wrapped__(0)
    other = library.__wrapped__(UNSEEN_SEED)
    for one, same, different in zip(library(), again, other, strict=True):
        np.testing.assert_array_equal(one.observation.loss, same.observation.loss)
        assert one.recorded == bool(np.array_equal(one.observation.loss, different.observation.loss))


@pytest.mark.parametrize("seed", [0, UNSEEN_SEED])
def test_at_most_one_false_overfitting_alarm_in_twenty_evaluations(seed: int) -> None:
    alarms, evaluations = false_overfitting_rate(outcomes(seed))
    assert evaluations > 1000
    assert alarms / evaluations <= 0.05


def test_overfitting_is_found_within_two_evaluations() -> None:
    overfit = [outcome for outcome in outcomes() if outcome.curve.truth == "overfitting"]
    assert overfit
    assert {outcome.curve.name: outcome.found_after for outcome in overfit if outcome.found_after not in (1, 2)} == {}


@pytest.mark.parametrize("seed", [0, UNSEEN_SEED])
def test_divergence_is_found_within_twenty_steps_and_nowhere_else(seed: int) -> None:
    for outcome in outcomes(seed):
        if outcome.curve.truth == "diverging":
            assert outcome.fired_after is not None, outcome.curve.name
            assert outcome.fired_after <= 20, outcome.curve.name
        if outcome.curve.truth != "lr too high":  # which may well be on its way out
            assert outcome.false_fires == 0, outcome.curve.name


def test_the_verdict_at_the_decisive_step_is_the_truth() -> None:
    assert figures(outcomes())["wrong"] == {}


def test_on_curves_never_seen_before_nine_verdicts_in_ten_are_right() -> None:
    result = figures(outcomes(UNSEEN_SEED))
    assert result["right"] >= 0.9 * result["curves"]


def test_verdicts_do_not_flicker() -> None:
    assert figures(outcomes())["verdict_changes_per_run"] <= 3.0
    assert max(outcome.changes for outcome in outcomes()) <= 6


def test_the_table_has_a_row_and_a_column_for_every_verdict() -> None:
    lines = table(confusion(outcomes())).splitlines()
    assert len(lines) == 1 + len(VERDICTS)
    assert all(verdict in lines[0] for verdict in VERDICTS)
    counts = [int(word) for line in lines[1:] for word in line.split() if word.isdigit()]
    assert sum(counts) == len(library())
