"""The learning-rate range test: finds the useful rates, says so, and leaves no trace in the run."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch

from babytrain.engine.sessions import learning_rate_range_test
from babytrain.engine.sessions.learning_rate_range_test import LearningRateBracket, find_bracket
from babytrain.runs.events import LogMessage
from tests.engine.tiny_runs import events_of, final_weights, same_bits, tiny_config, train

RATES = [1e-5 * 10 ** (5 * step / 59) for step in range(60)]


def sweep(useful_from: float, too_high_from: float) -> list[float]:
    """Losses that fall between two rates and climb after the second."""
    losses, loss = [], 4.0
    for rate in RATES:
        if rate >= too_high_from:
            loss += 0.3
        elif rate >= useful_from:
            loss -= 0.08
        losses.append(loss)
    return losses


@pytest.mark.parametrize(("low", "high"), [(1e-4, 1e-2), (1e-3, 1e-1), (1e-4, 0.5)])
def test_the_bracket_is_where_the_loss_falls(low: float, high: float) -> None:
    found = find_bracket(RATES, sweep(low, high))
    assert found.low is not None
    assert found.high is not None
    assert low / 2 < found.low < low * 3
    assert high / 5 < found.high < high * 1.3


@pytest.mark.parametrize("losses", [[], [4.0], [4.0, math.nan], [4.0] * 60, [4.0 + step for step in range(60)]])
def test_no_fall_no_bracket(losses: list[float]) -> None:
    assert find_bracket(RATES, losses) == LearningRateBracket(None, None)
    assert "no rate" in LearningRateBracket(None, None).sentence(1e-3)


def test_a_real_sweep_brackets_a_rate_that_works_and_leaves_no_trace() -> None:
    torch.manual_seed(4)
    state = torch.get_rng_state()
    tokens = torch.tensor([1, 2, 3, 4, 5, 6, 7] * 100, dtype=torch.int32)
    found = learning_rate_range_test.sweep_learning_rates(
        tiny_config(lr=3e-3, dropout=0.1), tokens, 10, device="cpu", precision="fp32"
    )
    assert torch.equal(torch.get_rng_state(), state)
    assert found.low is not None
    assert found.high is not None
    assert found.low < 3e-2 < found.high * 10


def test_a_run_that_asks_for_it_is_told_and_not_changed(tmp_path: Path) -> None:
    plain = train(tmp_path, name="plain")
    tested = train(tmp_path, name="tested", lr_range_test=True)
    notes = [event.text for event in events_of(tested) if isinstance(event, LogMessage)]
    assert sum("range test" in text or "by a test of 60 steps" in text for text in notes) == 1
    assert same_bits(final_weights(plain), final_weights(tested))
