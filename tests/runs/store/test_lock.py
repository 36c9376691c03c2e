"""One trainer a run, whatever happens to the trainers."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from babytrain.runs.errors import RunsError
from babytrain.runs.store import lock
from babytrain.runs.store.folder import RunFolder
from babytrain.runs.store.lock import LockOwner, RunLock, lock_owner, process_start

# Waits for its turn, takes the lock, says how that went, and keeps what it got until its standard input ends.
HOLDER = """
import sys
from pathlib import Path
from babytrain.runs.errors import RunsError
from babytrain.runs.store.folder import RunFolder
from babytrain.runs.store.lock import RunLock
lock = RunLock(RunFolder(Path(sys.argv[1])))
print("ready", flush=True)
sys.stdin.readline()
try:
    lock.acquire()
except RunsError as error:
    print(f"refused {error}", flush=True)
else:
    print("held", flush=True)
sys.stdin.readline()
"""


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return RunFolder(tmp_path)


class Holders:
    """Other processes that want the lock."""

    def __init__(self, folder: RunFolder) -> None:
        self.folder = folder
        self.processes: list[subprocess.Popen[str]] = []

    def start(self, count: int = 1) -> list[subprocess.Popen[str]]:
        for _ in range(count):
            command = [sys.executable, "-c", HOLDER, str(self.folder.path)]
            self.processes.append(
                subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
            )
        for process in self.processes:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        return self.processes

    def go(self) -> list[str]:
        """Let all of them try; what each says."""
        for process in self.processes:
            assert process.stdin is not None
            process.stdin.write("go\n")
        return [process.stdout.readline().strip() for process in self.processes if process.stdout]


@pytest.fixture
def holders(folder: RunFolder) -> Iterator[Holders]:
    holders = Holders(folder)
    yield holders
    for process in holders.processes:
        process.kill()
        process.communicate()


def write_owner(folder: RunFolder, **facts: object) -> None:
    known = {"pid": os.getpid(), "host": socket.gethostname(), "since": time.time(), "process_start": None}
    folder.lock_file.write_bytes(msgspec.json.encode(known | facts))


def a_dead_pid() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_a_held_lock_names_its_holder_and_is_free_afterwards(folder: RunFolder) -> None:
    assert lock_owner(folder) is None
    with RunLock(folder):
        holder = lock_owner(folder)
        assert holder is not None
        assert (holder.pid, holder.host) == (os.getpid(), socket.gethostname())
        assert abs(holder.since - time.time()) < 60
        with pytest.raises(RunsError, match=rf"is being trained by process {os.getpid()} on .* since \d{{4}}-"):
            RunLock(folder).acquire()
    assert lock_owner(folder) is None
    with RunLock(folder):
        assert lock_owner(folder) is not None


def test_releasing_twice_and_acquiring_twice(folder: RunFolder) -> None:
    one = RunLock(folder)
    one.release()
    one.acquire()
    with pytest.raises(ValueError, match="already held"):
        one.acquire()
    one.release()
    one.release()
    assert lock_owner(folder) is None
    one.acquire().release()


def test_a_refused_lock_leaves_the_holder_in_peace(folder: RunFolder, holders: Holders) -> None:
    (process,) = holders.start()
    assert holders.go() == ["held"]
    for _ in range(2):
        with pytest.raises(RunsError, match=f"process {process.pid} "):
            RunLock(folder).acquire()
    holder = lock_owner(folder)
    assert holder is not None
    assert holder.pid == process.pid


def test_of_many_at_once_exactly_one_gets_it(holders: Holders) -> None:
    holders.start(4)
    said = holders.go()
    assert said.count("held") == 1
    assert sum(line.startswith("refused") for line in said) == 3


def test_kill_9_frees_the_lock(folder: RunFolder, holders: Holders) -> None:
    (process,) = holders.start()
    assert holders.go() == ["held"]
    assert lock_owner(folder) is not None
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert lock_owner(folder) is None
    with RunLock(folder):
        holder = lock_owner(folder)
        assert holder is not None
        assert holder.pid == os.getpid()


def test_somebody_who_only_looks_does_not_make_a_trainer_fail(
    folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    looking = os.open(folder.lock_file, os.O_RDONLY | os.O_CREAT, 0o600)
    fcntl.flock(looking, fcntl.LOCK_SH)
    waits: list[float] = []

    def look_is_over(seconds: float) -> None:
        waits.append(seconds)
        os.close(looking)

    monkeypatch.setattr(lock.time, "sleep", look_is_over)  # the trainer waits for its next try
    with RunLock(folder):
        assert lock_owner(folder) is not None
    assert len(waits) == 1


@pytest.fixture
def no_flock(monkeypatch: pytest.MonkeyPatch) -> None:
    def unsupported(fd: int, how: int) -> None:
        raise OSError(errno.ENOTSUP, "Operation not supported")

    monkeypatch.setattr(fcntl, "flock", unsupported)


@pytest.mark.usefixtures("no_flock")
def test_without_flock_the_content_decides(folder: RunFolder) -> None:
    with RunLock(folder), pytest.raises(RunsError, match="is being trained by"):
        RunLock(folder).acquire()
    with RunLock(folder):
        pass


@pytest.mark.usefixtures("no_flock")
def test_without_flock_a_dead_process_holds_nothing(folder: RunFolder) -> None:
    write_owner(folder, pid=a_dead_pid())
    assert lock_owner(folder) is None
    RunLock(folder).acquire().release()


@pytest.mark.usefixtures("no_flock")
@pytest.mark.skipif(process_start(os.getpid()) is None, reason="needs /proc")
def test_without_flock_a_reused_process_id_holds_nothing(folder: RunFolder) -> None:
    start = process_start(os.getpid())
    assert start is not None
    write_owner(folder, process_start=start)
    with pytest.raises(RunsError):
        RunLock(folder).acquire()
    write_owner(folder, process_start=start - 1)
    assert lock_owner(folder) is None
    RunLock(folder).acquire().release()


@pytest.mark.usefixtures("no_flock")
def test_without_flock_another_host_is_believed_and_the_way_out_is_told(folder: RunFolder) -> None:
    write_owner(folder, host="otter.example.org", pid=1234)
    assert lock_owner(folder) is not None
    with pytest.raises(RunsError, match=r"process 1234 on otter\.example\.org") as caught:
        RunLock(folder).acquire()
    assert f"delete {folder.lock_file}" in str(caught.value)


def test_with_flock_what_another_host_left_behind_is_taken_over(folder: RunFolder) -> None:
    write_owner(folder, host="a-container-long-gone", pid=1234)
    assert lock_owner(folder) is None
    RunLock(folder).acquire().release()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00" * 50,
        b"not json",
        b"[]",
        b'{"pid":"x"}',
        b'{"pid":-1,"host":"%s","since":0}' % socket.gethostname().encode(),
        b'{"pid":99999999999999999999,"host":"%s","since":1e300}' % socket.gethostname().encode(),
        b"x" * 100_000,
    ],
)
def test_nonsense_in_the_lock_file_holds_nothing(folder: RunFolder, content: bytes) -> None:
    folder.lock_file.write_bytes(content)
    assert lock_owner(folder) is None
    RunLock(folder).acquire().release()


def test_a_time_beyond_the_calendar_is_still_a_sentence() -> None:
    assert "unknown time" in LockOwner(pid=1, host="x", since=1e300).describe()


def test_a_folder_that_is_not_there_cannot_be_locked(tmp_path: Path) -> None:
    with pytest.raises(RunsError, match="Cannot lock the run"):
        RunLock(RunFolder(tmp_path / "absent")).acquire()
    assert lock_owner(RunFolder(tmp_path / "absent")) is None


def test_the_start_of_a_process_is_read_behind_any_name(tmp_path: Path) -> None:
    (tmp_path / "77").mkdir()
    fields = " ".join(str(number) for number in range(3, 53))
    (tmp_path / "77" / "stat").write_text(f"77 (evil) name) 1 2) {fields}\n")
    assert process_start(77, tmp_path) == 22
    assert process_start(78, tmp_path) is None
    (tmp_path / "77" / "stat").write_text("77 (")
    assert process_start(77, tmp_path) is None
