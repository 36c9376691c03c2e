"""What the door to NVML remembers, for every order of answers a driver may come up with."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from babytrain.engine.telemetry.gpu_backend import MissingValue, printable_line
from babytrain.engine.telemetry.nvml_calls import AT_POWER_LIMIT, HOT, describe_throttling
from babytrain.engine.telemetry.nvml_queries import NvmlCall, NvmlQueries


class FakeNvmlError(Exception):
    def __init__(self, value: int) -> None:
        super().__init__(f"code {value}")
        self.value = value


BINDING = SimpleNamespace(NVMLError=FakeNvmlError)


class Scripted:
    """A call that answers or raises what it is told, and counts how often it is put."""

    def __init__(self, function: str, answer: Any) -> None:
        self.answer = answer
        self.count = 0
        self.call = NvmlCall[float](function, self._ask)

    def _ask(self, _nvml: Any, _handle: Any) -> float | None:
        self.count += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer  # type: ignore[no-any-return]


def reason_of(answer: float | MissingValue) -> str:
    assert isinstance(answer, MissingValue)
    return answer.reason


@pytest.mark.parametrize("code", [2, 3, 13, 25, 26])
def test_a_final_no_is_asked_once_and_falls_back(code: int) -> None:
    new, old = Scripted("new", FakeNvmlError(code)), Scripted("old", 7.0)
    queries = NvmlQueries(BINDING)
    assert [queries.query((new.call, old.call), card=0) for _ in range(3)] == [7.0] * 3
    assert (new.count, old.count) == (1, 3)


def test_a_missing_function_is_missing_for_every_card_but_an_unsupported_one_only_for_its_own() -> None:
    absent, unsupported = Scripted("absent", FakeNvmlError(13)), Scripted("unsupported", FakeNvmlError(3))
    queries = NvmlQueries(BINDING)
    for card in (0, 1, 0, 1):
        queries.query((absent.call,), card=card)
        queries.query((unsupported.call,), card=card)
    assert (absent.count, unsupported.count) == (1, 2)


def test_a_passing_error_neither_falls_back_nor_sticks() -> None:
    new, old = Scripted("new", FakeNvmlError(999)), Scripted("old", 7.0)
    queries = NvmlQueries(BINDING)
    assert "unknown error" in reason_of(queries.query((new.call, old.call), card=0))
    new.answer = 5.0
    assert queries.query((new.call, old.call), card=0) == 5.0
    assert old.count == 0


def test_the_more_telling_reason_wins() -> None:
    new, old = Scripted("new", FakeNvmlError(13)), Scripted("old", FakeNvmlError(3))
    assert reason_of(NvmlQueries(BINDING).query((new.call, old.call), card=0)) == "this card does not report it"


def test_a_lost_card_is_never_asked_again() -> None:
    question = Scripted("power", FakeNvmlError(15))
    queries = NvmlQueries(BINDING)
    assert queries.lost(0) is None
    queries.query((question.call,), card=0)
    question.answer = 1.0
    assert "fallen off the bus" in reason_of(queries.query((question.call,), card=0))
    assert question.count == 1
    assert queries.query((question.call,), card=1) == 1.0
    assert queries.lost(0) is not None


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (AttributeError("an old binding lacks it"), "too old"),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "bad"), "makes no sense"),
        (OSError("cannot map"), "makes no sense"),
        (FakeNvmlError(4711), "code 4711"),
    ],
)
def test_nothing_the_binding_raises_comes_out(error: Exception, words: str) -> None:
    assert words in reason_of(NvmlQueries(BINDING).query((Scripted("any", error).call,), card=0))


def test_a_value_of_zero_is_a_value() -> None:
    assert NvmlQueries(BINDING).query((Scripted("utilization", 0.0).call,), card=0) == 0.0


@pytest.mark.parametrize(
    ("bits", "words"),
    [
        (0x0, ()),
        (0x1, ()),  # idle is no slowdown
        (0x4, (AT_POWER_LIMIT,)),
        (0x20, (HOT,)),
        (0x48, (HOT,)),
        (0x88, ("power supply asked it to slow down",)),
        (0x08, ("slowed down by its hardware (heat or power)",)),
        (0x24, (HOT, AT_POWER_LIMIT)),
        (0x80000, ("reason 0x80000",)),
    ],
)
def test_throttle_reasons_in_words(bits: int, words: tuple[str, ...]) -> None:
    assert describe_throttling(bits) == words


@given(st.integers(min_value=2, max_value=2**64 - 1))
def test_no_slowdown_goes_unsaid(bits: int) -> None:
    assert describe_throttling(bits & ~0x1) if bits & ~0x1 else not describe_throttling(bits)


@given(st.text(max_size=400))
def test_printable_lets_nothing_through_that_a_terminal_obeys(text: str) -> None:
    shown = printable_line(text)
    assert shown.isprintable()
    assert len(shown) == min(200, len(text))
