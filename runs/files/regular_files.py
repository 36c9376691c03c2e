"""Files of a run folder, looked at before they are opened: a folder may come from a stranger.

Nothing is followed by a link, nothing waits on a pipe or reads a device, and a size is checked before it is read.
"""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import stat
import tempfile
import tomllib
from contextlib import suppress
from pathlib import Path
from typing import Any

SMALL_FILE_BYTES = 4 * 2**20  # more than any settings and marks
# A key of hundreds of dotted parts, for which tomllib takes the square of their number in time.
_LONG_TOML_KEY = re.compile(
    r"""(?<![\w."'-])(?:[\w-]+|"[^"\n]*"|'[^'\n]*')(?:[ \t]*\.[ \t]*(?:[\w-]+|"[^"\n]*"|'[^'\n]*')){200}"""
)


class UnfitFileError(OSError):
    """A file of the wrong kind or size; `strerror` is half a sentence that says which."""

    def __init__(self, reason: str, path: Path) -> None:
        super().__init__(errno.EINVAL, reason, str(path))


def open_regular_file(
    path: Path, flags: int = os.O_RDONLY, mode: int = 0o600, *, follow_links: bool = False, devices: bool = False
) -> int:
    """A file descriptor of a regular file. Raises UnfitFileError for anything else, OSError like `os.open`.

    With `devices` a character device will do too: only the owner of the machine can make one.
    """
    try:
        extra = os.O_CLOEXEC | os.O_NONBLOCK | (0 if follow_links else os.O_NOFOLLOW)
        fd = os.open(path, flags | extra, mode)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.EMLINK) and path.is_symlink():
            raise UnfitFileError("it is a link, and links in a run folder are not followed", path) from error
        if error.errno in (errno.ENXIO, errno.EISDIR):  # a pipe or socket without a reader, a folder opened to write
            raise UnfitFileError(_kind_sentence(path), path) from error
        raise
    kind = os.fstat(fd).st_mode
    if not (stat.S_ISREG(kind) or (devices and stat.S_ISCHR(kind))):
        os.close(fd)
        raise UnfitFileError(_kind_sentence(path), path)
    return fd


def read_regular_file(path: Path, most_bytes: int = SMALL_FILE_BYTES, *, follow_links: bool = False) -> bytes:
    """The content of a regular file. Raises UnfitFileError for another kind or more than `most_bytes`, or OSError."""
    fd = open_regular_file(path, follow_links=follow_links)
    with os.fdopen(fd, "rb") as file:
        data = file.read(most_bytes + 1)
    if len(data) > most_bytes:
        raise UnfitFileError(f"it is larger than {most_bytes:,} bytes, which no such file needs", path)
    return data


def read_json_file(path: Path, most_bytes: int = SMALL_FILE_BYTES) -> Any:
    """The document in a small JSON file. Raises OSError, or ValueError for what is not JSON."""
    data = read_regular_file(path, most_bytes)
    try:
        return json.loads(data)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def read_toml_file(path: Path, most_bytes: int = SMALL_FILE_BYTES, *, follow_links: bool = False) -> dict[str, Any]:
    """The document in a small TOML file. Raises OSError, or ValueError for what is not UTF-8 or not TOML."""
    text = read_regular_file(path, most_bytes, follow_links=follow_links).decode("utf-8")
    if _LONG_TOML_KEY.search(text):
        raise ValueError("it has a key of hundreds of parts")
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def is_real_folder(path: Path) -> bool:
    """Whether there is a folder, and not a link to one. Never raises."""
    try:
        return stat.S_ISDIR(path.lstat().st_mode)
    except (OSError, ValueError):
        return False


def is_regular_file(path: Path) -> bool:
    """Whether there is a regular file, and not a link to one. Never raises."""
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except (OSError, ValueError):
        return False


def remove_tree(path: Path) -> None:
    """Remove a folder with all in it, or a link or file of that name; what a link leads to stays. Never raises."""
    if is_real_folder(path):
        shutil.rmtree(path, ignore_errors=True)  # which removes links in it and follows none
        return
    with suppress(OSError):
        path.unlink()


def unlink_from_others(path: Path) -> None:
    """Replace a file that has other hard links by a copy, so that writing changes no other file. Raises OSError.

    The others may be a backup, or files of somebody else.
    """
    with os.fdopen(open_regular_file(path), "rb") as source:
        facts = os.fstat(source.fileno())
        if facts.st_nlink < 2:
            return
        fd, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with os.fdopen(fd, "wb") as copy:
                shutil.copyfileobj(source, copy)
                copy.flush()
                os.fsync(copy.fileno())
            os.replace(name, path)
        except BaseException:
            with suppress(OSError):
                os.unlink(name)
            raise


def _kind_sentence(path: Path) -> str:
    try:
        mode = path.stat().st_mode
    except OSError:
        mode = 0
    kinds = ((stat.S_ISDIR, "folder"), (stat.S_ISFIFO, "pipe"), (stat.S_ISSOCK, "socket"))
    kind = next((name for test, name in kinds if test(mode)), "device")
    return f"it is a {kind} and not a file"
