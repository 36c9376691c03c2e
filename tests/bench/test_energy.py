"""What the benchmark of the meter claims: within 1% of a known integral, and honest about what it missed."""

from __future__ import annotations

import pytest

from bench.machine.energy import SCENARIOS, Scenario, run_scenario


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_a_known_integral_is_found_within_a_hundredth(scenario: Scenario) -> None:
    result = run_scenario(scenario)
    assert abs(result.error_percent) < 1.0
    assert result.unmeasured_seconds == pytest.approx(result.truth_unmeasured_seconds, abs=3.0)
    if result.gap_percent is not None:
        assert abs(result.gap_percent) < 1.0
