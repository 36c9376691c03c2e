"""What is promised of the forecast, on runs whose end is known."""

from __future__ import annotations

import json

import pytest

from babytrain.runs.journal import load_state
from babytrain.runs.recorded import recorded_runs
from bench.judging.forecast import NUMBERS, Look, Score, as_data, as_text, look_at, look_at_recording, score
from bench.judging.forecast_runs import EDITION, histories

OTHER_EDITION = EDITION + 1  # nothing was tuned on it


@pytest.fixture(scope="module", params=[EDITION, OTHER_EDITION])
def looks(request: pytest.FixtureRequest) -> list[Look]:
    return [look for history in histories(request.param) for look in look_at(history)]


def scored(looks: list[Look], number: str, since: float) -> Score:
    return score([look for look in looks if look.progress >= since - 1e-9], NUMBERS[number])


def test_the_library_is_large_enough_and_the_same_every_time() -> None:
    first, again = histories(), histories()
    assert len(first) >= 40
    assert all((a.val_losses == b.val_losses).all() for a, b in zip(first, again, strict=True))
    assert [a.state.last_t for a in first] == [b.state.last_t for b in again]


@pytest.mark.parametrize("number", ["end", "final loss"])
def test_ranges_hold_the_truth_from_a_fifth_on(looks: list[Look], number: str) -> None:
    result = scored(looks, number, 0.2)
    assert result.held >= 0.8
    assert result.answered >= 0.85  # silence alone would hold everything


def test_the_end_is_off_by_a_tenth_at_most_from_a_tenth_on(looks: list[Look]) -> None:
    result = scored(looks, "end", 0.1)
    assert result.median_error <= 0.1
    assert result.answered >= 0.9


def test_ranges_are_narrow_enough_to_be_of_use(looks: list[Look]) -> None:
    assert scored(looks, "end", 0.2).median_width <= 0.3
    assert scored(looks, "final loss", 0.2).median_width <= 0.2


def test_the_step_of_a_target_lies_in_its_range(looks: list[Look]) -> None:
    assert scored(looks, "target", 0.2).held >= 0.8


def test_a_forecast_is_silent_where_it_would_be_a_guess(looks: list[Look]) -> None:
    assert all(look.final_loss is None for look in looks if look.progress < 0.1)


def test_the_recorded_run_ends_in_its_range() -> None:
    seen = [look for path in recorded_runs() for look in look_at_recording(load_state(path), path.stem)]
    assert scored(seen, "final loss", 0.2).held >= 0.8
    assert scored(seen, "end", 0.1).median_error <= 0.1


def test_the_report_has_text_and_json(looks: list[Look]) -> None:
    some = looks[:30]
    assert "range holds" in as_text(some)
    data = json.loads(json.dumps(as_data(some), allow_nan=False))
    assert len(data["looks"]) == 30
    assert set(data["tables"]) == set(NUMBERS)
