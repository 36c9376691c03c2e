"""Where a run in training is kept: whether its folder, lock, journal and files are still there, and what to do if not.

What was removed is written again. A run whose whole folder was removed, renamed or replaced goes on in a new folder
beside it, and what stands in the old place is left alone.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from collections.abc import Callable

from babytrain.runs.errors import RunsError
from babytrain.runs.events import AnyEvent
from babytrain.runs.files.regular_files import is_real_folder
from babytrain.runs.journal import JournalWriter
from babytrain.runs.store.folder import RunFolder, create_run
from babytrain.runs.store.lock import RunLock, lock_owner
from babytrain.runs.store.open_files import OpenFiles, free_name

RETRY_SECONDS = 5.0


class TrainingFolder:
    """The folder of one session, whose `lock` is held and whose `journal` is open. For the training thread."""

    def __init__(self, lock: RunLock, journal: JournalWriter, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.problem = ""  # why the run has no folder at the moment, as half a sentence
        self._lock, self._journal, self._clock = lock, journal, clock
        self._directory = _open_directory(lock.folder)
        self._files = OpenFiles(lock.folder)
        self._retry_at = 0.0  # after a failed attempt to write something again

    @property
    def folder(self) -> RunFolder:
        """Where the run is kept now."""
        return self._lock.folder

    def look(self, message: Callable[[str], AnyEvent]) -> list[str]:
        """Look and mend. Returns a sentence for each thing that was found; `message` makes an event of one."""
        due = self._clock() >= self._retry_at
        if taken := self._why_not_ours():
            return self._move(taken, message) if due or not self.problem else []
        self.problem = ""  # it may have been moved back
        return [*self._mend_journal(), *self._mend_files()] if due else []

    def close(self) -> None:
        """Let go of all files but the journal and the lock."""
        self._files.close()
        os.close(self._directory)

    def _why_not_ours(self) -> str:
        """What happened to the folder, as half a sentence; empty while it is there and ours alone."""
        try:
            there = self.folder.path.lstat()
        except (FileNotFoundError, NotADirectoryError):
            return "was removed or renamed"
        except OSError:
            return ""  # cannot be said: a network folder that does not answer
        if not os.path.samestat(there, os.fstat(self._directory)):
            return "was replaced by another"
        if not self._lock.is_in_place():
            try:
                self._lock.replace_by(RunLock(self.folder).acquire())
            except RunsError:
                owner = lock_owner(self.folder)
                if owner is not None and owner.pid != os.getpid():
                    return "was taken by another process"
        return ""

    def _move(self, taken: str, message: Callable[[str], AnyEvent]) -> list[str]:
        """Save everything in a new folder beside the old one and go on there."""
        old, what = self.folder, f"The folder of this run, {self.folder.path}, {taken} while it trains"
        new: RunFolder | None = None
        try:
            new = create_run(old.path.parent, old.name)
            self._files.write_to(new)
            lock = RunLock(new).acquire()
            sentence = f"{what}. It is saved in {new.path} and goes on there."
            if not self._journal.begin_again(new.journal, message(sentence)):
                lock.release()
                raise RunsError(f"Cannot write {new.journal}: {self._journal.last_error}.")
        except (OSError, RunsError) as error:
            if new is not None:
                shutil.rmtree(new.path, ignore_errors=True)
            self._retry_at = self._clock() + RETRY_SECONDS
            reason = str(error) if isinstance(error, RunsError) else f"{old.path.parent}: {error.strerror or error}"
            known, self.problem = self.problem, reason[0].lower() + reason[1:].rstrip(".")
            return (
                [] if known else [f"{what}, and there is no new one yet: {self.problem}. Training goes on in memory."]
            )
        self._lock.replace_by(lock)
        self.problem = ""
        self.close()
        self._directory, self._files = _open_directory(new), OpenFiles(new)
        return [sentence]

    def _mend_journal(self) -> list[str]:
        if self._journal.is_in_place():
            return []
        path, found = self.folder.journal, "removed"
        if self._journal.is_cut_short():
            found = "cut short"
        elif os.path.lexists(path):
            aside = free_name(path)
            with contextlib.suppress(OSError):
                path.rename(aside)
            found = f"replaced by another file, now called {aside.name}"
        if not self._journal.begin_again(path):
            self._retry_at = self._clock() + RETRY_SECONDS
            return []  # said as long as the journal is failing
        return [f"The journal of this run was {found}. It was written again from memory, and nothing of it is missing."]

    def _mend_files(self) -> list[str]:
        checkpoints = self.folder.checkpoints
        if os.path.lexists(checkpoints) and not is_real_folder(checkpoints):  # a link, through which nothing is saved
            with contextlib.suppress(OSError):
                checkpoints.rename(free_name(checkpoints))
        missing = self._files.look(self.folder)
        if not missing:
            return []
        try:
            self._files.write_to(self.folder, missing)
        except OSError as error:
            self._retry_at = self._clock() + RETRY_SECONDS
            reason = error.strerror or error
            return [f"Files of this run were removed or replaced and cannot be written again: {reason}."]
        return [f"Files of this run were removed or replaced and were written again: {', '.join(_in_words(missing))}."]


def _open_directory(folder: RunFolder) -> int:
    """The folder as an open file, so that no other gets its number."""
    return os.open(folder.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)


def _in_words(names: list[str]) -> list[str]:
    """File names with those of checkpoints as one."""
    single = [name for name in names if "/" not in name]
    return [*single, "the checkpoints"] if len(single) < len(names) else single
