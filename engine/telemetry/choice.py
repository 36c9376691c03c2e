"""Which of the cards a run trains on.

NVML knows nothing of torch's numbering and ignores CUDA_VISIBLE_DEVICES, so the card is found by its UUID. NVML writes
it with "GPU-" before it (an instance of a card that is cut up with "MIG-"), torch without. An instance belongs to the
card that lists it. AMD's UUID, as torch has it, is the letters of the card's number written as hexadecimal bytes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeAlias, runtime_checkable

import msgspec

from babytrain.engine.telemetry.gpu import GpuBackend
from babytrain.engine.telemetry.query import CallCost
from babytrain.runs.events import GpuReading

Instances: TypeAlias = Callable[[int], tuple[str, ...]]

_PREFIXES = ("mig-", "gpu-", "amd-", "pci-")  # old drivers write MIG-GPU-<card>/<instance>/<part>
_AMD_DIGITS = 16


@runtime_checkable
class CutUp(Protocol):
    """A backend whose cards may be cut into instances."""

    def instances(self, index: int) -> tuple[str, ...]:
        """The UUIDs of the instances of card `index`."""


class MarkedCards:
    """The cards of another backend, with one of them marked as the one that trains.

    `choose` gets the readings and a way to ask for the instances of a card, and gives a position or None.
    """

    def __init__(
        self,
        cards: GpuBackend,
        choose: Callable[[tuple[GpuReading, ...], Instances], int | None],
        nickname: str,
    ) -> None:
        self._cards = cards
        self._choose = choose
        self._nickname = nickname

    @property
    def note(self) -> str:
        """The other backend's."""
        return self._cards.note

    @property
    def dearest_call(self) -> CallCost | None:
        """The other backend's."""
        return getattr(self._cards, "dearest_call", None)

    @property
    def calls_made(self) -> int:
        """The other backend's."""
        return getattr(self._cards, "calls_made", 0)

    def read(self) -> tuple[GpuReading, ...]:
        """One look. Raises what the other backend raises."""
        readings = self._cards.read()
        instances: Instances = self._cards.instances if isinstance(self._cards, CutUp) else lambda _: ()
        chosen = self._choose(readings, instances)
        if chosen is None:
            return readings
        marked = msgspec.structs.replace(readings[chosen], trains=True, nickname=self._nickname)
        return (*readings[:chosen], marked, *readings[chosen + 1 :])

    def close(self) -> None:
        """Let go of the cards."""
        self._cards.close()


def find_card(
    device_type: str, identity: str, readings: tuple[GpuReading, ...], instances: Instances = lambda _: ()
) -> int | None:
    """The position of the card with that identity among the readings, or None when it cannot be told.

    Where torch or the card tells no UUID, or the card is cut up and lists nothing, the only card that torch could mean
    is meant.
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
    """The ways a card may spell this identity, each bare."""
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
