"""Bytes of a file to clean text, or one sentence that says why not and what to do.

Choices: UTF-8 only, and strictly, because a wrongly guessed encoding trains a model on rubbish; a byte order mark goes,
line ends become a line feed. With `as_bytes` nothing is refused: bytes that are no text are kept as lone surrogates
(`surrogateescape`), which the byte tokenizer turns back into exactly those bytes.
"""

from __future__ import annotations

import codecs
import gzip
import zlib
from dataclasses import dataclass
from pathlib import Path

import msgspec

from babytrain.engine.corpus.file_search import text_suffix

BYTES_HINT = "leave it out, save it as UTF-8, or train on raw bytes with --set tokenizer=byte"


@dataclass(frozen=True)
class Decoded:
    """Text of one file, or the problem with it; `notes` say what was changed."""

    text: str = ""
    problem: str | None = None
    notes: tuple[str, ...] = ()


class _Document(msgspec.Struct):
    text: str


def read_bytes(path: Path, limit: int = -1) -> bytes:
    """The first `limit` bytes (-1: all) of a file, unpacked if it ends in `.gz`.

    Raises OSError when it cannot be read; a damaged .gz raises it too.
    """
    if path.suffix.lower() != ".gz":
        with path.open("rb") as file:
            return file.read(limit)
    try:
        with gzip.open(path, "rb") as unpacked:
            return unpacked.read(limit)
    except (EOFError, zlib.error) as error:
        raise OSError(f"the .gz file is damaged ({error})") from error


def decode(data: bytes, path: Path | None, shown: str, *, as_bytes: bool, partial: bool = False) -> Decoded:
    """The text in `data`. `partial`: it is only the beginning of a file and may end in the middle of anything."""
    decoded = _decode_text(data, shown, as_bytes=as_bytes, partial=partial)
    if decoded.problem is None and path is not None and text_suffix(path) == ".jsonl":
        return _decode_jsonl(decoded, shown, partial=partial)
    return decoded


def _decode_text(data: bytes, shown: str, *, as_bytes: bool, partial: bool) -> Decoded:
    problem = None
    text = ""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        problem = f"{shown} looks like UTF-16 text (by its first two bytes): {BYTES_HINT}."
    elif (zero := data.find(b"\0")) >= 0:
        problem = f"{shown} has a zero byte at offset {zero:,}, so it is binary and not text: {BYTES_HINT}."
    else:
        try:
            text = codecs.getincrementaldecoder("utf-8")().decode(data, final=not partial)
        except UnicodeDecodeError as error:
            problem = (
                f"{shown} is not UTF-8 text (byte 0x{data[error.start]:02x} at offset {error.start:,}): {BYTES_HINT}."
            )
    if problem is not None:
        return Decoded(data.decode("utf-8", "surrogateescape")) if as_bytes else Decoded(problem=problem)
    notes = []
    text = text.removeprefix("\ufeff")
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
        notes.append(f"The line ends of {shown} became plain line feeds.")
    return Decoded(text, notes=tuple(notes))


def _decode_jsonl(decoded: Decoded, shown: str, *, partial: bool) -> Decoded:
    """Documents from lines like {"text": "..."}, joined by a blank line."""
    # Not splitlines(): a JSON string may hold U+2028 and its like as they are.
    lines = decoded.text.split("\n")
    if partial:
        lines.pop()
    documents = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            documents.append(msgspec.json.decode(line, type=_Document).text)
        except (msgspec.DecodeError, UnicodeEncodeError) as error:
            return Decoded(problem=f'Line {number:,} of {shown} is not like {{"text": "..."}}: {error}.')
    if documents == [] and not partial:
        return Decoded(problem=f'{shown} holds no documents: each line should be like {{"text": "..."}}.')
    return Decoded(join_documents(documents), notes=decoded.notes)


def join_documents(documents: list[str]) -> str:
    """Documents one after another with a blank line between; a single one is left exactly as it is."""
    if len(documents) == 1:
        return documents[0]
    return "\n\n".join(document.strip("\n") for document in documents)
