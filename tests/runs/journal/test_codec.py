"""One event, one line, and back: nothing an engine or a model may say is lost or breaks the journal."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from babytrain.runs.events import AnyEvent, LogMessage
from babytrain.runs.journal import decode_event, encode_event
from babytrain.runs.journal.codec import decode_lines
from tests.runs.builders import any_event, evaluation, same, started, step

hostile_text = st.text(alphabet=st.characters())  # control characters and lone surrogates included


@given(any_event(st.text()))
@settings(max_examples=300)
def test_every_event_comes_back_as_it_went_in(event: AnyEvent) -> None:
    line = encode_event(event)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert same(decode_event(line), event)


@given(hostile_text)
def test_no_text_crashes_the_journal_and_only_lone_surrogates_change(text: str) -> None:
    back = decode_event(encode_event(LogMessage(t=0.0, step=0, level="info", text=text)))
    assert isinstance(back, LogMessage)
    assert back.text == re.sub("[\ud800-\udfff]", "\ufffd", text)


def test_lone_surrogates_become_the_replacement_character_everywhere() -> None:
    event = started(name="a\ud800b", config={"\udc80": ["x\udfff"]})
    back = decode_event(encode_event(event))
    assert same(back, started(name="a\ufffdb", config={"\ufffd": ["x\ufffd"]}))


@pytest.mark.parametrize("loss", [math.nan, math.inf, -math.inf])
def test_a_loss_that_is_no_number_survives_as_a_word(loss: float) -> None:
    line = encode_event(step(3, loss=loss))
    assert b"null" not in line
    assert same(decode_event(line), step(3, loss=loss))


def test_a_text_that_says_null_is_left_alone() -> None:
    event = LogMessage(t=1.0, step=1, level="info", text='the loss is null, "NaN"')
    assert decode_event(encode_event(event)) == event


def test_numpy_scalars_are_numbers_too() -> None:
    event = step(1, loss=np.float64(2.5), gradient_norm=np.float32("nan"), tokens=np.int64(7))
    assert same(decode_event(encode_event(event)), step(1, loss=2.5, gradient_norm=math.nan, tokens=7))


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"null",
        b"[]",
        b"\x00\x00\x00",
        b'{"kind":"step","t":1.0}',
        b'{"kind":"log","t":1.0,"step":1,"level":"loud","text":""}',
        b'{"kind":"log","t":"soon","step":1,"level":"info","text":""}',
        b'{"kind":"log","t":1.0,"step":1,"level":"info","text":"\xff"}',
        b'{"kind":"log","nested":' + b"[" * 200_000,
    ],
)
def test_a_line_that_is_no_event_is_a_value_error(line: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the sentence is msgspec's own
        decode_event(line)
    assert decode_lines(line + b"\n")[0] == []


@pytest.mark.parametrize(
    "event",
    [
        step(1, t=math.nan),
        evaluation(1, 2.0, t=math.inf),
        step(-1),
        step(2**63),
        step(1, tokens=2**63),
    ],
)
def test_an_event_that_has_no_place_in_time_or_in_a_column_is_a_bad_line(event: AnyEvent) -> None:
    before, after = step(1), step(2)
    data = encode_event(before) + encode_event(event) + encode_event(after)
    assert decode_lines(data) == ([before, after], 1, 0)


def test_events_of_a_newer_version_are_counted_apart_from_damage() -> None:
    newer = b'{"kind":"dream","t":1.0,"step":1,"about":{"sheep":12}}\n'
    newer_field = b'{"kind":"log","t":1.0,"step":1,"level":"info","text":"x","colour":"red"}\n'
    events, bad_lines, unknown_lines = decode_lines(newer + newer_field + b'{"kind":"dream","t":\n' + b'{"t":1}\n')
    assert events == [LogMessage(t=1.0, step=1, level="info", text="x")]
    assert (bad_lines, unknown_lines) == (2, 1)


@given(st.lists(any_event(st.text(max_size=5), st.floats(0, 1e6)), max_size=8), st.data())
def test_blank_lines_are_nothing_and_the_fast_way_agrees_with_the_slow(
    events: list[AnyEvent], data: st.DataObject
) -> None:
    lines = [encode_event(event) for event in events]
    read = decode_lines(b"".join(lines))
    assert same(read, (events, 0, 0))
    for _ in range(data.draw(st.integers(1, 3))):
        lines.insert(data.draw(st.integers(0, len(lines))), data.draw(st.sampled_from([b"\n", b" \r\n", b"\n\n"])))
    assert same(decode_lines(b"".join(lines)), read)


def test_two_events_glued_together_are_one_bad_line() -> None:
    one = encode_event(step(1))
    assert decode_lines(one.rstrip() + one) == ([], 1, 0)
