"""Which characters the terminal can show: braille, half blocks, or ASCII.

Apart from the drawing itself, since the first screen needs the name and not the numpy behind it.
"""

from __future__ import annotations

import locale
from collections.abc import Mapping
from typing import Literal, TypeAlias, get_args

CharsetName: TypeAlias = Literal["braille", "blocks", "ascii"]


def detect_charset(environ: Mapping[str, str], encoding: str | None = None) -> CharsetName:
    """The richest charset the terminal is likely to show.

    `BABYTRAIN_CHARSET` decides when it names one; without a UTF-8 `encoding` (default: the locale's) it is ASCII; the
    Linux console (`TERM=linux`) has no braille in its font.
    """
    wish = environ.get("BABYTRAIN_CHARSET", "").strip().lower()
    for name in get_args(CharsetName):
        if wish == name:
            return name  # type: ignore[no-any-return]
    codec = (encoding if encoding is not None else locale.getpreferredencoding(False)).lower()
    if codec.replace("-", "").replace("_", "") not in {"utf8", "cp65001"}:
        return "ascii"
    return "blocks" if environ.get("TERM", "") in {"linux", "linux-16color"} else "braille"
