"""Reads files, folders, globs, JSON lines, standard input and the built-in corpora as text.

Choices: nothing here prints; one CorpusError has a sentence for each problem. Only strict UTF-8, because a wrongly
guessed encoding trains a model on garbage; a byte order mark is dropped, line ends become a line feed. With `as_bytes`
undecodable bytes are kept as lone surrogates (`surrogateescape`).
"""

from __future__ import annotations

import codecs
import gzip
import logging
import os
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from babytrain.engine.config.errors import CorpusError
from babytrain.engine.data.file_search import TextSource, expand_user, find_sources, stdin_problem, text_suffix
from babytrain.engine.data.haiku.grammar import generate_corpus
from babytrain.engine.data.tokenizer import make_visible

BYTES_HINT = "leave it out, save it as UTF-8, or train on raw bytes with --set tokenizer=byte"


@dataclass(frozen=True)
class DecodedText:
    """Text of one file, or its problem; `notes` say what was changed."""

    text: str = ""
    problem: str | None = None
    notes: tuple[str, ...] = ()


class _Document(msgspec.Struct):
    text: str


def read_file_bytes(path: Path, limit: int = -1) -> bytes:
    """The first `limit` bytes (-1: all) of a file, unpacked if it ends in `.gz`. Raises OSError."""
    if path.suffix.lower() != ".gz":
        with path.open("rb") as file:
            return file.read(limit)
    try:
        with gzip.open(path, "rb") as unpacked:
            return unpacked.read(limit)
    except (EOFError, zlib.error) as error:
        raise OSError(f"the .gz file is damaged ({error})") from error


def decode_text(data: bytes, path: Path | None, shown: str, *, as_bytes: bool, partial: bool = False) -> DecodedText:
    """The text in `data`. `partial`: it is only the beginning of a file and may end inside a character or line."""
    decoded = _decode_text(data, shown, as_bytes=as_bytes, partial=partial)
    if decoded.problem is None and path is not None and text_suffix(path) == ".jsonl":
        return _decode_jsonl(decoded, shown, partial=partial)
    return decoded


def _decode_text(data: bytes, shown: str, *, as_bytes: bool, partial: bool) -> DecodedText:
    problem, text = "", ""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        problem = "looks like UTF-16 text (by its first two bytes)"
    elif (zero := data.find(b"\0")) >= 0:
        problem = f"has a zero byte at offset {zero:,}, so it is binary and not text"
    else:
        try:
            text = codecs.getincrementaldecoder("utf-8")().decode(data, final=not partial)
        except UnicodeDecodeError as error:
            problem = f"is not UTF-8 text (byte 0x{data[error.start]:02x} at offset {error.start:,})"
    if problem and as_bytes:
        return DecodedText(data.decode("utf-8", "surrogateescape"))
    if problem:
        return DecodedText(problem=f"{shown} {problem}: {BYTES_HINT}.")
    text = text.removeprefix("\ufeff")
    if "\r" not in text:
        return DecodedText(text)
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return DecodedText(text, notes=(f"The line ends of {shown} became plain line feeds.",))


def _decode_jsonl(decoded: DecodedText, shown: str, *, partial: bool) -> DecodedText:
    """Documents from lines like {"text": "..."}, joined by a blank line."""
    # Not splitlines(): a JSON string may contain U+2028.
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
            return DecodedText(problem=f'Line {number:,} of {shown} is not like {{"text": "..."}}: {error}.')
    if not documents and not partial:
        return DecodedText(problem=f'{shown} holds no documents: each line should be like {{"text": "..."}}.')
    return DecodedText(join_documents(documents), notes=decoded.notes)


def join_documents(documents: list[str]) -> str:
    """Documents joined by a blank line; a single one is unchanged."""
    if len(documents) == 1:
        return documents[0]
    return "\n\n".join(document.strip("\n") for document in documents)


TINYSHAKESPEARE_URL = "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt"
TINYSHAKESPEARE_SHA256 = "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed"
_HEAD_BYTES = 64 * 1024


@dataclass(frozen=True)
class SourceText:
    """A text to train on. `name` is safe to show; `notes` are sentences about what was changed while reading."""

    name: str
    text: str
    files: tuple[Path, ...] = ()
    notes: tuple[str, ...] = ()


