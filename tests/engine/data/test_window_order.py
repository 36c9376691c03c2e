"""The data of a step is a pure function of (seed, sample number), and an epoch is an epoch."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from babytrain.engine.data.window_order import MOST_WHOLE_TOKENS, SAMPLED_TOKENS, EpochWindows, evaluation_windows

sizes = st.integers(1, 40).flatmap(lambda context: st.tuples(st.integers(context + 1, 900), st.just(context)))
seeds = st.integers(0, 2**63 - 1)


@given(sizes, seeds, st.integers(0, 500), st.lists(st.integers(0, 60), max_size=8))
def test_any_split_of_the_calls_sees_the_same_samples(size, seed, first, parts):
    tokens, context = size
    whole = EpochWindows(tokens, context, seed).starts(first, sum(parts))
    windows = EpochWindows(tokens, context, seed)
    pieces, position = [np.empty(0, dtype=np.int64)], first
    for part in parts:
        pieces.append(windows.starts(position, part))
        position += part
    assert whole.dtype == np.int64
    np.testing.assert_array_equal(whole, np.concatenate(pieces))


@given(sizes, seeds, st.integers(0, 5))
def test_an_epoch_visits_every_window_exactly_once(size, seed, epoch):
    tokens, context = size
    windows = EpochWindows(tokens, context, seed)
    count = windows.windows_per_epoch
    starts = np.sort(windows.starts(epoch * count, count))
    phase = starts[0]
    assert 0 <= phase < context
    np.testing.assert_array_equal(starts, phase + context * np.arange(count))
    assert starts[-1] + context + 1 <= tokens
    # No room for another whole window beyond what the phase needs.
    assert tokens - count * context < 2 * context + 1


def test_going_back_gives_the_same_samples_as_the_first_time():
    windows = EpochWindows(1000, 10, 3)
    first = windows.starts(0, 250)
    windows.starts(5000, 300)
    np.testing.assert_array_equal(windows.starts(0, 250), first)


def test_epochs_differ_in_order_and_in_phase():
    windows = EpochWindows(5000, 50, 1)
    count = windows.windows_per_epoch
    epochs = [windows.starts(number * count, count) for number in range(12)]
    assert len({tuple(epoch) for epoch in epochs}) == 12
    assert len({int(epoch.min()) for epoch in epochs}) > 4


def test_different_seeds_give_different_orders():
    orders = {tuple(EpochWindows(2000, 8, seed).starts(0, 100)) for seed in range(20)}
    assert len(orders) == 20


def test_the_order_is_the_same_on_every_machine_and_version():
    assert EpochWindows(100, 8, 1337).starts(0, 13).tolist() == [83, 67, 43, 35, 51, 3, 59, 19, 27, 11, 75, 86, 54]


def test_every_token_gets_its_turn_as_a_target_over_many_epochs():
    windows = EpochWindows(64, 8, 5)
    starts = windows.starts(0, windows.windows_per_epoch * 200)
    targets = {int(start) + 1 + offset for start in starts for offset in range(8)}
    assert targets == set(range(1, 64))


@pytest.mark.parametrize(("tokens", "context", "seed"), [(8, 8, 0), (0, 1, 0), (10, 0, 0), (10, 2, -1), (10, 2, 2**64)])
def test_what_cannot_work_is_refused(tokens, context, seed):
    with pytest.raises(ValueError, match=r"[a-z]"):
        EpochWindows(tokens, context, seed)


def test_negative_samples_are_refused():
    with pytest.raises(ValueError, match="counted from 0"):
        EpochWindows(100, 8, 0).starts(-1, 5)


@settings(max_examples=200)
@given(st.integers(2, 2000), st.integers(1, 100))
def test_evaluation_predicts_every_token_but_the_first_once(tokens, context):
    starts, last_length = evaluation_windows(tokens, context)
    assert 1 <= last_length <= context
    lengths = [context] * (len(starts) - 1) + [last_length]
    targets = [int(start) + 1 + i for start, length in zip(starts, lengths, strict=True) for i in range(length)]
    assert targets == list(range(1, tokens))


def test_evaluation_of_nothing_is_refused():
    with pytest.raises(ValueError, match="Nothing to predict"):
        evaluation_windows(1, 8)


def test_of_a_large_split_the_same_windows_are_evaluated_from_end_to_end() -> None:
    starts, last_length = evaluation_windows(MOST_WHOLE_TOKENS, 64)
    assert len(starts) == MOST_WHOLE_TOKENS // 64 + 1  # whole
    starts, last_length = evaluation_windows(30_000_001, 64)
    assert len(starts) * 64 == SAMPLED_TOKENS
    assert last_length == 64
    assert len(np.unique(starts)) == len(starts)
    assert starts[0] == 0
    assert 30_000_000 - 3 * 64 < starts[-1] < 30_000_000 - 64
    assert np.array_equal(starts, evaluation_windows(30_000_001, 64)[0])
