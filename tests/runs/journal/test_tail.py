"""Following a journal that another process writes."""

from __future__ import annotations

import os
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from babytrain.runs.events import AnyEvent, LogMessage
from babytrain.runs.journal import JournalTail, encode_event, read_journal, tail
from tests.runs.builders import recorded_run, same, started, step


@pytest.fixture(scope="module")
def journal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tail") / "journal.jsonl"


def poll_all(follower: JournalTail) -> list[AnyEvent]:
    events: list[AnyEvent] = []
    while new := follower.poll():
        events += new
    return events


@given(events=recorded_run(), cuts=st.lists(st.integers(0, 10_000), max_size=8), piece=st.integers(64, 2000))
def test_a_file_that_grows_by_any_pieces_gives_every_event_once(
    journal: Path, events: list[AnyEvent], cuts: list[int], piece: int
) -> None:
    data = b"".join(map(encode_event, events))
    places = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    journal.unlink(missing_ok=True)
    seen: list[AnyEvent] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tail, "TAIL_CHUNK_BYTES", piece)
        follower = JournalTail(journal)
        assert follower.poll() == []
        with journal.open("ab", buffering=0) as file:
            for start, end in pairwise(places):
                file.write(data[start:end])
                for _ in range(5 * len(events) + 5):  # a small piece may have to widen for each line
                    seen += follower.poll()
                    assert not follower.restarted
    assert same(seen, events)
    assert follower.bad_lines == follower.unknown_lines == 0


def test_half_a_line_waits_for_the_rest(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    line = encode_event(step(1))
    path.write_bytes(line[:-1])  # whole but for the newline: may still be half a number
    follower = JournalTail(path)
    assert follower.poll() == []
    with path.open("ab") as file:
        file.write(b"\n")
    assert follower.poll() == [step(1)]
    assert follower.poll() == []


def test_bad_and_unknown_lines_are_counted_over_all_polls(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    follower = JournalTail(path)
    for _ in range(2):
        with path.open("ab") as file:
            file.write(b'{"torn\n{"kind":"dream","t":0}\n' + encode_event(step(1)))
        assert follower.poll() == [step(1)]
    assert (follower.bad_lines, follower.unknown_lines) == (2, 2)


def test_one_poll_takes_a_bounded_piece(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tail, "TAIL_CHUNK_BYTES", 1000)
    path = tmp_path / "journal.jsonl"
    events = [step(number) for number in range(100)]
    path.write_bytes(b"".join(map(encode_event, events)))
    follower = JournalTail(path)
    first = follower.poll()
    assert 0 < len(first) < 20
    assert first + poll_all(follower) == events


def test_a_line_longer_than_a_piece_still_arrives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tail, "TAIL_CHUNK_BYTES", 256)
    path = tmp_path / "journal.jsonl"
    long = LogMessage(t=0.0, step=0, level="info", text="x" * 5000)
    path.write_bytes(encode_event(long) + encode_event(step(1)))
    follower = JournalTail(path)
    seen: list[AnyEvent] = []
    for _ in range(10):
        seen += follower.poll()
    assert seen == [long, step(1)]


def test_a_line_beyond_all_reason_is_one_bad_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tail, "TAIL_CHUNK_BYTES", 256)
    monkeypatch.setattr(tail, "MAX_JOURNAL_LINE_BYTES", 1024)
    path = tmp_path / "journal.jsonl"
    path.write_bytes(encode_event(step(1)) + b"x" * 10_000 + b"\n" + encode_event(step(2)))
    follower = JournalTail(path)
    seen: list[AnyEvent] = []
    for _ in range(30):
        seen += follower.poll()
    assert seen == [step(1), step(2)]
    assert follower.bad_lines == 1


def _shrink(path: Path, data: bytes) -> None:
    path.write_bytes(data)


def _replace(path: Path, data: bytes) -> None:
    other = path.with_suffix(".new")
    other.write_bytes(data)
    other.replace(path)


def _delete_and_recreate(path: Path, data: bytes) -> None:
    path.unlink()
    path.write_bytes(data)


@pytest.mark.parametrize("change", [_shrink, _replace, _delete_and_recreate])
@pytest.mark.parametrize("longer", [False, True])
def test_another_file_in_its_place_is_read_from_the_start(tmp_path: Path, change: object, longer: bool) -> None:
    path = tmp_path / "journal.jsonl"
    path.write_bytes(encode_event(started()) + b"garbage\n" + encode_event(step(1)) + encode_event(step(2)))
    follower = JournalTail(path)
    assert len(follower.poll()) == 3
    assert follower.bad_lines == 1
    anew: list[AnyEvent] = [started(name="other"), *(step(number) for number in range(9 if longer else 1))]
    assert callable(change)
    change(path, b"".join(map(encode_event, anew)))
    assert follower.poll() == anew
    assert follower.restarted
    assert follower.bad_lines == 0
    assert follower.poll() == []
    assert not follower.restarted


def test_a_file_cut_back_to_its_beginning_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    lines = [encode_event(started()), encode_event(step(1)), encode_event(step(2))]
    path.write_bytes(b"".join(lines))
    follower = JournalTail(path)
    assert len(follower.poll()) == 3
    with path.open("r+b") as file:
        file.truncate(len(lines[0]) + len(lines[1]))
    assert follower.poll() == [started(), step(1)]
    assert follower.restarted


def test_a_file_that_goes_away_leaves_what_was_seen(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    path.write_bytes(encode_event(step(1)))
    follower = JournalTail(path)
    assert follower.poll() == [step(1)]
    path.unlink()
    assert follower.poll() == []
    assert not follower.restarted


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    path.mkdir()
    follower = JournalTail(path)
    assert follower.poll() == []
    assert str(path) in follower.error
    path.rmdir()
    path.write_bytes(encode_event(step(1)))
    assert follower.poll() == [step(1)]
    assert follower.error == ""


def test_a_tail_and_a_whole_reading_agree(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    path.write_bytes(
        b"\n".join([encode_event(step(1)), b"\x00\x01", encode_event(step(2)), b'{"kind":"dream"}', b"", b"x", b""])
    )
    contents = read_journal(path)
    follower = JournalTail(path)
    assert poll_all(follower) == contents.events
    assert (follower.bad_lines, follower.unknown_lines) == (contents.bad_lines, contents.unknown_lines)


def test_a_pipe_in_place_of_a_journal_does_not_block_the_screen(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    os.mkfifo(path)
    follower = JournalTail(path)
    assert follower.poll() == []
    assert follower.error
