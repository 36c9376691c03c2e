"""Text in: files, folders, globs, JSON lines, standard input, and the two built-in corpora.

Choices: nothing here prints, and whatever is wrong comes out of one CorpusError that holds every problem as a sentence
of its own. `inspect_sources` asks the same questions from the first 64 kB, fast enough to run before a screen opens.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from babytrain.engine.corpus.decoding import Decoded, decode, join_documents, read_bytes
from babytrain.engine.corpus.file_search import Source, expanded, find_sources, terminal_problem
from babytrain.engine.corpus.haiku import generate_corpus
from babytrain.engine.corpus.visible import visible

TINYSHAKESPEARE_URL = "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt"
TINYSHAKESPEARE_SHA256 = "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed"

_HEAD_BYTES = 64 * 1024
_MOST_PROBLEMS = 20


class CorpusError(ValueError):
    """One or more things wrong with a text to train on; `problems` holds one sentence each."""

    def __init__(self, problems: Sequence[str]) -> None:
        more = len(problems) - _MOST_PROBLEMS
        self.problems = [*problems[:_MOST_PROBLEMS], *([f"And {more} more problems like these."] if more > 0 else [])]
        super().__init__("\n".join(self.problems))


@dataclass(frozen=True)
class SourceText:
    """A text to train on. `name` is safe to show; `notes` are sentences about what was changed while reading."""

    name: str
    text: str
    files: tuple[Path, ...] = ()
    notes: tuple[str, ...] = ()


def read_sources(paths: Sequence[str], *, stdin: bytes | None = None, as_bytes: bool = False) -> SourceText:
    """The text behind `paths`: files, folders, globs, `-` for `stdin` (whatever was piped in).

    Several documents are joined by a blank line. `as_bytes` (for the byte tokenizer) also takes what is not text; raw
    bytes then stand in the text as lone surrogates, see `decoding`. Raises CorpusError with every problem.
    """
    found = find_sources(paths)
    problems, notes = list(found.problems), list(found.notes)
    read: list[tuple[Source, str]] = []
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
    """Look at the first 64 kB of everything behind `paths`. Raises CorpusError with every problem seen.

    Pipes are left alone, for what is read from them is gone.
    """
    found = find_sources(paths)
    problems = list(found.problems)
    for source in found.sources:
        if source.path is None:
            problem = terminal_problem()
        elif not os.path.isfile(source.path):
            continue  # a pipe
        else:
            problem = _inspect(source, source.path, as_bytes=as_bytes)
        if problem is not None:
            problems.append(problem)
    if problems:
        raise CorpusError(problems)


def builtin_text(name: str) -> SourceText:
    """A built-in corpus: `haiku` (made on the spot) or `tinyshakespeare` (downloaded once). Raises CorpusError."""
    if name == "haiku":
        return SourceText("haiku", generate_corpus())
    if name == "tinyshakespeare":
        path = _download_tinyshakespeare()
        return SourceText(name, read_sources([str(path)]).text, (path,))
    raise CorpusError([f"There is no built-in corpus {visible(name)!r}: take haiku or tinyshakespeare."])


def _read(source: Source, stdin: bytes | None, *, as_bytes: bool) -> Decoded:
    if source.path is None:
        if stdin is None:
            return Decoded(problem="Nothing was piped into standard input: give a file instead of `-`.")
        return decode(stdin, None, source.shown, as_bytes=as_bytes)
    try:
        data = read_bytes(source.path)
    except OSError as error:
        return Decoded(problem=f"Cannot read {source.shown}: {error.strerror or error}.")
    return decode(data, source.path, source.shown, as_bytes=as_bytes)


def _inspect(source: Source, path: Path, *, as_bytes: bool) -> str | None:
    try:
        head = read_bytes(path, _HEAD_BYTES)
    except OSError as error:
        return f"Cannot read {source.shown}: {error.strerror or error}."
    if not head:
        return _empty(source) if source.named else None
    partial = len(head) == _HEAD_BYTES
    decoded = decode(head, path, source.shown, as_bytes=as_bytes, partial=partial)
    if decoded.problem is None and not partial and source.named and not decoded.text.strip():
        return _empty(source)
    return decoded.problem


def _empty(source: Source) -> str:
    return f"{source.shown} is empty: there is nothing to learn from."


def _name(paths: Sequence[str], sources: Sequence[Source]) -> str:
    """What to call the text: its folder when that is all there is, else the first file and how many follow."""
    if len(paths) == 1 and os.path.isdir(folder := expanded(paths[0])):
        return visible(folder.resolve().name) or "root"
    first = sources[0].path
    stem = "stdin" if first is None else first.name.removesuffix(".gz").rsplit(".", 1)[0] or first.name
    return visible(stem) + (f" and {len(sources) - 1} more" if len(sources) > 1 else "")


def _download_tinyshakespeare() -> Path:
    """The file in the user's cache, fetched and checked against its SHA-256 if it is not there."""
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
        reason = visible(str(error))[:200]
        raise CorpusError(
            [
                "The corpus tinyshakespeare is downloaded on first use and that failed; give a text file of your own "
                f"instead (babytrain-tui train my-text.txt) or take the corpus haiku. The reason: {reason}"
            ]
        ) from error
    return Path(stored)
