"""The files of a run folder, held open while the run is trained, so that they can be written again when removed.

A removed file keeps its content as long as it is open. It keeps its room on the disk too, so a checkpoint that a person
removes by itself is closed.
"""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Iterable
from pathlib import Path

from babytrain.runs.files.regular_files import is_real_folder, is_regular_file, open_regular_file
from babytrain.runs.store.checkpoint_list import pointed_at
from babytrain.runs.store.folder import RunFolder

# A process may have 256 files open on some systems.
MOST_CHECKPOINT_FILES = 64
MOST_OTHER_FILES = 32
_COMPLETES_A_CHECKPOINT = "trainer.json"
_PIECE_BYTES = 2**20


class OpenFiles:
    """The files of one run folder at the start of a session, without journal and lock, and its newest checkpoints.

    Names are paths in the folder.
    """

    def __init__(self, folder: RunFolder) -> None:
        self._files: dict[str, int] = {}
        self._missing: set[str] = set()  # files of checkpoints that were missing at the last look
        others = [path for path in _entries(folder.path) if path not in (folder.journal, folder.checkpoints)]
        below = [path for other in others for path in _entries(other)]
        self._hold(folder, [path for path in (*others, *below) if path != folder.lock_file][:MOST_OTHER_FILES])
        self.look(folder)

    def look(self, folder: RunFolder) -> list[str]:
        """Hold the checkpoints that are there now. Returns the names of the files that must be written again."""
        newest = _checkpoint_files(folder)[:MOST_CHECKPOINT_FILES]
        self._hold(folder, newest)
        missing = {name for name in self._files if not _is_there(folder, name)}
        checkpoints = {name for name in self._files if name.startswith(f"{folder.checkpoints.name}/")}
        if checkpoints <= missing:
            return sorted(missing)
        # A checkpoint that was removed by itself is let go, at the second look: the whole folder may be on its way out.
        older = checkpoints - missing - {_name(folder, path) for path in newest}
        for name in older | missing & checkpoints & self._missing:
            os.close(self._files.pop(name))
        self._missing = missing & checkpoints
        return sorted(missing - checkpoints)

    def write_to(self, folder: RunFolder, names: Iterable[str] | None = None) -> None:
        """Write all files, or those with these names, into a folder. Raises OSError.

        What stands in the place of one, such as a link, gets another name.
        """
        wanted = self._files if names is None else names
        for name in sorted(wanted, key=lambda name: (name.endswith(_COMPLETES_A_CHECKPOINT), name)):
            path = folder.path / name
            for place in (*reversed(_folders_above(folder, name)), path):
                if os.path.lexists(place) and (place == path or not is_real_folder(place)):
                    place.rename(free_name(place))
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            _write_copy(self._files[name], path)

    def close(self) -> None:
        """Close all files."""
        while self._files:
            os.close(self._files.popitem()[1])

    def _hold(self, folder: RunFolder, paths: Iterable[Path]) -> None:
        """Open files that are not open yet, and those that were replaced by others."""
        for path in paths:
            name = _name(folder, path)
            held = self._files.get(name)
            try:
                if held is not None and os.path.samestat(os.fstat(held), path.lstat()):
                    continue
                self._files[name] = open_regular_file(path)
            except OSError:  # gone meanwhile, a folder, not a regular file, too many open files
                continue
            if held is not None:
                os.close(held)


def _name(folder: RunFolder, path: Path) -> str:
    return path.relative_to(folder.path).as_posix()


def free_name(path: Path) -> Path:
    """A name beside `path`, such as `run-found-1.toml`, that nothing has."""
    names = (path.with_name(f"{path.stem}-found-{number}{path.suffix}") for number in itertools.count(1))
    return next(name for name in names if not os.path.lexists(name))


def _folders_above(folder: RunFolder, name: str) -> list[Path]:
    """The folders between the run's and the file with this name, the nearest first."""
    return [folder.path / parent for parent in list(Path(name).parents)[:-1]]


def _is_there(folder: RunFolder, name: str) -> bool:
    """Whether a regular file has this name, and no link leads to it."""
    return is_regular_file(folder.path / name) and all(map(is_real_folder, _folders_above(folder, name)))


def _entries(path: Path) -> list[Path]:
    """What is in a folder, by name; nothing for what is no folder or a link."""
    with contextlib.suppress(OSError):
        if not path.is_symlink() and path.is_dir():
            return sorted(entry for entry in path.iterdir() if not entry.name.startswith("."))
    return []


def _checkpoint_files(folder: RunFolder) -> list[Path]:
    """The marks of the best and the last checkpoint, then the files of complete ones: the best, the latest steps."""
    entries = _entries(folder.checkpoints)
    files = [path for path in entries if not path.name.startswith("step-")]
    best = pointed_at(folder.checkpoints / "best")
    for checkpoint in sorted(entries, key=lambda path: (path == best, path.name), reverse=True):
        of_checkpoint = _entries(checkpoint)
        if any(file.name == _COMPLETES_A_CHECKPOINT for file in of_checkpoint):
            files += of_checkpoint
    return files


def _write_copy(source: int, path: Path) -> None:
    """Write the content of an open file into a new one, synced to the disk. Raises OSError and then leaves nothing."""
    target = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(target, "wb") as file:
            position = 0
            while data := os.pread(source, _PIECE_BYTES, position):
                file.write(data)
                position += len(data)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        with contextlib.suppress(OSError):
            path.unlink()
        raise
