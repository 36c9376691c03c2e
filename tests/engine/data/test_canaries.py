"""Canaries are planted and ranked as they should be."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from babytrain.engine.data.canaries import candidates_for, make_canaries, measure_exposure, plant_canaries

seeds = st.integers(0, 2**32)


@given(seeds, st.integers(1, 16))
def test_canaries_are_different_and_the_same_for_the_same_seed(seed: int, count: int) -> None:
    canaries = make_canaries(seed, count)
    assert canaries == make_canaries(seed, count)
    assert len(set(canaries)) == count


def test_another_seed_makes_other_canaries() -> None:
    assert not set(make_canaries(1)) & set(make_canaries(2))


@given(st.text(alphabet="ab\n", max_size=80), seeds, st.integers(1, 3))
def test_planting_adds_whole_lines_and_changes_nothing_else(text: str, seed: int, times: int) -> None:
    canaries = make_canaries(seed)
    lines = plant_canaries(text, canaries, seed, times=times).splitlines()
    assert [line for line in lines if line not in canaries] == text.splitlines()
    assert all(lines.count(canary) == times for canary in canaries)


def test_candidates_are_different_lines_of_the_same_characters() -> None:
    canary = make_canaries(5)[0]
    candidates = candidates_for(canary, seed=1, count=500)
    assert candidates[0] == canary
    assert len(set(candidates)) == 500
    assert {"".join(sorted(line)) for line in candidates} == {"".join(sorted(canary))}


@pytest.mark.parametrize(("better", "bits"), [(0, 10.0), (1, 9.0), (511, 1.0), (1023, 0.0)])
def test_exposure_follows_from_the_rank(better: int, bits: float) -> None:
    canary = make_canaries(5)[0]

    def losses(lines: list[str]) -> list[float]:
        return [1.0, *(0.5 if number < better else 2.0 for number in range(len(lines) - 1))]

    exposure = measure_exposure(canary, losses, seed=1)
    assert (exposure.rank, exposure.bits) == (better + 1, pytest.approx(bits))


def test_a_model_that_knows_nothing_gives_little_and_one_that_always_says_the_same_gives_a_middle_rank() -> None:
    canary = make_canaries(5)[0]
    draw = random.Random(1)
    bits = [
        measure_exposure(canary, lambda lines: [draw.random() for _ in lines], seed, 64).bits for seed in range(200)
    ]
    assert sum(bits) / len(bits) == pytest.approx(math.log2(math.e), abs=0.3)
    assert measure_exposure(canary, lambda lines: [1.0] * len(lines), 1).rank == 513


def test_what_cannot_be_ranked_is_refused() -> None:
    canary = make_canaries(5)[0]
    with pytest.raises(ValueError, match="not made as a canary"):
        candidates_for("to be or not to be 0123456789", seed=1)
    with pytest.raises(ValueError, match="each a number"):
        measure_exposure(canary, lambda lines: [math.nan] * len(lines), seed=1)
    with pytest.raises(ValueError, match="as many losses"):
        measure_exposure(canary, lambda lines: [1.0], seed=1)
    with pytest.raises(ValueError, match="1 to 16"):
        make_canaries(1, 17)
