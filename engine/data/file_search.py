"""Finds the text files behind paths, folders, globs and `-`, and collects every problem.

Choices: a file reached twice is read once; folders give their text-like files in sorted order, without hidden ones and
without following links to folders (which may be circular).
"""

from __future__ import annotations

import difflib
import glob
import os
import stat
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from babytrain.engine.data.tokenizer import make_visible

_SUFFIX_NAMES = """
    txt text md markdown rst org adoc tex bib log srt csv tsv json jsonl xml html htm css yaml yml toml ini cfg
    py pyi js mjs ts tsx jsx c h cc cpp hpp cs java kt go rs rb php pl lua r jl hs ml scala swift sh bash zsh fish sql
    vim el lisp scm clj abc fen pgn ly
"""
TEXT_SUFFIXES = frozenset(f".{name}" for name in _SUFFIX_NAMES.split())


@dataclass(frozen=True)
class TextSource:
    """One source to read; `path` None is standard input. `named`: given by name, not found in a folder or glob."""

    path: Path | None
    named: bool

    @property
    def shown(self) -> str:
        """Its name for a sentence."""
        return "standard input" if self.path is None else make_visible(str(self.path))


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
            found.problems.append(f"{make_visible(typed)!r} is not a file name.")
        else:
            _find_one(typed, found)
    return found


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
        found.problems.append(f"Cannot read {make_visible(typed)}: {error.strerror or error}.")
    else:
        if stat.S_ISDIR(mode):
            _find_in_folder(path, found)
        elif stat.S_ISREG(mode) or stat.S_ISFIFO(mode):
            found.add(TextSource(path, named=True))
        else:
            found.problems.append(f"{make_visible(typed)} is a device or a socket and not a text file.")


def _find_matches(pattern: Path, found: FoundTextSources) -> None:
    matches = sorted(Path(match) for match in glob.glob(str(pattern), recursive=True))
    files = [match for match in matches if os.path.isfile(match)]
    if not files:
        what = "only folders" if matches else "nothing"
        found.problems.append(
            f"The pattern {make_visible(str(pattern))} matches {what}: check the folder and the ending."
        )
    for file in files:
        found.add(TextSource(file, named=False))


def _find_in_folder(folder: Path, found: FoundTextSources) -> None:
    shown = make_visible(str(folder))
    others = count = 0
    blocked = False

    def on_error(error: OSError) -> None:
        nonlocal blocked
        blocked = True
        found.problems.append(f"Cannot read the folder {make_visible(str(error.filename))}: {error.strerror or error}.")

    for parent, folders, names in os.walk(folder, onerror=on_error):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = Path(parent, name)
            if name.startswith(".") or not os.path.isfile(path):
                continue
            if text_suffix(path) in TEXT_SUFFIXES:
                found.add(TextSource(path, named=False))
                count += 1
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
    """The path with `~` expanded; an unknown `~name` stays as it is."""
    return Path(os.path.expanduser(typed))


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
        return f"There is no file {make_visible(str(path))}: the folder {make_visible(str(parent))} does not exist."
    try:
        names = {name.lower(): name for name in os.listdir(parent)}
    except OSError:
        names = {}
    nearest = difflib.get_close_matches(path.name.lower(), list(names), n=1, cutoff=0.6)
    hint = f"; did you mean {make_visible(str(parent / names[nearest[0]]))}?" if nearest else "."
    return f"There is no file {make_visible(str(path))}{hint}"
