"""Text from the bytes of a file.

Only strict UTF-8, because a wrongly guessed encoding trains a model on garbage; byte order marks are dropped, line ends
become a line feed. With `as_bytes` what is not text is kept as lone surrogates (`surrogateescape`).
"""

from __future__ import annotations

import codecs
from dataclasses import dataclass

BYTES_HINT = "leave it out, save it as UTF-8, or train on raw bytes with --set tokenizer=byte"
_BYTE_ORDER_MARK = "\ufeff"
_SAMPLE_BYTES = 4096
# The first bytes of files that are often taken for text, and what to do with them.
_KNOWN_STARTS = (
    (b"PK\x03\x04", "a zip archive (.docx, .odt and .epub are such too): unpack it or export its text"),
    (b"BZh91AY&SY", "packed with bzip2: unpack it with bunzip2"),
    (b"\xfd7zXZ\0", "packed with xz: unpack it with unxz"),
    (b"\x28\xb5\x2f\xfd", "packed with zstd: unpack it with unzstd"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive: unpack it"),
    (b"Rar!\x1a\x07", "a rar archive: unpack it"),
    (b"%PDF-", "a PDF: export its text, for instance with pdftotext"),
    (b"{\\rtf", "a rich text document: save it as plain text"),
    (b"\xd0\xcf\x11\xe0", "an office document: save it as plain text"),
    (b"SQLite format 3\0", "an SQLite database: export its text"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
)
_MARKS = (
    (codecs.BOM_UTF32_LE, "UTF-32LE"),
    (codecs.BOM_UTF32_BE, "UTF-32BE"),
    (codecs.BOM_UTF16_LE, "UTF-16LE"),
    (codecs.BOM_UTF16_BE, "UTF-16BE"),
)


@dataclass(frozen=True)
class DecodedText:
    """Text of one file, or its problem; `notes` say what was changed."""

    text: str = ""
    problem: str | None = None
    notes: tuple[str, ...] = ()


def decode_text(data: bytes, shown: str, *, as_bytes: bool, partial: bool = False) -> DecodedText:
    """The text in `data`. `partial`: it is only the beginning of a file and may end inside a character."""
    if problem := _known_problem(data):
        return _no_text(data, f"{shown} {problem}.", as_bytes=as_bytes)
    if (zero := data.find(b"\0")) >= 0:
        problem = f"has a zero byte at offset {zero:,}, so it is binary and not text"
        return _no_text(data, f"{shown} {problem}: {BYTES_HINT}.", as_bytes=as_bytes)
    try:
        text, _ = codecs.utf_8_decode(data, "strict", not partial)
    except UnicodeDecodeError as error:
        problem = f"is not UTF-8 text (byte 0x{data[error.start]:02x} at offset {error.start:,})"
        return _no_text(data, f"{shown} {problem}: {BYTES_HINT}.", as_bytes=as_bytes)
    notes: tuple[str, ...] = ()
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
        notes = (f"The line ends of {shown} became plain line feeds.",)
    cleaned = without_byte_order_marks(text.removeprefix(_BYTE_ORDER_MARK), shown)
    return DecodedText(cleaned.text, notes=notes + cleaned.notes)


def without_byte_order_marks(text: str, shown: str) -> DecodedText:
    """The text without U+FEFF, which joined files have inside, and a note if there were any."""
    if not (count := text.count(_BYTE_ORDER_MARK)):
        return DecodedText(text)
    marks = "A byte order mark" if count == 1 else f"{count:,} byte order marks"
    verb = "was" if count == 1 else "were"
    return DecodedText(text.replace(_BYTE_ORDER_MARK, ""), notes=(f"{marks} (U+FEFF) inside {shown} {verb} left out.",))


def _no_text(data: bytes, problem: str, *, as_bytes: bool) -> DecodedText:
    return DecodedText(data.decode("utf-8", "surrogateescape")) if as_bytes else DecodedText(problem=problem)


def _known_problem(data: bytes) -> str:
    """What is wrong with bytes that begin like a known kind of file or are UTF-16 or UTF-32, or ""."""
    for start, what in _KNOWN_STARTS:
        if data.startswith(start):
            return f"is {what}, or train on raw bytes with --set tokenizer=byte"
    encoding = next((name for mark, name in _MARKS if data.startswith(mark)), "")
    how = "by its first bytes"
    if not encoding:
        encoding, how = _unmarked_encoding(data), "without a byte order mark"
    if not encoding:
        return ""
    return (
        f"looks like {encoding[:6]} text ({how}): save it as UTF-8, for instance with "
        f"`iconv -f {encoding} -t UTF-8`, or train on raw bytes with --set tokenizer=byte"
    )


def _unmarked_encoding(data: bytes) -> str:
    """The encoding of wide characters in which the beginning is text, or "": the one with the most Latin letters."""
    sample = data[:_SAMPLE_BYTES]
    if b"\0" not in sample or _is_narrow_text(sample):
        return ""
    shares: dict[str, float] = {}
    for encoding in ("UTF-16LE", "UTF-16BE", "UTF-32LE", "UTF-32BE"):
        try:
            text = codecs.getincrementaldecoder(encoding)().decode(sample)
        except UnicodeDecodeError:
            continue
        if text and sum(char.isprintable() or char in "\n\r\t" for char in text) >= 0.95 * len(text):
            shares[encoding] = sum(char < "\u0250" for char in text) / len(text)
    best = max(shares, key=shares.__getitem__, default="")
    return best if shares.get(best) else ""


def _is_narrow_text(sample: bytes) -> bool:
    """Whether it is UTF-8 with few control characters. Wide Latin and Cyrillic letters have one in each letter."""
    try:
        text, _ = codecs.utf_8_decode(sample, "strict", False)
    except UnicodeDecodeError:
        return False
    return sum(char < " " and char not in "\n\r\t" for char in text) < 0.25 * len(text)
