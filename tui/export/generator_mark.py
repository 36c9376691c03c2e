"""The mark of files that this program made, which it may therefore replace: posters and reports."""

from __future__ import annotations

import re
import struct
import zlib

from babytrain import __version__

GENERATOR = f"babytrain-tui {__version__}"
GENERATOR_META = f'<meta name="generator" content="{GENERATOR}">\n'
_PNG_HEADER_BYTES = 8 + 25  # the signature, and the chunk that has to be first
# The beginning of an SVG of ours. An editor that saves it writes another one, and then the file is that of the person.
_OUR_SVG = re.compile(rb"<svg [^>]*><title>babytrain: ")
_OUR_HTML = re.compile(rb'<!doctype html>.*<meta name="generator" content="babytrain-tui ', re.DOTALL)


def png_with_generator(png: bytes) -> bytes:
    """A PNG with the generator as its `Software` text."""
    content = b"tEXt" + f"Software\0{GENERATOR}".encode("latin-1")
    chunk = struct.pack(">I", len(content) - 4) + content + struct.pack(">I", zlib.crc32(content))
    return png[:_PNG_HEADER_BYTES] + chunk + png[_PNG_HEADER_BYTES:]


def is_made_here(head: bytes) -> bool:
    """Whether a file that begins with `head` has the mark."""
    is_png = head.startswith(b"\x89PNG") and b"tEXtSoftware\0babytrain-tui " in head[: _PNG_HEADER_BYTES + 40]
    return is_png or _OUR_SVG.match(head) is not None or _OUR_HTML.match(head) is not None
