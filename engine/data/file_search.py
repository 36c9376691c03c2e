"""Finds the text files behind paths, folders, globs and `-`, and collects every problem.

Choices: a path is what it says before it is a pattern; a file reached twice is read once; folders give their text-like
files in sorted order, without hidden ones and without following links to folders (which may be circular).
"""

from __future__ import annotations

import difflib
import glob
import os
import stat
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from babytrain.engine.data.tokenizer import make_visible
from babytrain.runs.files.home_folder import expand_home

_SUFFIX_NAMES = """
    txt text md markdown rst org adoc tex bib log srt csv tsv json jsonl ndjson xml html htm css yaml yml toml ini cfg
    py pyi js mjs ts tsx jsx c h cc cpp hpp cs java kt go rs rb php pl lua r jl hs ml scala swift sh bash zsh fish sql
    vim el lisp scm clj abc fen pgn ly
"""
TEXT_SUFFIXES = frozenset(f".{name}" for name in _SUFFIX_NAMES.split())
MOST_FILES = 100_000
_MOST_MATCHES = 10 * MOST_FILES  # files and folders of one pattern
_LONGEST_SHOWN = 300  # characters of a path in a sentence


@dataclass(frozen=True)
class TextSource:
    """One source to read; `path` None is standard input. `named`: given by name, not found in a folder or glob."""

    path: Path | None
    named: bool

    @property
    def shown(self) -> str:
        """Its name for a sentence."""
        return "standard input" if self.path is None else shown_path(self.path)


@dataclass
class FoundTextSources:
    """Sources in reading order, with one sentence for each problem."""

    sources: list[TextSource] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    _seen: set[Path | None] = field(default_factory=set)

    def add(self, source: TextSource) -> None:
        """Add a source unless the same file was added before."""
        identity = None if source.path is None else source.path.resolve()
        if identity in self._seen:
            self.notes.append(f"{source.shown} was named twice; it is read once.")
        else:
            self._seen.add(identity)
            self.sources.append(source)


def find_sources(paths: Sequence[str]) -> FoundTextSources:
    """The sources behind `paths`. Never raises for files; their faults are in `problems`."""
    found = FoundTextSources()
    for typed in paths:
        if typed == "-":
            found.add(TextSource(None, named=True))
        elif not _is_file_name(typed):
            found.problems.append(f"'{shown_path(typed)}' is not a file name.")
        else:
            _find_one(typed, found)
        if len(found.sources) > MOST_FILES:
            found.problems.append(f"There are more than {MOST_FILES:,} text files: name a folder with fewer.")
            break
    return found


def shown_path(path: Path | str) -> str:
    """A path for a sentence: on one line, the middle left out where it is long."""
    text = make_visible(str(path))
    half = _LONGEST_SHOWN // 2
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:half]}...{text[-half:]}"


def stdin_problem() -> str | None:
    """A sentence when standard input is closed or a keyboard, else None."""
    if sys.stdin is None or sys.stdin.closed:
        return "Standard input is closed: pipe a text in, or give a file."
    if sys.stdin.isatty():
        return "Nothing is piped into standard input: write `cat my-text.txt | babytrain-tui train -`, or give a file."
    return None


def _is_file_name(typed: str) -> bool:
    try:
        return bool(typed.strip()) and b"\0" not in os.fsencode(typed)
    except UnicodeEncodeError:  # lone surrogates that are no byte
        return False


def _find_one(typed: str, found: FoundTextSources) -> None:
    path = expand_user(typed)
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        if any(char in typed for char in "*?["):
            _find_matches(path, found)
        else:
            found.problems.append(_missing(path))
    except OSError as error:
        found.problems.append(f"Cannot read {shown_path(typed)}: {error.strerror or error}.")
    else:
        if stat.S_ISDIR(mode):
            _find_in_folder(path, found)
        elif stat.S_ISREG(mode) or stat.S_ISFIFO(mode):
            found.add(TextSource(path, named=True))
        else:
            found.problems.append(f"{shown_path(typed)} is a device or a socket and not a text file.")


def _find_matches(pattern: Path, found: FoundTextSources) -> None:
    matches = sorted(
        set(islice(_matches(Path(pattern.anchor), pattern.relative_to(pattern.anchor).parts), _MOST_MATCHES))
    )
    files = [match for match in matches if os.path.isfile(match)]
    if not files:
        what = "nothing" if not matches else "only folders" if all(map(os.path.isdir, matches)) else "no files"
        found.problems.append(f"The pattern {shown_path(pattern)} matches {what}: check the folder and the ending.")
    for file in files[: MOST_FILES + 1]:
        found.add(TextSource(file, named=False))


def _matches(folder: Path, parts: Sequence[str]) -> Iterator[Path]:
    """What the parts of a pattern match below a folder, each as a name if there is one, else as a pattern."""
    if not parts:
        yield folder
    elif parts[0] == "**":
        rest = parts[1:] or ("*",)
        for parent, folders, _ in os.walk(folder):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            yield from _matches(Path(parent), rest)
    elif os.path.lexists(folder / parts[0]):
        yield from _matches(folder / parts[0], parts[1:])
    elif glob.has_magic(parts[0]):
        literal_brackets = parts[0].replace("[", "[[]")
        names = glob.glob(literal_brackets, root_dir=folder) or glob.glob(parts[0], root_dir=folder)
        for name in sorted(names):
            if len(parts) == 1 or os.path.isdir(folder / name):
                yield from _matches(folder / name, parts[1:])


def _find_in_folder(folder: Path, found: FoundTextSources) -> None:
    shown = shown_path(folder)
    others = count = 0
    blocked = False

    def on_error(error: OSError) -> None:
        nonlocal blocked
        blocked = True
        found.problems.append(f"Cannot read the folder {shown_path(error.filename)}: {error.strerror or error}.")

    for parent, folders, names in os.walk(folder, onerror=on_error):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = Path(parent, name)
            if name.startswith(".") or not os.path.isfile(path):
                continue
            if text_suffix(path) in TEXT_SUFFIXES:
                found.add(TextSource(path, named=False))
                count += 1
                if count > MOST_FILES:
                    return
            else:
                others += 1
    if count or blocked:
        return
    if others:
        endings = f"none of its {others} files has a text ending such as .txt or .md"
        found.problems.append(
            f"The folder {shown} holds no text: {endings}; name other files with a glob, '{shown}/*'."
        )
    else:
        found.problems.append(f"The folder {shown} holds no files: put text files in it or give another.")


def expand_user(typed: str) -> Path:
    """The path with `~` expanded, unless there is a file of that name; an unknown `~name` stays as it is."""
    return Path(typed) if os.path.lexists(typed) else expand_home(typed)


def text_suffix(path: Path) -> str:
    """The suffix in lower case without `.gz`: `.jsonl` for `a.jsonl.gz`."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] == ".gz":
        suffixes.pop()
    return suffixes[-1] if suffixes else ""


def _missing(path: Path) -> str:
    """A sentence about a missing file, with the nearest existing name."""
    parent = path.parent
    if not parent.is_dir():
        return f"There is no file {shown_path(path)}: the folder {shown_path(parent)} does not exist."
    try:
        names = {name.lower(): name for name in os.listdir(parent)}
    except OSError:
        names = {}
    nearest = difflib.get_close_matches(path.name.lower(), list(names), n=1, cutoff=0.6)
    hint = f"; did you mean {shown_path(parent / names[nearest[0]])}?" if nearest else "."
    return f"There is no file {shown_path(path)}{hint}"
