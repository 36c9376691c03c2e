"""The text that a run learns from, kept in its folder as `text.gz`.

Runs beside each other that learn from the same text share the room of one file by hard links; where there are none each
has its own. So a run folder is whole by itself wherever it is moved, and the room is free once the last run is gone.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import os
import zlib

from babytrain.runs.files.atomic_write import write_atomically
from babytrain.runs.files.regular_files import read_regular_file
from babytrain.runs.store.folder import RunFolder

TEXT_FILE = "text.gz"


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


def keep_text(folder: RunFolder, packed: bytes) -> None:
    """Keep the text in a run's folder, which must not have one yet. Raises OSError when it cannot be written."""
    file = folder.path / TEXT_FILE
    for other in folder.path.parent.glob(f"*/{TEXT_FILE}"):
        with contextlib.suppress(OSError):
            if other.lstat().st_size == len(packed) and read_regular_file(other, len(packed)) == packed:
                os.link(other, file, follow_symlinks=False)
                return
    write_atomically(file, packed)


def has_kept_text(folder: RunFolder) -> bool:
    """Whether something is in the place of the text."""
    return os.path.lexists(folder.path / TEXT_FILE)


def read_kept_text(folder: RunFolder, sha256: str, most_bytes: int) -> tuple[bytes | None, str]:
    """The kept text of a run in UTF-8, None when there is none, and why it cannot be used, or "".

    Only the text whose hash is `sha256` is returned. Never raises.
    """
    path = folder.path / TEXT_FILE
    try:
        utf8 = unpack_text(read_regular_file(path, most_bytes + most_bytes // 100 + 1024), most_bytes)
        if hashlib.sha256(utf8).hexdigest() != sha256:
            raise ValueError("it is another text than the one this run learned from")
    except FileNotFoundError:
        return None, ""
    except (OSError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else "") or str(error)
        return None, f"{path} cannot be used: {reason}"
    return utf8, ""
