"""The paired block bootstrap: symmetric, shifted with its data, honest about correlated windows, repeatable."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from babytrain.engine.diagnosis.paired_bootstrap import choose_block_length, compare_windows

FloatArray = npt.NDArray[np.float64]
losses = arrays(np.float64, st.integers(4, 60), elements=st.floats(0.0, 8.0, width=32))


def correlated(seed: int, count: int, likeness: float) -> FloatArray:
    noise = np.random.Generator(np.random.Philox(key=seed)).standard_normal(count + 200)
    values = np.zeros(count + 200)
    for place in range(1, len(values)):
        values[place] = likeness * values[place - 1] + noise[place]
    return values[200:]


@settings(max_examples=40, deadline=None)
@given(losses, st.integers(0, 2**32))
def test_swapping_the_two_mirrors_the_answer(first: FloatArray, seed: int) -> None:
    second = first[::-1].copy()
    one, other = compare_windows(first, second, seed=seed), compare_windows(second, first, seed=seed)
    assert other.difference == pytest.approx(-one.difference, abs=1e-9)
    assert (other.low, other.high) == pytest.approx((-one.high, -one.low), abs=1e-9)
    assert other.probability_above == pytest.approx(1.0 - one.probability_above, abs=0.02)


@settings(max_examples=40, deadline=None)
@given(losses, st.sampled_from([-2.0, -0.25, 0.5, 4.0]))
def test_a_constant_moves_the_interval_and_leaves_its_width(first: FloatArray, constant: float) -> None:
    second = np.roll(first, 1)
    plain = compare_windows(first, second, block_length=3)
    moved = compare_windows(first + constant, second, block_length=3)
    assert moved.difference == pytest.approx(plain.difference + constant, abs=1e-9)
    assert (moved.low, moved.high) == pytest.approx((plain.low + constant, plain.high + constant), abs=1e-9)


@pytest.mark.parametrize(("likeness", "lowest"), [(0.0, 0.85), (0.3, 0.82), (0.6, 0.80)])
def test_the_interval_covers_the_truth_about_as_often_as_it_says(likeness: float, lowest: float) -> None:
    covered = 0
    for seed in range(1000, 1300):
        series = correlated(seed, 400, likeness)
        comparison = compare_windows(series, np.zeros(400), seed=seed, confidence=0.9, resamples=600)
        covered += comparison.low <= 0.0 <= comparison.high
    assert lowest <= covered / 300 <= 0.95


def test_single_windows_would_be_too_sure_where_neighbours_are_alike() -> None:
    series = correlated(1, 1000, 0.6)
    blocks = compare_windows(series, np.zeros(1000))
    singles = compare_windows(series, np.zeros(1000), block_length=1)
    assert blocks.block_length > 4
    assert blocks.high - blocks.low > 1.5 * (singles.high - singles.low)


def test_blocks_grow_with_the_likeness_of_neighbours() -> None:
    lengths = [np.mean([choose_block_length(correlated(s, 1000, r)) for s in range(20)]) for r in (0.0, 0.3, 0.7)]
    assert lengths[0] < 4
    assert lengths[0] < lengths[1] < lengths[2]


def test_a_hundredth_of_a_nat_is_seen_through_windows_that_differ_by_a_quarter() -> None:
    difficulty = 1.5 + 0.28 * correlated(2, 435, 0.5)
    better = difficulty - 0.01 + 0.02 * correlated(3, 435, 0.2)
    comparison = compare_windows(difficulty, better)
    assert comparison.low > 0.0
    assert comparison.probability_above > 0.999


def test_the_same_data_give_the_same_answer_and_another_seed_nearly() -> None:
    first, second = correlated(4, 300, 0.4), correlated(5, 300, 0.4)
    assert compare_windows(first, second, seed=7) == compare_windows(first, second, seed=7)
    other = compare_windows(first, second, seed=8)
    assert other != compare_windows(first, second, seed=7)
    assert other.low == pytest.approx(compare_windows(first, second, seed=7).low, abs=0.05)


def test_windows_without_a_number_are_left_out_with_their_partner() -> None:
    first, second = correlated(6, 50, 0.0), correlated(7, 50, 0.0)
    broken = first.copy()
    broken[[3, 9]] = np.nan, np.inf
    keep = np.setdiff1d(np.arange(50), [3, 9])
    assert compare_windows(broken, second) == compare_windows(first[keep], second[keep])
    assert compare_windows(broken, second).windows == 48


@pytest.mark.parametrize("count", [0, 1, 3])
def test_too_few_windows_prove_nothing(count: int) -> None:
    comparison = compare_windows(np.ones(count), np.zeros(count))
    assert (comparison.low, comparison.high) == (-math.inf, math.inf)
    assert comparison.probability_above == 0.5


def test_equal_series_are_equal() -> None:
    comparison = compare_windows(np.ones(100), np.ones(100))
    assert (comparison.difference, comparison.low, comparison.high, comparison.probability_above) == (
        0.0,
        0.0,
        0.0,
        0.5,
    )


def test_series_of_different_windows_are_refused() -> None:
    with pytest.raises(ValueError, match="same windows"):
        compare_windows(np.ones(5), np.ones(6))
