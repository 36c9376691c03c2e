"""All graphics cards of this computer as one backend, and the one that a run trains on.

NVIDIA's cards come first, then AMD's and Intel's, or the one of a Mac. NVML ignores CUDA_VISIBLE_DEVICES and torch's
numbering, so the training card is found by its UUID. NVML writes it with "GPU-" before it (a MIG instance with "MIG-"),
torch without. AMD's UUID in torch is the ASCII text of the card's unique id as hexadecimal bytes.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import msgspec

from babytrain.engine.telemetry.apple_card import AppleBackend
from babytrain.engine.telemetry.gpu_backend import GpuBackend, NoGpu
from babytrain.engine.telemetry.hwmon_cards import DRM, HwmonBackend
from babytrain.engine.telemetry.nvml_cards import NO_BINDING, NO_DRIVER, NvmlBackend, open_gpu_backend
from babytrain.runs.events import GpuReading

MigInstances: TypeAlias = Callable[[int], tuple[str, ...]]
_PREFIXES = ("mig-", "gpu-", "amd-", "pci-")  # old drivers write MIG-GPU-<card>/<instance>/<part>
_AMD_DIGITS = 16
NO_OTHER = "nor an AMD or Intel card with sensors"


class TrainingCardMarker(GpuBackend):
    """The cards of another backend, the training one marked and with its nickname.

    `choose` gets the readings and a function for the instances of a card; it returns an index or None.
    """

    def __init__(
        self, cards: GpuBackend, choose: Callable[[tuple[GpuReading, ...], MigInstances], int | None], nickname: str
    ) -> None:
        super().__init__(cards.note, cards.costs)
        self._cards = cards
        self._choose = choose
        self._nickname = nickname

    def read(self) -> tuple[GpuReading, ...]:
        """A reading of every card. Raises what the other backend raises."""
        readings = self._cards.read()
        chosen = self._choose(readings, self._cards.instances)
        if chosen is None:
            return readings
        marked = msgspec.structs.replace(readings[chosen], trains=True, nickname=self._nickname)
        return (*readings[:chosen], marked, *readings[chosen + 1 :])

    def close(self) -> None:
        """Close the other backend."""
        self._cards.close()


def find_training_card(
    device_type: str, identity: str, readings: tuple[GpuReading, ...], instances: MigInstances = lambda _: ()
) -> int | None:
    """The index of the card with that identity among the readings, or None.

    Without UUIDs, or for a MIG card that lists no instances, it is the only card that torch could use, if there is one.
    """
    if device_type == "mps":
        return 0 if len(readings) == 1 else None
    if device_type != "cuda":
        return None
    wanted = _spellings(identity)
    for position, reading in enumerate(readings):
        uuids = (reading.uuid, *instances(reading.index))
        if wanted & {_bare(uuid) for uuid in uuids if uuid}:
            return position
    possible = [position for position, reading in enumerate(readings) if not reading.name.startswith("Intel")]
    if len(possible) != 1:
        return None
    only = readings[possible[0]]
    unknown = not wanted or not only.uuid.lower().startswith("gpu-")
    return possible[0] if unknown or (only.shared and not instances(only.index)) else None


def _spellings(identity: str) -> set[str]:
    bare = _bare(identity)
    if not bare:
        return set()
    try:
        letters = bytes.fromhex(bare).decode("ascii").lower()
    except ValueError:
        return {bare}
    return {bare, letters} if len(letters) == _AMD_DIGITS and letters.isalnum() else {bare}


def _bare(uuid: str) -> str:
    text = uuid.strip().lower()
    for prefix in _PREFIXES:
        text = text.removeprefix(prefix)
    return text.split("/")[0].replace("-", "")


def open_cards(drm: Path = DRM, platform: str = sys.platform) -> GpuBackend:
    """Every readable card, or a `NoGpu` that says why there is none. May hang with a driver; never raises."""
    if platform == "darwin":
        return AppleBackend()
    nvidia = open_gpu_backend()
    first_index = nvidia.count if isinstance(nvidia, NvmlBackend) else 0
    others = HwmonBackend(drm, first_index) if platform == "linux" else None
    if others is None or not others.count:
        if not isinstance(nvidia, NoGpu) or others is None:
            return nvidia
        return NoGpu(f"{nvidia.note}; {NO_OTHER}" if nvidia.note == NO_DRIVER else nvidia.note)
    return AllCards(nvidia, others)


class AllCards(GpuBackend):
    """NVIDIA's cards, then AMD's and Intel's."""

    def __init__(self, nvidia: GpuBackend, others: HwmonBackend) -> None:
        super().__init__("" if nvidia.note in (NO_DRIVER, NO_BINDING) else nvidia.note, nvidia.costs)
        self._nvidia = nvidia
        self._others = others

    def instances(self, index: int) -> tuple[str, ...]:
        """The UUIDs of the MIG instances of an NVIDIA card."""
        return self._nvidia.instances(index)

    def read(self) -> tuple[GpuReading, ...]:
        """A reading of every card."""
        return (*self._nvidia.read(), *self._others.read())

    def close(self) -> None:
        """Release NVIDIA's driver; the others are files."""
        self._nvidia.close()
