"""Variations of the text: the same for the same seed and window, however the windows are batched."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from babytrain.engine.data.window_order import replace_tokens, shift_windows

SEEDS = st.integers(0, 2**63 - 1)


@given(SEEDS, st.integers(0, 10_000), st.integers(1, 20), st.floats(0.0, 1.0))
def test_a_shifted_window_stays_near_its_place_and_inside_the_text(
    seed: int, first: int, count: int, share: float
) -> None:
    starts = np.linspace(0, 900, count).astype(np.int64)
    moved = shift_windows(starts, first, seed=seed, share=share, context=64, tokens=965)
    assert (np.abs(moved - starts) <= 64 * share).all()
    assert moved.min() >= 0
    assert moved.max() + 64 + 1 <= 965


@given(SEEDS, st.integers(0, 10_000), st.integers(1, 7))
def test_cutting_a_batch_into_pieces_changes_nothing(seed: int, first: int, cut: int) -> None:
    inputs = np.arange(8 * 16).reshape(8, 16) % 50
    starts = np.arange(8, dtype=np.int64) * 100
    variation = {"seed": seed, "share": 0.3}
    whole = replace_tokens(inputs, first, vocabulary_size=50, **variation)
    pieces = [
        replace_tokens(inputs[:cut], first, vocabulary_size=50, **variation),
        replace_tokens(inputs[cut:], first + cut, vocabulary_size=50, **variation),
    ]
    assert np.array_equal(whole, np.concatenate(pieces))
    shift = {"context": 64, "tokens": 2000, **variation}
    moved = [shift_windows(starts[:cut], first, **shift), shift_windows(starts[cut:], first + cut, **shift)]
    assert np.array_equal(shift_windows(starts, first, **shift), np.concatenate(moved))


def test_about_the_asked_share_of_tokens_is_replaced_by_evenly_drawn_ones() -> None:
    inputs = np.full((200, 100), 7)
    read = replace_tokens(inputs, 0, seed=3, share=0.2, vocabulary_size=10)
    assert abs((read != 7).mean() - 0.2 * 0.9) < 0.01  # a tenth of the draws are the token itself
    counts = np.bincount(read[read != 7], minlength=10)
    assert counts[counts > 0].min() > 0.75 * counts.max()
    assert read.max() < 10


def test_another_seed_and_another_window_vary_differently() -> None:
    inputs = np.full((4, 100), 7)
    one = replace_tokens(inputs, 0, seed=1, share=0.3, vocabulary_size=10)
    assert not np.array_equal(one, replace_tokens(inputs, 0, seed=2, share=0.3, vocabulary_size=10))
    assert not np.array_equal(one[0], one[1])
