"""A lock that lets one process train a run.

It is a `flock`, so it ends with its process, also after `kill -9`. The content only names the holder; the file stays,
because removing a lock file is a race. On file systems without `flock` the content decides: a process that has ended on
this host, or whose id was reused, holds nothing. Two sessions started in the same instant are kept apart only with
`flock`.
"""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import time
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from babytrain.runs.errors import RunsError
from babytrain.runs.files.regular_files import open_regular_file, read_regular_file, unlink_from_others
from babytrain.runs.store.folder import RunFolder

_NO_FLOCK = frozenset({errno.ENOTSUP, errno.ENOSYS, errno.ENOLCK, errno.EINVAL})
# A reader that tries the lock, or an owner about to write the content, is done within this time.
_PATIENCE_SECONDS = 0.5
_LONGEST_CONTENT = 4096


class LockOwner(msgspec.Struct, frozen=True, kw_only=True):
    """The process that trains a run. `since` is Unix seconds; `process_start` detects a reused process id."""

    pid: int
    host: str
    since: float
    process_start: int | None = None

    def describe(self) -> str:
        """`process 1234 on otter since 2026-01-31 12:00`."""
        try:
            since = datetime.fromtimestamp(self.since).strftime("%Y-%m-%d %H:%M")
        except (ValueError, OverflowError, OSError):
            since = "an unknown time"
        return f"process {self.pid} on {self.host} since {since}"

    def seems_alive(self) -> bool:
        """Whether that very process runs. A process of another host cannot be checked and counts as alive."""
        if self.host != socket.gethostname():
            return True
        if not _pid_exists(self.pid):
            return False
        now = process_start(self.pid)
        return now is None or self.process_start is None or now == self.process_start


class RunLock:
    """The lock of one run, also a context manager. Not for use from several threads."""

    def __init__(self, folder: RunFolder) -> None:
        self.folder = folder
        self._fd = -1

    def acquire(self) -> Self:
        """Take the lock. Raises RunsError, naming the holder, when a live process has it."""
        if self._fd >= 0:
            raise ValueError("this lock is already held")
        path = self.folder.lock_file
        fd = self._open_and_claim()
        try:
            if os.fstat(fd).st_nlink > 1:  # a backup by hard links shares it, or it is a file of somebody else
                unlink_from_others(path)
                os.close(fd)
                fd = self._open_and_claim()
            _write_owner(fd)
        except OSError as error:
            os.close(fd)
            raise RunsError(f"Cannot write the lock {path}: {error.strerror or error}.") from error
        self._fd = fd
        return self

    def _open_and_claim(self) -> int:
        try:
            fd = open_regular_file(self.folder.lock_file, os.O_RDWR | os.O_CREAT)
        except OSError as error:
            raise RunsError(f"Cannot lock the run {self.folder.path}: {error.strerror or error}.") from error
        try:
            self._claim(fd)
        except BaseException as error:
            os.close(fd)
            if isinstance(error, OSError):
                raise RunsError(f"Cannot lock the run {self.folder.path}: {error.strerror or error}.") from error
            raise
        return fd

    def is_in_place(self) -> bool:
        """Whether the lock is held and its file is where it was. Never raises."""
        try:
            return os.path.samestat(os.fstat(self._fd), self.folder.lock_file.lstat())
        except OSError:
            return False

    def replace_by(self, other: Self) -> None:
        """Release the lock and hold `other` instead, of another folder or of a new file in the same one."""
        self.release()
        self.folder, self._fd = other.folder, other._fd

    def release(self) -> None:
        """Release the lock; no effect when it is not held."""
        fd, self._fd = self._fd, -1
        if fd < 0:
            return
        try:
            os.ftruncate(fd, 0)
        finally:
            os.close(fd)

    def __enter__(self) -> Self:
        return self.acquire() if self._fd < 0 else self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.release()

    def _claim(self, fd: int) -> None:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while True:
            locked = _try_flock(fd, fcntl.LOCK_EX)
            if locked:
                return
            owner = _read_owner(self.folder.lock_file)
            alive = owner is not None and owner.seems_alive()
            if locked is None and not alive:
                return
            if alive or time.monotonic() > deadline:
                raise RunsError(self._held_by(owner))
            time.sleep(0.01)

    def _held_by(self, owner: LockOwner | None) -> str:
        who = owner.describe() if owner else "another process"
        here = owner is None or owner.host == socket.gethostname()
        what_to_do = "stop it there first" if here else f"stop it there first, or delete {self.folder.lock_file}"
        return f"{self.folder.run_id} is being trained by {who}; {what_to_do}."


def lock_owner(folder: RunFolder) -> LockOwner | None:
    """The live process that trains the run, or None."""
    owner = _read_owner(folder.lock_file)
    if owner is None or not owner.seems_alive():
        return None
    if owner.host == socket.gethostname():
        return owner
    return owner if _is_locked(folder.lock_file) else None


def process_start(pid: int, proc: Path = Path("/proc")) -> int | None:
    """When a process started, in clock ticks since boot; None where unknown."""
    try:
        stat = (proc / str(pid) / "stat").read_bytes()
        # The second field, the program's name in brackets, may hold anything: count fields from its end.
        return int(stat[stat.rindex(b")") + 1 :].split()[19])
    except (OSError, ValueError, IndexError):
        return None


def _try_flock(fd: int, operation: int) -> bool | None:
    """True when the lock was taken, False when another process has it, None where there is no `flock`."""
    try:
        fcntl.flock(fd, operation | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno in _NO_FLOCK:
            return None
        raise
    return True


def _is_locked(path: Path) -> bool:
    """Whether any process holds the lock, by trying it for an instant; True when unknown."""
    try:
        fd = open_regular_file(path)
    except OSError:
        return True
    try:
        return not _try_flock(fd, fcntl.LOCK_SH)
    except OSError:
        return True
    finally:
        os.close(fd)


def _write_owner(fd: int) -> None:
    pid = os.getpid()
    owner = LockOwner(pid=pid, host=socket.gethostname(), since=time.time(), process_start=process_start(pid))
    data = msgspec.json.encode(owner) + b"\n"
    os.ftruncate(fd, 0)
    if os.pwrite(fd, data, 0) != len(data):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _read_owner(path: Path) -> LockOwner | None:
    try:
        return msgspec.json.decode(read_regular_file(path, _LONGEST_CONTENT), type=LockOwner)
    except (OSError, ValueError, RecursionError):
        return None


def _pid_exists(pid: int) -> bool:
    if pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True  # another user's process
    except (ProcessLookupError, OverflowError):
        return False
    return True
