"""Reading a journal: whatever happened to the file, everything undamaged in it is there."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from babytrain.runs.errors import RunsError
from babytrain.runs.events import AnyEvent
from babytrain.runs.journal import JournalContents, encode_event, load_state, read_journal, reader
from babytrain.runs.state.run_state import RunState
from tests.runs.builders import any_event, checkpoint, ended, recorded_run, resumed, same, started, step

some_events = st.lists(any_event(st.text(max_size=8), st.floats(0, 1e6)), min_size=1, max_size=5)


def read_bytes(data: bytes, path: Path) -> JournalContents:
    path.write_bytes(data)
    return read_journal(path)


@pytest.fixture(scope="module")
def journal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("reader") / "journal.jsonl"


@given(events=some_events, data=st.data())
def test_a_cut_at_any_byte_costs_at_most_the_line_it_is_in(
    journal: Path, events: list[AnyEvent], data: st.DataObject
) -> None:
    lines = [encode_event(event) for event in events]
    whole = b"".join(lines)
    cut = data.draw(st.integers(0, len(whole)), label="cut")
    contents = read_bytes(whole[:cut], journal)
    complete, end = 0, 0
    for line in lines:
        end += len(line)
        complete += cut >= end - 1  # without its newline a line is still whole
    assert same(contents.events, events[:complete])
    starts = {0, *(sum(map(len, lines[: index + 1])) for index in range(len(lines)))}
    torn = cut not in starts and cut + 1 not in starts
    assert contents.bad_lines == torn
    assert contents.unknown_lines == 0


def test_every_single_cut_of_one_journal(journal: Path) -> None:
    events: list[AnyEvent] = [started(), step(1), step(2, loss=float("nan")), checkpoint(2), ended(2)]
    whole = b"".join(map(encode_event, events))
    for cut in range(len(whole) + 1):
        contents = read_bytes(whole[:cut], journal)
        assert len(contents.events) >= whole[:cut].count(b"\n")
        assert same(contents.events, events[: len(contents.events)])
        assert contents.bad_lines <= 1


@given(events=some_events, garbage=st.binary(max_size=40), data=st.data())
def test_garbage_between_lines_costs_nothing_but_itself(
    journal: Path, events: list[AnyEvent], garbage: bytes, data: st.DataObject
) -> None:
    lines = [encode_event(event) for event in events]
    place = data.draw(st.integers(0, len(lines)))
    contents = read_bytes(b"".join([*lines[:place], b"\x00", garbage, b"\n", *lines[place:]]), journal)
    assert same(contents.events, events)
    assert contents.bad_lines >= 1


@given(events=some_events, garbage=st.binary(min_size=1, max_size=40), data=st.data())
def test_garbage_anywhere_spares_all_other_lines(
    journal: Path, events: list[AnyEvent], garbage: bytes, data: st.DataObject
) -> None:
    lines = [encode_event(event) for event in events]
    whole = b"".join(lines)
    place = data.draw(st.integers(0, len(whole)))
    contents = read_bytes(whole[:place] + garbage + whole[place:], journal)
    hit = whole[:place].count(b"\n")
    survivors = [repr(event) for event in contents.events]
    assert survivors[:hit] == [repr(event) for event in events[:hit]]
    after = [repr(event) for event in events[hit + 1 :]]
    assert survivors[len(survivors) - len(after) :] == after


def test_a_run_of_nul_bytes_after_a_power_cut_is_one_bad_line(journal: Path) -> None:
    contents = read_bytes(encode_event(step(1)) + b"\x00" * 4096 + b"\n" + encode_event(step(2)), journal)
    assert contents == JournalContents([step(1), step(2)], bad_lines=1)


@given(events=recorded_run(), piece_bytes=st.integers(1, 400), damage=st.booleans())
def test_reading_in_pieces_is_reading_at_once(
    journal: Path, events: list[AnyEvent], piece_bytes: int, damage: bool
) -> None:
    lines = [encode_event(event) for event in events]
    if damage:
        lines.insert(len(lines) // 2, b"{oops\n")
        lines.append(b'{"kind":"dream"}\n')
    at_once = read_bytes(b"".join(lines), journal)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reader, "READ_CHUNK_BYTES", piece_bytes)
        assert same(read_journal(journal), at_once)
        state = load_state(journal)
    reduced = RunState()
    reduced.apply_all(events)
    assert same(state.evals.events, reduced.evals.events)
    assert same(state.at().column("loss").tolist(), reduced.at().column("loss").tolist())
    assert (state.bad_lines, state.unknown_lines) == (int(damage), int(damage))


def test_a_resumed_journal_loads_without_the_superseded_steps(journal: Path) -> None:
    events: list[AnyEvent] = [
        started(),
        step(1),
        step(2),
        checkpoint(2),
        step(3),
        step(4),
        resumed(2, 2.5),
        step(3, t=3.0, loss=9.0),
    ]
    journal.write_bytes(b"".join(map(encode_event, events)))
    snapshot = load_state(journal).at()
    assert snapshot.column("step").tolist() == [1, 2, 3]
    assert snapshot.loss == 9.0


@pytest.mark.parametrize("path", ["absent/journal.jsonl", "."])
def test_no_journal_is_one_sentence_that_names_the_path(tmp_path: Path, path: str) -> None:
    with pytest.raises(RunsError, match=str(tmp_path)):
        read_journal(tmp_path / path)
    with pytest.raises(RunsError, match=r"Cannot read the journal|There is no journal\.jsonl in"):
        load_state(tmp_path / path)


def test_an_empty_journal_holds_nothing(journal: Path) -> None:
    assert read_bytes(b"", journal) == JournalContents([])
