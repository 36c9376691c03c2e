"""One event as one line of JSON, and back.

msgspec writes NaN and infinity as null. They are written as the strings "NaN", "Infinity" and "-Infinity" instead,
which a lenient decoder reads back into float fields (but not in the untyped `config` of `Started`). Lone surrogates,
which UTF-8 cannot hold, return as U+FFFD.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import msgspec
import numpy as np

from babytrain.runs.events import AnyEvent, Checkpoint, Command, Ended, Eval, GuardEvent, Resumed, Started, Step

# What a line may hold, so that neither arithmetic nor a calendar, a chart or a column overflows; others are bad lines.
MAX_INTEGER = 10**15  # of steps and tokens
MAX_JOURNAL_LINE_BYTES = 16 * 2**20
_MAX_FLOAT = 1e39  # more than any finite number of fp32
_LONGEST_SECONDS = 1e11  # of running time
_LATEST_WALL_TIME = 2.5e11  # Unix seconds; a calendar ends with the year 9999
_MOST_NAMED_VALUES = 1_000  # settings, dials or sensors in an event
_MOST_ITEMS = 200_000  # letters, or tokens of a vocabulary
_DEEPEST = 8
_MAY_DIVERGE = (Step, Eval, Checkpoint, Ended, GuardEvent, Command)  # NaN and infinite losses, norms and rates


def _from_numpy(value: Any) -> Any:
    """msgspec's hook for numpy scalars, which are floats to a type checker."""
    if isinstance(value, np.generic):
        return value.item()
    raise NotImplementedError(f"a journal line cannot hold a {type(value).__name__}")


class _AnyKind(msgspec.Struct):
    """Enough of a line to tell an event of a newer version from damage."""

    kind: str


_encoder = msgspec.json.Encoder(enc_hook=_from_numpy)
_decoder: msgspec.json.Decoder[AnyEvent] = msgspec.json.Decoder(AnyEvent, strict=False)
_kind_decoder = msgspec.json.Decoder(_AnyKind)
_KNOWN_KINDS = frozenset(str(kind.__struct_config__.tag) for kind in AnyEvent.__args__)


def encode_event(event: AnyEvent) -> bytes:
    """The event as one line of UTF-8 JSON, newline included."""
    try:
        line = _encoder.encode(event)
    except UnicodeEncodeError:
        return _encode_json_safe(event)
    if b"null" in line:
        return _encode_json_safe(event)
    return line + b"\n"


def _encode_json_safe(event: AnyEvent) -> bytes:
    return _encoder.encode(_json_safe(msgspec.to_builtins(event, enc_hook=_from_numpy))) + b"\n"


def _json_safe(value: Any) -> Any:
    """`value` with non-finite floats as strings and lone surrogates replaced, at any depth."""
    match value:
        case float():
            if math.isfinite(value):
                return value
            return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
        case str():
            # Neighbouring halves of a surrogate pair become their character, single ones U+FFFD.
            return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        case dict():
            return {_json_safe(key): _json_safe(item) for key, item in value.items()}
        case list() | tuple():
            return [_json_safe(item) for item in value]
        case _:
            return value


def decode_event(line: bytes) -> AnyEvent:
    """The event of one line. Raises ValueError when the line holds no event this version knows."""
    try:
        return _decoder.decode(line)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def decode_lines(data: bytes) -> tuple[list[AnyEvent], int, int]:
    """Events of some whole lines, the number of bad lines and of lines of unknown kinds; blank lines are neither."""
    try:  # all lines at once, which fails at the first bad one
        events = _decoder.decode_lines(data)
    except (ValueError, RecursionError):
        return _decode_one_by_one(data)
    lines = data.count(b"\n") + (not data.endswith(b"\n") and bool(data))
    if len(events) == lines and _all_in_range(events):
        return events, 0, 0
    return _decode_one_by_one(data)


def _decode_one_by_one(data: bytes) -> tuple[list[AnyEvent], int, int]:
    events: list[AnyEvent] = []
    bad_lines = unknown_lines = 0
    for line in data.split(b"\n"):
        if not line.strip():
            continue
        try:
            event = _decoder.decode(line)
        except (ValueError, RecursionError):
            if _is_of_unknown_kind(line):
                unknown_lines += 1
            else:
                bad_lines += 1
            continue
        if _all_in_range((event,)):
            events.append(event)
        else:
            bad_lines += 1
    return events, bad_lines, unknown_lines


def _is_of_unknown_kind(line: bytes) -> bool:
    try:
        return _kind_decoder.decode(line).kind not in _KNOWN_KINDS
    except (ValueError, RecursionError):
        return False


def _all_in_range(events: Iterable[AnyEvent]) -> bool:
    """Whether the events can be sorted by time, stored in columns, and calculated with."""
    return all(_is_in_range(event) for event in events)


def _is_in_range(event: AnyEvent) -> bool:
    if not (-_LONGEST_SECONDS <= event.t <= _LONGEST_SECONDS and 0 <= event.step <= MAX_INTEGER):
        return False
    if type(event) is Step:
        return _is_step_in_range(event)
    if isinstance(event, Started | Resumed) and not 0 <= event.wall_time <= _LATEST_WALL_TIME:
        return False
    return _is_fit(event, isinstance(event, _MAY_DIVERGE), _DEEPEST)


def _is_step_in_range(event: Step) -> bool:
    """As `_is_fit`, field by field: most of a journal are steps."""
    if not (0 <= event.tokens <= MAX_INTEGER and -(2**63) <= event.merged < 2**63):
        return False
    numbers = (
        *(event.loss, event.gradient_norm, event.learning_rate, event.step_seconds),
        *(event.loss_min or 0.0, event.loss_max or 0.0),
    )
    if min(numbers) >= -_MAX_FLOAT and max(numbers) <= _MAX_FLOAT:  # false for a NaN in front, which passes over others
        return True
    return all(_is_fit(value, True, 0) for value in numbers)


def _is_fit(value: Any, may_diverge: bool, depth: int) -> bool:
    """Whether the numbers in a value are in range, or NaN or infinite where they may be, and its lists not too long."""
    kind = type(value)
    if kind is float:
        return -_MAX_FLOAT <= value <= _MAX_FLOAT or (may_diverge and not math.isfinite(value))
    if kind is int:
        return bool(-(2**63) <= value < 2**63)
    if kind is str or kind is bool or value is None:
        return True
    if not depth:
        return False
    if kind is dict:
        return len(value) <= _MOST_NAMED_VALUES and all(
            _is_fit(item, may_diverge, depth - 1) for item in value.values()
        )
    items = msgspec.structs.astuple(value) if isinstance(value, msgspec.Struct) else value
    return len(items) <= _MOST_ITEMS and all(_is_fit(item, may_diverge, depth - 1) for item in items)
