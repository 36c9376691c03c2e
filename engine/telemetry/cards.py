"""Every graphics card of this computer as one backend: NVIDIA's first, then AMD's and Intel's, or the one of a Mac.

The note is for a computer without any card to read, and says what was looked for. It also stays when there is another
card, if an NVIDIA driver is here and in trouble: that is news for whoever owns both.
"""

from __future__ import annotations

import sys
from pathlib import Path

from babytrain.engine.telemetry.apple import AppleBackend
from babytrain.engine.telemetry.gpu import NO_BINDING, NO_DRIVER, GpuBackend, NoGpu, NvmlBackend, open_gpu_backend
from babytrain.engine.telemetry.hwmon import DRM, HwmonBackend
from babytrain.engine.telemetry.query import CallCost
from babytrain.runs.events import GpuReading

NO_OTHER = "nor an AMD or Intel card with sensors"
HARMLESS_NOTES = (NO_DRIVER, NO_BINDING)


def open_cards(drm: Path = DRM, platform: str = sys.platform) -> GpuBackend:
    """Every card there is to read, or a `NoGpu` that says why there is none. May hang with a driver; never raises."""
    if platform == "darwin":
        return AppleBackend()
    nvidia = open_gpu_backend()
    first_index = nvidia.count if isinstance(nvidia, NvmlBackend) else 0
    others = HwmonBackend(drm, first_index) if platform == "linux" else None
    if others is None or not others.count:
        if not isinstance(nvidia, NoGpu) or others is None:
            return nvidia
        return NoGpu(f"{nvidia.note}; {NO_OTHER}" if nvidia.note == NO_DRIVER else nvidia.note)
    return Cards(nvidia, others)


class Cards:
    """NVIDIA's cards, with AMD's and Intel's numbered after them."""

    def __init__(self, nvidia: GpuBackend, others: HwmonBackend) -> None:
        self._nvidia = nvidia
        self._others = others
        self.note = "" if nvidia.note in HARMLESS_NOTES else nvidia.note

    @property
    def dearest_call(self) -> CallCost | None:
        """Of NVIDIA's driver; the others are files."""
        return self._nvidia.dearest_call if isinstance(self._nvidia, NvmlBackend) else None

    @property
    def calls_made(self) -> int:
        """Of NVIDIA's driver."""
        return self._nvidia.calls_made if isinstance(self._nvidia, NvmlBackend) else 0

    def instances(self, index: int) -> tuple[str, ...]:
        """The UUIDs of the instances (MIG) an NVIDIA card is cut into."""
        return self._nvidia.instances(index) if isinstance(self._nvidia, NvmlBackend) else ()

    def read(self) -> tuple[GpuReading, ...]:
        """One look at every card."""
        return (*self._nvidia.read(), *self._others.read())

    def close(self) -> None:
        """Let go of the drivers."""
        self._nvidia.close()
        self._others.close()
