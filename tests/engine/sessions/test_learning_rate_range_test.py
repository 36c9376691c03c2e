"""The learning-rate range test: finds the useful rates, says so, and leaves no trace in the run."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from babytrain.engine.config.build import changed_config
from babytrain.engine.sessions import learning_rate_range_test
from babytrain.engine.sessions.learning_rate_range_test import LearningRateBracket, find_bracket
from babytrain.runs.events import LogMessage
from bench.learning.ablation import Splits, train_once
from tests.engine.tiny_runs import events_of, final_weights, same_bits, tiny_config, train

RATES = [1e-5 * 10 ** (5 * step / 59) for step in range(60)]


def sweep(falls_from: float, too_high_from: float) -> list[float]:
    """Losses that fall between two rates and climb after the second."""
    losses, loss = [], 4.0
    for rate in RATES:
        if rate >= too_high_from:
            loss += 0.3
        elif rate >= falls_from:
            loss -= 0.08
        losses.append(loss)
    return losses


@pytest.mark.parametrize(("low", "high"), [(1e-4, 1e-2), (1e-3, 1e-1), (1e-4, 0.5), (1e-3, 2.0)])
def test_the_useful_rates_are_those_of_most_of_the_fall_and_not_its_beginning(low: float, high: float) -> None:
    found = find_bracket(RATES, sweep(low, high))
    assert found.low is not None
    assert found.high is not None
    assert 5 * low < found.low < min(high, 1.0), "where it only begins to fall a run ends badly"
    assert found.low < found.high <= min(3 * found.low, RATES[-1])


@pytest.mark.parametrize("losses", [[], [4.0], [4.0, math.nan], [4.0] * 60, [4.0 + step for step in range(60)]])
def test_no_fall_no_bracket(losses: list[float]) -> None:
    assert find_bracket(RATES, losses) == LearningRateBracket(None, None)
    assert "no rate" in LearningRateBracket(None, None).sentence(tiny_config())


def test_both_rates_are_told() -> None:
    found = LearningRateBracket(0.006, 0.018)
    muon = tiny_config(optimizer="muon", lr=0.012, muon_lr=0.01)
    assert "(lr) from 6e-3 to 1.8e-2, with muon_lr from 5e-3 to 1.5e-2, look useful (yours lies" in found.sentence(muon)
    adamw = found.sentence(tiny_config(optimizer="adamw", lr=0.001))
    assert "(lr) from 6e-3 to 1.8e-2 look useful (yours is 1e-3)" in adamw


TEXT = "the old frog sleeps under a stone. the snake looks for a way home. a moth is awake. " * 40


@pytest.mark.parametrize("given", [1.2e-4, 3e-3, 1.0])
def test_what_is_called_useful_ends_well_whatever_rate_the_settings_have(given: float) -> None:
    """Measured by whole runs: the lowest useful rate makes most of the fall that the best rate makes."""
    characters = sorted(set(TEXT))
    tokens = torch.tensor([characters.index(one) for one in TEXT], dtype=torch.int32)
    config = tiny_config(optimizer="adamw", lr=given, steps=120, warmup=5, batch_size=8, context=32)
    found = learning_rate_range_test.sweep_learning_rates(
        config, tokens.numpy(), len(characters), device="cpu", precision="fp32"
    )
    assert found.low is not None
    assert found.high is not None
    splits = Splits(tokens[:3000], tokens[3000:], len(characters))

    def ends_at(rate: float) -> float:
        losses, _, _ = train_once(changed_config(config, lr=rate), splits, [config.steps])
        return losses[config.steps]

    start = math.log(len(characters))
    best = min(map(ends_at, (3e-3, 1e-2, 3e-2, found.low, found.high)))
    assert start - ends_at(found.low) > 0.8 * (start - best)
    assert start - ends_at(found.high) > 0.8 * (start - best)


def test_a_real_sweep_brackets_a_rate_that_works_and_leaves_no_trace() -> None:
    torch.manual_seed(4)
    state = torch.get_rng_state()
    tokens = np.array([1, 2, 3, 4, 5, 6, 7] * 100, dtype=np.int32)
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
