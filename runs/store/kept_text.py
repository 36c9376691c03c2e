"""The text that a run learns from, kept in its folder as `text.gz`.

Runs that learn from the same text share one file by hard links to `.texts/<sha256>.gz` in the runs folder; where there
are no hard links each run has its own. A run folder is thus whole by itself wherever it is moved, and the room of a
text is free once no run (or trash) has it.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import os
import re
import zlib
from pathlib import Path

from babytrain.runs.files.atomic_write import write_atomically
from babytrain.runs.files.regular_files import is_real_folder, read_regular_file
from babytrain.runs.store.folder import RunFolder

TEXT_FILE = "text.gz"
TEXTS_FOLDER = ".texts"
_SHA256 = re.compile("[0-9a-f]{64}")


def pack_text(utf8: bytes, most_bytes: int) -> bytes:
    """A text compressed to be kept; empty for more than `most_bytes`."""
    if len(utf8) > most_bytes:
        return b""
    return gzip.compress(utf8, compresslevel=1, mtime=0)  # the same text, the same bytes


def unpack_text(packed: bytes, most_bytes: int) -> bytes:
    """A text that `pack_text` made. Raises ValueError when it is damaged or more than `most_bytes`."""
    unpacker = zlib.decompressobj(wbits=31)  # gzip
    try:
        utf8 = unpacker.decompress(packed, most_bytes + 1)
    except zlib.error as error:
        raise ValueError(str(error)) from error
    if len(utf8) > most_bytes:
        raise ValueError(f"it is larger than {most_bytes:,} bytes")
    if not unpacker.eof or unpacker.unused_data:
        raise ValueError("it is incomplete, or has something after its end")
    return utf8


def keep_text(folder: RunFolder, packed: bytes, sha256: str) -> None:
    """Keep the text in a run's folder, which must not have one yet. Raises OSError when it cannot be written."""
    file, texts = folder.path / TEXT_FILE, _texts_folder(folder)
    entry = texts / f"{sha256}.gz"
    with contextlib.suppress(OSError):
        if is_real_folder(texts) and read_regular_file(entry, len(packed)) == packed:
            os.link(entry, file, follow_symlinks=False)
            return
    write_atomically(file, packed)
    with contextlib.suppress(OSError):  # without hard links each run has its own copy
        texts.mkdir(mode=0o700, exist_ok=True)
        if is_real_folder(texts):
            entry.unlink(missing_ok=True)  # a damaged one
            os.link(file, entry, follow_symlinks=False)
            _drop_unused(texts)


def has_kept_text(folder: RunFolder) -> bool:
    """Whether something is in the place of the text."""
    return os.path.lexists(folder.path / TEXT_FILE)


def read_kept_text(folder: RunFolder, sha256: str, most_bytes: int) -> tuple[bytes | None, str]:
    """The text of a run in UTF-8, from its own folder or from another run's, and why its own cannot be used, or "".

    Only the text whose hash is `sha256` is returned. Never raises.
    """
    problem = ""
    if not _SHA256.fullmatch(sha256):
        return None, problem
    for path in (folder.path / TEXT_FILE, _texts_folder(folder) / f"{sha256}.gz"):
        try:
            utf8 = unpack_text(read_regular_file(path, most_bytes + most_bytes // 100 + 1024), most_bytes)
            if hashlib.sha256(utf8).hexdigest() != sha256:
                raise ValueError("it is another text than the one this run learned from")
        except FileNotFoundError:
            continue
        except (OSError, ValueError) as error:
            reason = (error.strerror if isinstance(error, OSError) else "") or str(error)
            problem = problem or f"{path} cannot be used: {reason}"
        else:
            return utf8, problem
    return None, problem


def _texts_folder(folder: RunFolder) -> Path:
    return folder.path.parent / TEXTS_FOLDER


def _drop_unused(texts: Path) -> None:
    """Delete texts that no run has any more. A text gets its second link at once, so none in use has only one."""
    for entry in texts.glob("*.gz"):
        with contextlib.suppress(OSError):
            if entry.lstat().st_nlink == 1:
                entry.unlink()
