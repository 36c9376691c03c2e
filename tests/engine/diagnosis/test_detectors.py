"""The watchmen of the training loop: wild steps and leaving runs are seen, noise and NaN change nothing."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from babytrain.engine.diagnosis.detectors import DivergenceDetector, SpikeDetector
from babytrain.engine.diagnosis.robust_statistics import NORMAL_MAD


def noise(count: int, seed: int = 1) -> list[float]:
    return list(np.random.Generator(np.random.Philox(key=seed)).standard_normal(count))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(0.0, 12.0), min_size=20, max_size=150))
def test_the_running_score_is_that_of_the_last_64_steps(losses: list[float]) -> None:
    detector = SpikeDetector()
    for step, loss in enumerate(losses, 1):
        window = np.sort(losses[max(0, step - 65) : step - 1])
        detector.update(step, loss, 1.0)
        if step <= 16:
            assert detector.loss_z == 0.0
            continue
        middle = window[len(window) // 2]
        deviation = np.sort(np.abs(window - middle))[len(window) // 2]
        assert detector.loss_z == pytest.approx((loss - middle) / max(NORMAL_MAD * deviation, 0.01))


def test_a_wild_loss_or_gradient_is_a_spike_and_noise_is_none() -> None:
    detector = SpikeDetector(warmup_steps=10)
    spikes = []
    for step, (one, other) in enumerate(zip(noise(600), noise(600, 2), strict=True), 1):
        loss = 2.0 + 0.05 * one + (1.0 if step == 300 else 0.0)
        gradient_norm = math.exp(0.15 * other) * (20.0 if step == 450 else 1.0)
        if detector.update(step, loss, gradient_norm):
            spikes.append(step)
    assert spikes == [300, 450]


def test_what_is_no_number_is_a_spike_and_blinds_nobody() -> None:
    detector, blind = SpikeDetector(), SpikeDetector()
    for step, one in enumerate(noise(100), 1):
        detector.update(step, 2.0 + 0.05 * one, 1.0)
        blind.update(step, 2.0 + 0.05 * one, 1.0)
    assert detector.update(101, math.nan, 1.0)
    assert detector.update(102, 2.0, math.inf)
    assert not detector.update(103, 2.0, 1.0)
    assert detector.update(104, 4.0, 1.0)
    assert blind.update(101, 4.0, 1.0)


def test_nothing_is_a_spike_before_the_warm_up_is_over() -> None:
    detector = SpikeDetector(warmup_steps=200)
    assert not any(detector.update(step, 2.0 + 5.0 * (step % 50 == 0), 1.0) for step in range(1, 201))


def feed(detector: DivergenceDetector, losses: list[float], first: int = 1) -> list[int]:
    return [step for step, loss in enumerate(losses, first) if detector.update(step, loss)]


@pytest.mark.parametrize("level", [0.02, 0.1, 0.3])
@pytest.mark.parametrize("seed", range(5))
def test_noise_is_no_divergence_however_long(level: float, seed: int) -> None:
    assert feed(DivergenceDetector(), [2.0 + level * one for one in noise(5000, seed)]) == []


def test_a_run_that_leaves_is_seen_soon_and_until_it_is_back() -> None:
    detector = DivergenceDetector()
    assert feed(detector, [2.0 + 0.05 * one for one in noise(500)]) == []
    risen = feed(detector, [2.0 + 0.04 * step for step in range(100)], 501)
    assert risen[0] <= 520
    assert risen[-1] == 600
    assert feed(detector, [2.0 + 0.05 * one for one in noise(100, 3)], 601) == []
    assert detector.best < 2.1
    assert not detector.update(701, 2.0)


def test_one_terrible_batch_is_no_divergence() -> None:
    detector = DivergenceDetector()
    losses = [2.0 + 0.03 * one for one in noise(400)]
    losses[200], losses[201] = 9.0, 5.0
    assert feed(detector, losses) == []


def test_a_loss_that_is_no_number_counts_at_once_and_is_forgotten_by_a_reset() -> None:
    detector = DivergenceDetector()
    feed(detector, [2.0 + 0.05 * one for one in noise(100)])
    assert detector.update(101, math.nan)
    assert detector.update(102, math.inf)
    assert not detector.update(103, 2.0)
    assert math.isfinite(detector.best)
    detector.reset()
    assert feed(detector, [5.0 + 0.05 * one for one in noise(100)]) == []


def test_a_rough_warm_up_is_forgiven() -> None:
    rough = [4.0 - 0.02 * step + (2.0 if 60 <= step <= 80 else 0.0) for step in range(1, 101)]
    assert feed(DivergenceDetector(warmup_steps=100), rough) == []
    assert feed(DivergenceDetector(), rough) != []


def test_a_run_that_knows_its_text_by_heart_may_bounce_near_zero() -> None:
    rng = np.random.default_rng(5)
    learnt = 0.03 + 0.004 * rng.standard_normal(300)
    bounce = np.linspace(0.05, 0.14, 30)  # five times its loss, and still next to nothing
    detector = DivergenceDetector()
    assert not any(detector.update(step, float(loss)) for step, loss in enumerate([*learnt, *bounce], start=1))
    assert any(detector.update(400 + step, 1.0) for step in range(10))
