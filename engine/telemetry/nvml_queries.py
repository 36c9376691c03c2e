"""NVIDIA's management library (NVML): every call goes through `NvmlQueries.query`; field values come in batches.

Choices:

- The result is a value or a `MissingValue`; no exception of the binding leaves this module.
- Final refusals of a card or driver are remembered, so such a call is made once; so is the working alternative.
- A lost card is never queried again; the other cards are.
- The binding is an argument, so nothing is loaded before a card is wanted.
- Counters of throttled time are in nanoseconds since the driver was loaded (nvml.h, fields 269 to 271; 74 is the power
  cap). Software and hardware often slow a card down for heat at the same time: the larger growth counts.
"""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from babytrain.engine.telemetry.gpu_backend import CallCosts, MissingValue, printable_line
from babytrain.runs.errors import error_reason

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
DRIVER = -1  # the "card" of questions about the driver as a whole
# Return codes of nvml.h.
INVALID_ARGUMENT = 2
NOT_SUPPORTED = 3
NO_PERMISSION = 4
DRIVER_NOT_LOADED = 9
LIBRARY_NOT_FOUND = 12
FUNCTION_NOT_FOUND = 13
GPU_IS_LOST = 15
LIB_RM_VERSION_MISMATCH = 18
ARGUMENT_VERSION_MISMATCH = 25
DEPRECATED = 26
_REASONS = {
    INVALID_ARGUMENT: "the driver does not accept the question",
    NOT_SUPPORTED: "this card does not report it",
    NO_PERMISSION: "this user may not read it",
    DRIVER_NOT_LOADED: "the driver is not loaded",
    10: "the driver timed out",
    LIBRARY_NOT_FOUND: "there is no NVIDIA driver",
    FUNCTION_NOT_FOUND: "this driver is too old to say",
    GPU_IS_LOST: "the card has fallen off the bus; a restart of the computer usually brings it back",
    16: "the card wants a reset",
    17: "the operating system blocks the question",
    LIB_RM_VERSION_MISMATCH: "two versions of the driver are mixed; a restart of the computer puts that right",
    ARGUMENT_VERSION_MISMATCH: "this driver is too old to say",
    DEPRECATED: "this driver no longer says it",
    28: "the card is gone",
    999: "the driver reports an unknown error",
}
# Refusals that are the same for every call with the same arguments.
_FINAL = frozenset({INVALID_ARGUMENT, NOT_SUPPORTED, FUNCTION_NOT_FOUND, ARGUMENT_VERSION_MISMATCH, DEPRECATED})
# What ctypes and an out-of-date binding raise besides NVMLError: an unknown wrapper is an AttributeError, a name that
# is not UTF-8 a UnicodeDecodeError (a ValueError), a library that cannot be mapped an OSError.
_BINDING_ERRORS = (AttributeError, ValueError, TypeError, OverflowError, OSError, ctypes.ArgumentError)
NO_VALUE = MissingValue("the driver gave no sensible value")


@dataclass(frozen=True)
class NvmlCall(Generic[T_co]):
    """One call: its NVML function, its fixed argument if any, and how to make it.

    `ask` gets (binding, card handle); it returns the value in our units, or None for "not available".
    """

    function: str
    ask: Callable[[Any, Any], T_co | None]
    argument: Hashable = None


class NvmlQueries:
    """Makes calls and remembers final refusals. Used from one thread. `clock` times the calls, in seconds."""

    def __init__(self, nvml: Any, clock: Callable[[], float] = time.perf_counter) -> None:
        self._nvml = nvml
        self._clock = clock
        self.costs = CallCosts()
        mismatch = getattr(nvml, "NVMLLibraryMismatchError", nvml.NVMLError)
        self._errors: tuple[type[BaseException], ...] = (nvml.NVMLError, mismatch, *_BINDING_ERRORS)
        self._unknown_functions: dict[str, MissingValue] = {}
        self._refused: dict[tuple[int, str, Hashable], MissingValue] = {}
        self._lost: dict[int, MissingValue] = {}

    def query(self, alternatives: Sequence[NvmlCall[T]], card: int = DRIVER, handle: Any = None) -> T | MissingValue:
        """The value of the first of `alternatives` that driver and card support, else the reason."""
        if card in self._lost:
            return self._lost[card]
        refusals: list[MissingValue] = []
        for call in alternatives:
            answer = self._ask(call, card, handle)
            if not isinstance(answer, MissingValue) or answer.code not in _FINAL:
                return answer
            refusals.append(answer)
        # "This card does not report it" says more than "too old to say" when the alternatives disagree.
        return next((refusal for refusal in refusals if refusal.code != FUNCTION_NOT_FOUND), refusals[0])

    def lost(self, card: int) -> MissingValue | None:
        """Why a lost card is no longer queried, else None."""
        return self._lost.get(card)

    def _ask(self, call: NvmlCall[T], card: int, handle: Any) -> T | MissingValue:
        key = (card, call.function, call.argument)
        remembered = self._unknown_functions.get(call.function) or self._refused.get(key)
        if remembered is not None:
            return remembered
        started = self._clock()
        try:
            value = call.ask(self._nvml, handle)
        except self._errors as error:
            missing = self._explain(error)
        else:
            return NO_VALUE if value is None else value
        finally:
            self.costs.add(call.function, self._clock() - started)
        if missing.code == FUNCTION_NOT_FOUND:
            self._unknown_functions[call.function] = missing
        elif missing.code in _FINAL:
            self._refused[key] = missing
        elif missing.code == GPU_IS_LOST and card != DRIVER:
            self._lost[card] = missing
        return missing

    def _explain(self, error: BaseException) -> MissingValue:
        if isinstance(error, self._nvml.NVMLError):
            return nvml_refusal(int(error.value), f"the driver says: {printable_line(str(error))}")
        if isinstance(error, AttributeError) or type(error).__name__ == "NVMLLibraryMismatchError":
            return MissingValue(_REASONS[FUNCTION_NOT_FOUND], FUNCTION_NOT_FOUND)
        return MissingValue(f"the driver's answer makes no sense ({error_reason(error)})")