def read_sources(paths: Sequence[str], *, stdin: bytes | None = None, as_bytes: bool = False) -> SourceText:
    """The text of `paths`: files, folders, globs, `-` for `stdin`; documents are joined by a blank line.

    `as_bytes` (for the byte tokenizer) also accepts what is not text. Raises CorpusError with every problem.
    """
    found = find_sources(paths)
    problems, notes = list(found.problems), list(found.notes)
    read: list[tuple[TextSource, str]] = []
    for source in found.sources:
        decoded = _read(source, stdin, as_bytes=as_bytes)
        if decoded.problem is not None:
            problems.append(decoded.problem)
        elif decoded.text.strip():
            read.append((source, decoded.text))
            notes.extend(decoded.notes)
        elif source.named:
            problems.append(_empty(source))
        else:
            notes.append(f"{source.shown} is empty and was left out.")
    if not problems and not read:
        problems.append("There is nothing to read: every file that was found is empty.")
    if problems:
        raise CorpusError(problems)
    files = tuple(source.path for source, _ in read if source.path is not None)
    name = _name(paths, [source for source, _ in read])
    return SourceText(name, join_documents([text for _, text in read]), files, tuple(notes))


def inspect_sources(paths: Sequence[str], *, as_bytes: bool = False) -> None:
    """Check the first 64 kB of every source except pipes, which can be read only once. Raises CorpusError."""
    found = find_sources(paths)
    problems = list(found.problems)
    for source in found.sources:
        if source.path is None:
            problem = stdin_problem()
        elif not os.path.isfile(source.path):
            continue  # a pipe
        else:
            problem = _inspect(source, source.path, as_bytes=as_bytes)
        if problem is not None:
            problems.append(problem)
    if problems:
        raise CorpusError(problems)


def builtin_text(name: str) -> SourceText:
    """A built-in corpus: `haiku` (generated) or `tinyshakespeare` (downloaded once). Raises CorpusError."""
    if name == "haiku":
        return SourceText("haiku", generate_corpus())
    if name == "tinyshakespeare":
        path = _download_tinyshakespeare()
        return SourceText(name, read_sources([str(path)]).text, (path,))
    raise CorpusError([f"There is no built-in corpus {make_visible(name)!r}: take haiku or tinyshakespeare."])


def _read(source: TextSource, stdin: bytes | None, *, as_bytes: bool) -> DecodedText:
    if source.path is None:
        if stdin is None:
            return DecodedText(problem="Nothing was piped into standard input: give a file instead of `-`.")
        return decode_text(stdin, None, source.shown, as_bytes=as_bytes)
    try:
        data = read_file_bytes(source.path)
    except OSError as error:
        return DecodedText(problem=f"Cannot read {source.shown}: {error.strerror or error}.")
    return decode_text(data, source.path, source.shown, as_bytes=as_bytes)


def _inspect(source: TextSource, path: Path, *, as_bytes: bool) -> str | None:
    try:
        head = read_file_bytes(path, _HEAD_BYTES)
    except OSError as error:
        return f"Cannot read {source.shown}: {error.strerror or error}."
    if not head:
        return _empty(source) if source.named else None
    partial = len(head) == _HEAD_BYTES
    decoded = decode_text(head, path, source.shown, as_bytes=as_bytes, partial=partial)
    if decoded.problem is None and not partial and source.named and not decoded.text.strip():
        return _empty(source)
    return decoded.problem


def _empty(source: TextSource) -> str:
    return f"{source.shown} is empty: there is nothing to learn from."


def _name(paths: Sequence[str], sources: Sequence[TextSource]) -> str:
    """The name of the text: its folder where that is all of it, else the first file and how many follow."""
    if len(paths) == 1 and os.path.isdir(folder := expand_user(paths[0])):
        return make_visible(folder.resolve().name) or "root"
    first = sources[0].path
    stem = "stdin" if first is None else first.name.removesuffix(".gz").rsplit(".", 1)[0] or first.name
    return make_visible(stem) + (f" and {len(sources) - 1} more" if len(sources) > 1 else "")


def _download_tinyshakespeare() -> Path:
    import platformdirs
    import pooch

    pooch.get_logger().setLevel(logging.WARNING)
    try:
        stored = pooch.retrieve(
            TINYSHAKESPEARE_URL,
            known_hash=f"sha256:{TINYSHAKESPEARE_SHA256}",
            fname="tinyshakespeare.txt",
            path=platformdirs.user_cache_path("babytrain") / "corpora",
            downloader=pooch.HTTPDownloader(timeout=30, progressbar=False),
        )
    except (OSError, ValueError) as error:  # no network, an unwritable cache; a wrong hash
        problem = (
            "The corpus tinyshakespeare is downloaded on first use and that failed; give a text file of your own "
            "instead (babytrain-tui train my-text.txt) or take the corpus haiku. The reason: "
        )
        raise CorpusError([problem + make_visible(str(error))[:200]]) from error
    return Path(stored)
