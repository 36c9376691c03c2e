"""Reads files, folders, globs, tables, JSON lines, pipes, standard input and the built-in corpora as text.

Nothing here prints; one CorpusError has a sentence for each problem.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from babytrain.engine.config.errors import CorpusError
from babytrain.engine.data.decode_text import DecodedText, decode_text
from babytrain.engine.data.documents import DEFAULT_FIELD, extract_documents, has_fields, join_documents
from babytrain.engine.data.file_search import (
    FoundTextSources,
    TextSource,
    expand_user,
    find_sources,
    stdin_problem,
)
from babytrain.engine.data.haiku.grammar import generate_corpus
from babytrain.engine.data.text_bytes import is_pipe, read_text_bytes, unpack_stream
from babytrain.engine.data.tokenizer import make_visible

TINYSHAKESPEARE_URL = "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt"
TINYSHAKESPEARE_SHA256 = "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed"
_HEAD_BYTES = 64 * 1024
_MOST_NOTES = 20


@dataclass(frozen=True)
class SourceText:
    """A text to train on. `name` is safe to show; `notes` are sentences about what was changed while reading."""

    name: str
    text: str
    files: tuple[Path, ...] = ()
    notes: tuple[str, ...] = ()


def read_sources(
    paths: Sequence[str], *, stdin: bytes | None = None, as_bytes: bool = False, field: str = DEFAULT_FIELD
) -> SourceText:
    """The text of `paths`: files, folders, globs, pipes, `-` for `stdin`; documents are joined by a blank line.

    `field` chooses a field of JSON lines or a column of tables. `as_bytes` (for the byte tokenizer) also accepts what
    is not text. Raises CorpusError with every problem.
    """
    found = find_sources(paths)
    problems, notes = _problems(found, field), list(found.notes)
    read: list[tuple[TextSource, str]] = []
    for source in found.sources:
        decoded = _read(source, stdin, as_bytes=as_bytes, field=field)
        if decoded.problem is not None:
            problems.append(decoded.problem)
        elif decoded.text and not decoded.text.isspace():
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
    if (more := len(notes) - _MOST_NOTES) > 0:
        notes[_MOST_NOTES:] = [f"And {more:,} more notes like these."]
    return SourceText(name, join_documents([text for _, text in read]), files, tuple(notes))


def inspect_sources(paths: Sequence[str], *, as_bytes: bool = False, field: str = DEFAULT_FIELD) -> None:
    """Check the first 64 kB of every source except pipes, which can be read only once. Raises CorpusError."""
    found = find_sources(paths)
    problems = _problems(found, field)
    for source in found.sources:
        if source.path is None:
            problem = stdin_problem()
        elif is_pipe(source.path):
            continue
        else:
            problem = _inspect(source, source.path, as_bytes=as_bytes, field=field)
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


def _problems(found: FoundTextSources, field: str) -> list[str]:
    """What is wrong before anything is read."""
    if found.problems or field in ("", DEFAULT_FIELD) or any(has_fields(source.path) for source in found.sources):
        return list(found.problems)
    return [
        f"There is no field {make_visible(field)} to choose: only JSON lines (.jsonl, .ndjson, .json) and tables "
        "(.csv, .tsv) have fields; leave --field out."
    ]


def _read(source: TextSource, stdin: bytes | None, *, as_bytes: bool, field: str) -> DecodedText:
    try:
        if source.path is not None:
            read = read_text_bytes(source.path, as_bytes=as_bytes)
        elif stdin is not None:
            read = unpack_stream(stdin, as_bytes=as_bytes)
        else:
            return DecodedText(problem="Nothing was piped into standard input: give a file instead of `-`.")
    except OSError as error:
        return DecodedText(problem=_unreadable(source, error))
    decoded = decode_text(read.data, source.shown, as_bytes=as_bytes)
    is_unpacked = read.unpacked
    del read  # hundreds of megabytes
    if decoded.problem is None:
        decoded = extract_documents(decoded, source.path, source.shown, field, partial=False)
    if not is_unpacked:
        return decoded
    note = f"{source.shown} is packed with gzip, though not by its name, and was unpacked."
    return replace(decoded, notes=(note, *decoded.notes))


def _inspect(source: TextSource, path: Path, *, as_bytes: bool, field: str) -> str | None:
    try:
        head = read_text_bytes(path, _HEAD_BYTES, as_bytes=as_bytes).data
    except OSError as error:
        return _unreadable(source, error)
    if not head:
        return _empty(source) if source.named else None
    partial = len(head) == _HEAD_BYTES
    decoded = decode_text(head, source.shown, as_bytes=as_bytes, partial=partial)
    if decoded.problem is None:
        decoded = extract_documents(decoded, path, source.shown, field, partial=partial)
    if decoded.problem is None and not partial and source.named and not decoded.text.strip():
        return _empty(source)
    return decoded.problem


def _unreadable(source: TextSource, error: OSError) -> str:
    return f"Cannot read {source.shown}: {error.strerror or error}."


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
