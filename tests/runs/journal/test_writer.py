"""Appending to a journal: nothing `append` returned for is lost, and no disk trouble ever reaches the training."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from babytrain.runs.errors import RunsError
from babytrain.runs.events import AnyEvent, Command, SamplePiece, Step
from babytrain.runs.journal import JournalContents, JournalWriter, encode_event, read_journal, writer
from babytrain.runs.state.thinning import MAX_STEP_LINES
from tests.runs.builders import any_event, checkpoint, ended, evaluation, resumed, same, started, step

BIG = 10**12


class Disk:
    """Stands in for `os` in the writer: a disk with `room` bytes left that takes at most `most` bytes a call."""

    def __init__(self, room: int = BIG, most: int = BIG) -> None:
        self.room = room
        self.most = most
        self.calls = 0
        self.syncs = 0
        self.sync_error: int | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)

    def write(self, fd: int, data: bytes) -> int:
        self.calls += 1
        size = min(len(data), self.room, self.most)
        if size == 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        self.room -= size
        return os.write(fd, data[:size])

    def sync(self, fd: int) -> None:
        if self.sync_error is not None:
            raise OSError(self.sync_error, os.strerror(self.sync_error))
        self.syncs += 1


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.jsonl"


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    disk = Disk()
    monkeypatch.setattr(writer, "os", disk)
    monkeypatch.setattr(writer, "_datasync", disk.sync)
    return disk


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_what_is_appended_can_be_read_at_once(path: Path) -> None:
    events: list[AnyEvent] = [started(), step(1), evaluation(1, 3.0), ended(1)]
    with JournalWriter(path) as journal:
        for count, event in enumerate(events, 1):
            journal.append(event)
            assert read_journal(path) == JournalContents(events[:count])


def test_a_line_is_one_write(path: Path, disk: Disk) -> None:
    with JournalWriter(path) as journal:
        for number in range(10):
            journal.append(step(number))
    assert disk.calls == 10


def test_a_sample_being_typed_never_reaches_the_journal(path: Path) -> None:
    with JournalWriter(path) as journal:
        journal.append(SamplePiece(t=0.0, step=0, sample_id=1, prompt="", text="the old"))
        journal.append(step(1))
    assert read_journal(path).events == [step(1)]


@given(
    before=st.lists(any_event(st.text(max_size=4), st.floats(0, 1e6)), max_size=3),
    torn=any_event(st.text(max_size=4), st.floats(0, 1e6)),
    data=st.data(),
)
def test_appending_after_a_torn_tail_loses_the_torn_line_alone(
    tmp_path_factory: pytest.TempPathFactory, before: list[AnyEvent], torn: AnyEvent, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("torn") / "journal.jsonl"
    line = encode_event(torn)
    cut = data.draw(st.integers(1, len(line) - 2))
    path.write_bytes(b"".join(map(encode_event, before)) + line[:cut])
    with JournalWriter(path) as journal:
        journal.append(step(7))
    contents = read_journal(path)
    assert same(contents.events, [*before, step(7)])
    assert contents.bad_lines == 1


def test_only_a_file_that_needs_it_gets_a_newline_first(path: Path) -> None:
    path.write_bytes(encode_event(step(1)))
    with JournalWriter(path) as journal:
        journal.append(step(2))
    assert path.read_bytes() == encode_event(step(1)) + encode_event(step(2))


def test_short_writes_are_finished(path: Path, disk: Disk) -> None:
    disk.most = 7
    events: list[AnyEvent] = [started(), step(1), step(2)]
    with JournalWriter(path) as journal:
        for event in events:
            journal.append(event)
        assert journal.failing_since is None
    assert read_journal(path) == JournalContents(events)


def test_a_full_disk_is_noted_and_outlived(path: Path, disk: Disk, clock: Clock) -> None:
    journal = JournalWriter(path, clock=clock)
    journal.append(step(1))
    disk.room = 20  # the next line gets in by a third
    before = time.time()
    for number in range(2, 6):
        journal.append(step(number))
    assert journal.failing_since is not None
    assert before <= journal.failing_since <= time.time()
    assert journal.last_error == "No space left on device"
    assert journal.unwritten > 0
    assert read_journal(path) == JournalContents([step(1)], bad_lines=1)

    disk.room = BIG
    clock.now += 3600
    journal.append(step(6))
    assert journal.failing_since is None
    assert journal.unwritten == 0
    assert read_journal(path) == JournalContents([step(number) for number in range(1, 7)])
    journal.close()


def test_a_full_disk_is_not_asked_again_at_every_step(path: Path, disk: Disk, clock: Clock) -> None:
    disk.room = 0
    journal = JournalWriter(path, clock=clock)
    for number in range(1000):
        journal.append(step(number))
    assert disk.calls == 1
    for _ in range(20):
        clock.now += 5
        journal.append(step(1000))
    assert 4 < disk.calls < 12  # and more and more rarely
    disk.room = BIG
    journal.sync()  # no waiting when somebody asks for it
    assert journal.unwritten == 0
    journal.close()


@given(
    rooms=st.lists(st.integers(0, 700), min_size=1, max_size=12),
    most=st.sampled_from([1, 13, BIG]),
    kinds=st.lists(st.sampled_from("ssse"), min_size=1, max_size=30),
)
def test_no_order_of_full_and_free_loses_or_doubles_a_line(
    tmp_path_factory: pytest.TempPathFactory, rooms: list[int], most: int, kinds: list[str]
) -> None:
    path = tmp_path_factory.mktemp("full") / "journal.jsonl"
    disk, clock = Disk(most=most), Clock()
    events: list[AnyEvent] = [
        step(number) if kind == "s" else evaluation(number, 2.0) for number, kind in enumerate(kinds)
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(writer, "os", disk)
        patch.setattr(writer, "_datasync", disk.sync)
        journal = JournalWriter(path, clock=clock)
        for index, event in enumerate(events):
            disk.room = rooms[index % len(rooms)]
            clock.now += 10
            journal.append(event)
            seen = read_journal(path)
            assert same(seen.events, events[: len(seen.events)])
            assert len(seen.events) + journal.unwritten in (index, index + 1)
        disk.room = BIG
        journal.close()
    assert read_journal(path) == JournalContents(events)
    assert journal.dropped == 0


def test_a_killed_writer_with_half_a_line_out_costs_that_line_alone(path: Path, disk: Disk) -> None:
    journal = JournalWriter(path)
    journal.append(step(1))
    disk.room = 30
    journal.append(step(2))  # and then the process is gone
    disk.room = BIG
    with JournalWriter(path) as later:
        later.append(step(3))
    assert read_journal(path) == JournalContents([step(1), step(3)], bad_lines=1)


def test_a_full_disk_at_opening_is_outlived_too(path: Path, disk: Disk) -> None:
    path.write_bytes(encode_event(step(1)) + b'{"torn')
    disk.room = 0
    journal = JournalWriter(path)
    journal.append(step(2))
    disk.room = BIG
    journal.close()
    assert read_journal(path) == JournalContents([step(1), step(2)], bad_lines=1)


def test_the_backlog_is_bounded_and_steps_make_room_first(path: Path, disk: Disk, clock: Clock) -> None:
    disk.room = 0
    limit = 50 * len(encode_event(step(1000)))
    journal = JournalWriter(path, clock=clock, backlog_bytes=limit)
    rare: list[AnyEvent] = [started()]
    journal.append(rare[0])
    for number in range(1000, 2000):
        journal.append(step(number))
        if number % 100 == 0:
            rare.append(evaluation(number, 2.0))
            journal.append(rare[-1])
    assert journal.dropped > 800
    disk.room = BIG
    journal.close()
    assert path.stat().st_size <= limit
    kept = read_journal(path).events
    steps = [event.step for event in kept if isinstance(event, Step)]
    assert [event for event in kept if not isinstance(event, Step)] == rare
    assert steps == sorted(set(steps))
    assert len(steps) + journal.dropped == 1000


def test_a_backlog_of_nothing_but_rare_events_is_bounded_as_well(path: Path, disk: Disk, clock: Clock) -> None:
    disk.room = 0
    journal = JournalWriter(path, clock=clock, backlog_bytes=2000)
    for number in range(200):
        journal.append(evaluation(number, 2.0))
    disk.room = BIG
    journal.close()
    kept = read_journal(path).events
    assert 0 < len(kept) < 60
    assert len(kept) + journal.dropped == 200
    assert kept[-1] == evaluation(199, 2.0)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_the_real_full_device() -> None:
    journal = JournalWriter(Path("/dev/full"))
    for number in range(100):
        journal.append(step(number))
    journal.append(ended(100))
    assert journal.last_error == os.strerror(errno.ENOSPC)
    assert journal.failing_since is not None
    journal.close()
    assert journal.unwritten == 101


def test_what_must_last_is_synced_at_once_and_the_rest_in_time(path: Path, disk: Disk, clock: Clock) -> None:
    with JournalWriter(path, clock=clock) as journal:
        journal.append(step(1))
        assert disk.syncs == 0
        for count, event in enumerate([evaluation(1, 2.0), checkpoint(1), ended(1)], 1):
            journal.append(event)
            assert disk.syncs == count
        clock.now += 1.9
        journal.append(step(2))
        assert disk.syncs == 3
        clock.now += 0.2
        journal.append(step(3))
        assert disk.syncs == 4
        journal.sync()
        assert disk.syncs == 5


def test_a_failing_sync_is_noted_until_one_succeeds(path: Path, disk: Disk, clock: Clock) -> None:
    with JournalWriter(path, clock=clock) as journal:
        disk.sync_error = errno.EIO
        journal.append(evaluation(1, 2.0))
        since = journal.failing_since
        assert since is not None
        assert journal.last_error == os.strerror(errno.EIO)
        journal.append(step(2))
        journal.sync()
        assert journal.failing_since == since  # that lines can still be written does not make them safe
        disk.sync_error = errno.EINVAL  # a file that cannot be synced at all is nobody's fault
        journal.sync()
        assert journal.failing_since is None
    assert read_journal(path).events == [evaluation(1, 2.0), step(2)]


@pytest.mark.parametrize(
    "plan",
    [
        started(total_steps=5 * MAX_STEP_LINES),
        resumed(0, 0.0, total_steps=5 * MAX_STEP_LINES),
        Command(
            t=0.0, step=0, command_id=0, action="undo", status="applied", dials={"total_steps": 5 * MAX_STEP_LINES}
        ),
    ],
)
def test_a_long_run_keeps_every_fifth_step(path: Path, plan: AnyEvent) -> None:
    with JournalWriter(path) as journal:
        journal.append(plan)
        for number in range(1, 13):
            journal.append(step(number))
    steps = [event for event in read_journal(path).events if isinstance(event, Step)]
    assert [(event.step, event.merged) for event in steps] == [(5, 5), (10, 5), (12, 2)]  # the rest at closing


def test_a_journal_that_cannot_be_opened_is_one_sentence(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "absent" / "journal.jsonl"):
        with pytest.raises(RunsError, match=str(path)):
            JournalWriter(path)


def test_a_closed_journal_takes_nothing(path: Path) -> None:
    journal = JournalWriter(path)
    journal.close()
    journal.close()
    with pytest.raises(ValueError, match="closed"):
        journal.append(step(1))


WRITE_FOR_EVER = """
import sys
from pathlib import Path
from babytrain.runs.journal import JournalWriter
from tests.runs.builders import step
journal = JournalWriter(Path(sys.argv[1]))
number = 0
while True:
    number += 1
    journal.append(step(number))
    sys.stdout.write(f"{number}\\n")
    sys.stdout.flush()
"""


def test_kill_9_loses_nothing_that_append_returned_for(path: Path) -> None:
    writing = subprocess.Popen([sys.executable, "-c", WRITE_FOR_EVER, str(path)], stdout=subprocess.PIPE, text=True)
    assert writing.stdout is not None
    promised = 0
    while promised < 300:
        promised = int(writing.stdout.readline())
    os.kill(writing.pid, signal.SIGKILL)
    for line in writing.stdout:  # what it had said before the end came
        if line.endswith("\n"):
            promised = int(line)
    assert writing.wait() == -signal.SIGKILL
    writing.stdout.close()
    contents = read_journal(path)
    assert contents.bad_lines == 0
    assert [event.step for event in contents.events][:promised] == list(range(1, promised + 1))
    assert len(contents.events) in (promised, promised + 1)
