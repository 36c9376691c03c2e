"""The draw of a token: what is allowed, what is likely, and that the defaults change nothing."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from babytrain.engine.config.build import build_config
from babytrain.engine.config.errors import ConfigError
from babytrain.engine.generation.sampling import SamplingSettings, sample_token

LOGITS = st.lists(st.floats(-50, 50, width=32), min_size=2, max_size=20)
SETTINGS = st.builds(
    SamplingSettings,
    temperature=st.floats(1e-3, 10.0),
    top_k=st.integers(0, 25),
    top_p=st.floats(0.01, 1.0),
    min_p=st.floats(0.0, 1.0),
    repetition_penalty=st.floats(1.0, 10.0),
)
RECENT = st.lists(st.integers(0, 1), max_size=5)  # there are always two tokens


def philox(seed: int = 1) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(seed))


class Uniform(np.random.Generator):
    """A generator that always gives the same number."""

    def __init__(self, number: float) -> None:
        super().__init__(np.random.Philox(1))
        self.number = number

    def random(self, *_: Any, **__: Any) -> Any:
        return np.float32(self.number)


def floats(logits: list[float]) -> NDArray[np.float32]:
    return np.array(logits, dtype=np.float32)


def allowed_shares(logits: list[float], wanted: SamplingSettings, recent: list[int]) -> list[float]:
    """The distribution by the definitions, one token at a time, in plain Python."""
    values = [float(value) for value in floats(logits)]
    for token in set(recent):
        penalty = wanted.repetition_penalty
        values[token] = values[token] / penalty if values[token] > 0 else values[token] * penalty
    odds = [math.exp((value - max(values)) / wanted.temperature) for value in values]
    ranked = sorted(odds, reverse=True)
    least = ranked[wanted.top_k - 1] if 0 < wanted.top_k < len(odds) else 0.0
    odds = [value if value >= least else 0.0 for value in odds]
    if wanted.top_p < 1.0:
        reached, total = 0.0, sum(odds)
        for value in sorted(odds, reverse=True):
            least, reached = value, reached + value
            if reached >= wanted.top_p * total:
                break
        odds = [value if value >= least else 0.0 for value in odds]
    odds = [value if value >= wanted.min_p * max(odds) else 0.0 for value in odds]
    return [value / sum(odds) for value in odds]


@settings(max_examples=150, deadline=None)
@given(LOGITS, SETTINGS, RECENT, st.integers(0, 99))
def test_only_allowed_tokens_are_drawn(
    logits: list[float], wanted: SamplingSettings, recent: list[int], seed: int
) -> None:
    token = sample_token(floats(logits), wanted, philox(seed), recent)
    # A sum that meets a limit to the last bit may be rounded either way.
    lenient = replace(wanted, top_p=min(1.0, wanted.top_p + 1e-9), min_p=max(0.0, wanted.min_p - 1e-9))
    assert allowed_shares(logits, lenient, recent)[token] > 0.0


@settings(max_examples=100, deadline=None)
@given(LOGITS, SETTINGS, RECENT)
def test_the_likeliest_token_always_remains_possible(
    logits: list[float], wanted: SamplingSettings, recent: list[int]
) -> None:
    likeliest = int(np.argmax(allowed_shares(logits, wanted, recent)))
    order = [likeliest, *(token for token in range(len(logits)) if token != likeliest)]
    first = [logits[token] for token in order]
    assert sample_token(floats(first), wanted, Uniform(0.0), [order.index(token) for token in recent]) == 0


@settings(max_examples=100, deadline=None)
@given(LOGITS, st.floats(1e-3, 10.0), st.integers(0, 25), RECENT, st.integers(0, 99))
def test_steps_at_their_neutral_values_change_nothing(
    logits: list[float], temperature: float, top_k: int, recent: list[int], seed: int
) -> None:
    neutral = SamplingSettings(temperature, top_k, top_p=1.0, min_p=0.0, repetition_penalty=1.0)
    array = floats(logits)
    odds = np.exp((array.astype(np.float64) - array.max()) / temperature)
    if 0 < top_k < len(logits):
        odds[odds < np.sort(odds)[-top_k]] = 0.0
    below = odds.cumsum()
    expected = int(below.searchsorted(float(philox(seed).random(dtype=np.float32)) * below[-1], side="right"))
    assert sample_token(array, neutral, philox(seed), recent) == expected


@pytest.mark.parametrize(
    "wanted",
    [
        SamplingSettings(1.0),
        SamplingSettings(0.7, top_k=3),
        SamplingSettings(1.5, top_p=0.8),
        SamplingSettings(1.0, min_p=0.2),
        SamplingSettings(1.0, repetition_penalty=2.0),
        SamplingSettings(1.2, 5, 0.9, 0.15, 1.3),
    ],
)
def test_the_distribution_is_the_one_defined(wanted: SamplingSettings) -> None:
    logits, recent, draws = [1.0, -0.5, 0.3, 2.0, 0.0, -1.0], [3, 5, 3], 4000
    generator = philox(7)
    drawn = np.bincount([sample_token(floats(logits), wanted, generator, recent) for _ in range(draws)], minlength=6)
    expected = np.array(allowed_shares(logits, wanted, recent)) * draws
    possible = expected > 0
    assert not drawn[~possible].any()
    chi_square = float((np.square(drawn - expected)[possible] / expected[possible]).sum())
    assert chi_square < 25.0  # 5 degrees of freedom at most: less than one in 5,000 correct samplers would fail


def test_the_penalty_divides_positive_and_multiplies_negative_logits_once_however_often_a_token_stood() -> None:
    logits = floats([4.0, 2.5, -1.0, -1.5])
    greedy = SamplingSettings(0.0, repetition_penalty=2.0)
    assert sample_token(logits, greedy, philox(), [0]) == 1
    assert sample_token(logits, greedy, philox(), [0, 0, 1, 1, 1, 1]) == 0  # 4 / 2 against 2.5 / 2
    assert sample_token(floats([-1.0, -1.5]), greedy, philox(), [0]) == 1  # -2 against -1.5
    assert logits.tolist() == [4.0, 2.5, -1.0, -1.5]


def test_tokens_as_likely_as_the_last_kept_one_are_kept() -> None:
    logits = floats([0.0, 0.0, 0.0, 0.0])
    for wanted in (SamplingSettings(1.0, 1), SamplingSettings(1.0, top_p=0.01), SamplingSettings(1.0, min_p=1.0)):
        assert {sample_token(logits, wanted, philox(seed)) for seed in range(60)} == {0, 1, 2, 3}


@pytest.mark.parametrize("uniform", [0.0, 1.0 - 2.0**-24])
@pytest.mark.parametrize("wanted", [SamplingSettings(1.0, 2), SamplingSettings(1.0, top_p=0.7)])
def test_the_ends_of_the_draw_are_tokens_with_a_chance(uniform: float, wanted: SamplingSettings) -> None:
    logits = floats([-1e9, 0.0, 1.0, 0.5, -1e9])
    assert sample_token(logits, wanted, Uniform(uniform)) == (2 if uniform == 0.0 else 3)


@pytest.mark.parametrize("temperature", [1e-310, 1e-30, 1e-6])
def test_the_smallest_temperatures_take_the_likeliest(temperature: float) -> None:
    assert sample_token(floats([0.0, 3e38, 2e38, -3e38]), SamplingSettings(temperature), philox()) == 1


def test_probabilities_follow_the_temperature() -> None:
    generator, logits = philox(), floats([0.0, 1.0])
    hot = sum(sample_token(logits, SamplingSettings(2.0), generator) for _ in range(2000)) / 2000
    cold = sum(sample_token(logits, SamplingSettings(0.5), generator) for _ in range(2000)) / 2000
    assert hot == pytest.approx(torch.sigmoid(torch.tensor(0.5)).item(), abs=0.04)
    assert cold == pytest.approx(torch.sigmoid(torch.tensor(2.0)).item(), abs=0.04)


@pytest.mark.parametrize("wanted", [SamplingSettings(0.0), SamplingSettings(1.0, 2, 0.5, 0.1, 2.0)])
def test_logits_that_are_no_numbers_are_refused(wanted: SamplingSettings) -> None:
    with pytest.raises(ValueError, match="damaged"):
        sample_token(floats([0.0, math.nan, 1.0]), wanted, philox(), [0])


def test_every_setting_out_of_range_has_its_sentence() -> None:
    with pytest.raises(ConfigError) as caught:
        SamplingSettings(-1.0, -1, 0.0, 1.5, 0.5)
    assert [problem.split()[0] for problem in caught.value.problems] == [
        "temperature", "top_k", "top_p", "min_p", "repetition_penalty",
    ]  # fmt: skip
    with pytest.raises(ConfigError, match="temperature"):
        SamplingSettings(math.nan)


def test_a_run_samples_as_its_settings_say() -> None:
    wishes: dict[str, Any] = {"temperature": 0.5, "top_k": 7, "top_p": 0.9, "min_p": 0.1, "repetition_penalty": 1.2}
    assert SamplingSettings.of(build_config("baby", wishes)) == SamplingSettings(**wishes)
