"""What opens the cards a run watches, with the one it trains on marked and called by its nickname."""

from __future__ import annotations

import time
from collections.abc import Callable

import torch

from babytrain.engine.telemetry.cards import open_cards
from babytrain.engine.telemetry.choice import MarkedCards, find_card
from babytrain.engine.telemetry.gpu import GpuBackend
from babytrain.engine.telemetry.scripted import ScriptedGpu


def gpu_opener(
    sensors: str,
    nickname: str,
    device: torch.device,
    open_real: Callable[[], GpuBackend] = open_cards,
    *,
    rested_seconds: Callable[[], float] = lambda: 0.0,
) -> Callable[[], GpuBackend]:
    """What opens the cards for a run on `device`: the real ones for `sensors` "auto", a script's for "scripted".

    The readings of the card that trains say so and carry `nickname`. The scripted card always trains, and rests when
    the run does: `rested_seconds` tells for how long that was so far.
    """
    if sensors == "scripted":
        return lambda: MarkedCards(
            ScriptedGpu(time.monotonic, rested_seconds), lambda readings, _: 0 if readings else None, nickname
        )
    identity = device_identity(device)
    return lambda: MarkedCards(
        open_real(), lambda readings, instances: find_card(device.type, identity, readings, instances), nickname
    )


def device_identity(device: torch.device) -> str:
    """The UUID of a torch device as torch spells it; empty for a device that has none or does not tell it."""
    if device.type != "cuda":
        return ""
    try:
        return str(getattr(torch.cuda.get_device_properties(device), "uuid", ""))
    except (RuntimeError, AssertionError, ValueError):  # torch's ways to say that there is no such device
        return ""
