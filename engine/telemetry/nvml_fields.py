"""NVML's field values: quantities without a call of their own, asked for several at a time.

Choices:

- Each value comes with a return code of its own; a field that is refused for good is left out of the next call.
- Counters of time spent slowed down are in nanoseconds since the driver was loaded ("Throttling to not exceed max
  thermal in ns", nvml.h on fields 269 to 271; 74 is the power cap, and nvidia-smi shows all four side by side).
- Software and hardware both slow a card down for heat, often at the same time. Both are "hot", and a second in which
  both counters ran is one hot second: between two looks the larger growth counts, not the sum.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from babytrain.engine.telemetry.query import GPU_IS_LOST, NO_VALUE, Call, Missing, NvmlQueries, is_final, refusal

# By nvmlValueType_t: which member of the union holds the value.
_MEMBERS = ("dVal", "uiVal", "ulVal", "ullVal", "sllVal", "siVal", "usVal")
# By member: all bits set is NVML's "not available" mark.
_NOT_TOLD = {"uiVal": (2**32 - 1,), "ulVal": (2**32 - 1, 2**64 - 1), "ullVal": (2**64 - 1,), "usVal": (2**16 - 1,)}


def read_fields(nvml: Any, card: Any, fields: Sequence[int]) -> dict[int, float | Missing]:
    """The values of these fields, or why there is none. Raises the binding's error when the whole call fails."""
    answers: dict[int, float | Missing] = {}
    for field, value in zip(fields, nvml.nvmlDeviceGetFieldValues(card, list(fields)), strict=True):
        if value.nvmlReturn == GPU_IS_LOST:
            raise nvml.NVMLError(GPU_IS_LOST)
        answers[field] = _read_value(value)
    return answers


def read_field(nvml: Any, card: Any, field: int, scale: float) -> float | None:
    """One field in our unit, None where it is not available. Raises the binding's error when it is refused."""
    value = read_fields(nvml, card, (field,))[field]
    if not isinstance(value, Missing):
        return value * scale
    if value.code is None:
        return None
    raise nvml.NVMLError(value.code)


def _read_value(value: Any) -> float | Missing:
    if value.nvmlReturn != 0:
        return refusal(int(value.nvmlReturn))
    if not 0 <= value.valueType < len(_MEMBERS):
        return Missing(f"the driver answers with a number of an unknown kind ({value.valueType})")
    member = _MEMBERS[value.valueType]
    number = getattr(value.value, member)
    return NO_VALUE if number in _NOT_TOLD.get(member, ()) else float(number)


class CardFields:
    """The fields of one card, in one call a look."""

    def __init__(self, queries: NvmlQueries, card: int, fields: Sequence[int]) -> None:
        self._queries = queries
        self._card = card
        self._wanted = tuple(fields)
        self._refused: dict[int, Missing] = {}

    def read(self, handle: Any) -> dict[int, float | Missing]:
        """The value of every field, or why there is none."""
        if not self._wanted:
            return dict(self._refused)
        wanted = self._wanted
        question = Call("nvmlDeviceGetFieldValues", lambda nvml, card: read_fields(nvml, card, wanted), wanted)
        answer = self._queries.query((question,), self._card, handle)
        found: Mapping[int, float | Missing] = dict.fromkeys(wanted, answer) if isinstance(answer, Missing) else answer
        for field, value in found.items():
            if isinstance(value, Missing) and is_final(value.code):
                self._refused[field] = value
        self._wanted = tuple(field for field in wanted if field not in self._refused)
        return {**self._refused, **found}


class SlowedSeconds:
    """Seconds a card has spent slowed down, by reason in words, from counters that may overlap.

    `reasons` names the counters of each reason. Totals start at the largest counter of a reason and never fall; a
    counter that starts again (a driver loaded afresh) counts from where it stands.
    """

    def __init__(self, reasons: Mapping[str, Sequence[int]]) -> None:
        self._reasons = reasons
        self._last: dict[int, float] = {}
        self._totals: dict[str, float] = {}

    def look(self, nanoseconds: Mapping[int, float]) -> dict[str, float]:
        """Totals in seconds after a look at the counters; a reason without any counter is left out."""
        for reason, fields in self._reasons.items():
            growth = [self._growth(field, nanoseconds[field]) for field in fields if field in nanoseconds]
            if growth:
                self._totals[reason] = self._totals.get(reason, 0.0) + max(growth) * 1e-9
        self._last.update(nanoseconds)
        return dict(self._totals)

    def _growth(self, field: int, now: float) -> float:
        before = self._last.get(field, 0.0)
        return now - before if now >= before else now
