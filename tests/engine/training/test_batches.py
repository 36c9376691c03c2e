"""Fetching a batch: which windows it holds, and that it never waits for the device."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from babytrain.engine.data.window_order import EpochWindows, replace_tokens, shift_windows
from babytrain.engine.training.batches import Batches
from babytrain.runs.dials.dial_state import initial_dials
from tests.engine.tiny_runs import tiny_config

TOKENS = np.random.default_rng(1).integers(0, 30, 700).astype(np.uint16)
VARIED = {"window_shift": 0.5, "token_noise": 0.2}


def batches(device: str) -> Batches:
    return Batches(TOKENS, tiny_config(context=16, seed=3), 30, device)


@pytest.mark.parametrize("first", [0, 40, 84])  # the last one runs over the end of an epoch
def test_a_batch_is_a_pure_function_of_the_seed_and_the_number_of_its_windows(first: int) -> None:
    dials = replace(initial_dials(tiny_config().to_dict()), **VARIED)
    starts = EpochWindows(len(TOKENS), 16, 3).starts(first, 4)
    starts = shift_windows(starts, first, seed=3, share=0.5, context=16, tokens=len(TOKENS))
    rows = TOKENS[starts[:, None] + np.arange(17)].astype(np.int64)
    inputs, targets = batches("cpu").next_batch(first, dials)
    assert inputs.dtype == targets.dtype == torch.int64
    assert np.array_equal(targets, rows[:, 1:])
    assert np.array_equal(inputs, replace_tokens(rows[:, :-1], first, seed=3, share=0.2, vocabulary_size=30))


class Copies(TorchDispatchMode):
    """Notes every copy from one device to another, and whether it blocks."""

    def __init__(self) -> None:
        super().__init__()
        self.blocking: list[bool] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func is torch.ops.aten._to_copy.default and kwargs.get("device") not in (None, args[0].device):
            self.blocking.append(not kwargs.get("non_blocking", False))
        return func(*args, **kwargs)


@pytest.mark.parametrize("changes", [{}, VARIED])
def test_on_a_device_nothing_is_read_back_and_no_copy_blocks(changes: dict[str, Any]) -> None:
    """The meta device has no data: whatever reads from it fails."""
    on_device = batches("meta")
    with Copies() as copies:
        inputs, targets = on_device.next_batch(0, replace(initial_dials(tiny_config().to_dict()), **changes))
    assert (inputs.shape, targets.shape, inputs.device.type) == ((4, 16), (4, 16), "meta")
    assert copies.blocking == [False] * (2 if changes else 1)