def nvml_refusal(code: int, unnamed: str = "") -> MissingValue:
    """A return code of NVML in words; `unnamed` for an unknown code."""
    return MissingValue(_REASONS.get(code) or unnamed or f"the driver refuses with code {code}", code)


# By nvmlValueType_t: which member of the union holds the value.
_MEMBERS = ("dVal", "uiVal", "ulVal", "ullVal", "sllVal", "siVal", "usVal")
# By member: all bits set is NVML's "not available" mark.
_NOT_AVAILABLE = {"uiVal": (2**32 - 1,), "ulVal": (2**32 - 1, 2**64 - 1), "ullVal": (2**64 - 1,), "usVal": (2**16 - 1,)}


def read_fields(nvml: Any, card: Any, fields: Sequence[int]) -> dict[int, float | MissingValue]:
    """The values of these fields or their reasons. Raises the binding's error when the whole call fails."""
    answers: dict[int, float | MissingValue] = {}
    for field, value in zip(fields, nvml.nvmlDeviceGetFieldValues(card, list(fields)), strict=True):
        if value.nvmlReturn == GPU_IS_LOST:
            raise nvml.NVMLError(GPU_IS_LOST)
        answers[field] = _read_value(value)
    return answers


def read_field(nvml: Any, card: Any, field: int, scale: float) -> float | None:
    """One field times `scale`, None where it is not available. Raises the binding's error when refused."""
    value = read_fields(nvml, card, (field,))[field]
    if not isinstance(value, MissingValue):
        return value * scale
    if value.code is None:
        return None
    raise nvml.NVMLError(value.code)


def _read_value(value: Any) -> float | MissingValue:
    if value.nvmlReturn != 0:
        return nvml_refusal(int(value.nvmlReturn))
    if not 0 <= value.valueType < len(_MEMBERS):
        return MissingValue(f"the driver answers with a number of an unknown kind ({value.valueType})")
    member = _MEMBERS[value.valueType]
    number = getattr(value.value, member)
    return NO_VALUE if number in _NOT_AVAILABLE.get(member, ()) else float(number)


class CardFields:
    """The fields of one card, all read in one call."""

    def __init__(self, queries: NvmlQueries, card: int, fields: Sequence[int]) -> None:
        self._queries = queries
        self._card = card
        self._wanted = tuple(fields)
        self._refused: dict[int, MissingValue] = {}

    def read(self, handle: Any) -> dict[int, float | MissingValue]:
        """The value of every field, or its reason."""
        if not self._wanted:
            return dict(self._refused)
        wanted = self._wanted
        question = NvmlCall("nvmlDeviceGetFieldValues", lambda nvml, card: read_fields(nvml, card, wanted), wanted)
        answer = self._queries.query((question,), self._card, handle)
        found = dict.fromkeys(wanted, answer) if isinstance(answer, MissingValue) else answer
        refused = {field: value for field, value in found.items() if isinstance(value, MissingValue)}
        self._refused |= {field: value for field, value in refused.items() if value.code in _FINAL}
        self._wanted = tuple(field for field in wanted if field not in self._refused)
        return {**self._refused, **found}


class ThrottledSeconds:
    """Seconds a card was throttled, by reason, from counters that may overlap.

    `reasons` names the counters of each reason. Totals start at the largest counter of a reason and never fall; a
    counter that restarts (driver reloaded) adds its new value.
    """

    def __init__(self, reasons: Mapping[str, Sequence[int]]) -> None:
        self._reasons = reasons
        self._last: dict[int, float] = {}
        self._totals: dict[str, float] = {}

    def update(self, nanoseconds: Mapping[int, float]) -> dict[str, float]:
        """Totals in seconds after a reading of the counters; reasons without a counter are left out."""
        for reason, fields in self._reasons.items():
            growth = [self._growth(field, nanoseconds[field]) for field in fields if field in nanoseconds]
            if growth:
                self._totals[reason] = self._totals.get(reason, 0.0) + max(growth) * 1e-9
        self._last.update(nanoseconds)
        return dict(self._totals)

    def _growth(self, field: int, now: float) -> float:
        before = self._last.get(field, 0.0)
        return now - before if now >= before else now
