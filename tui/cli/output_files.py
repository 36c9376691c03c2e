"""What `frame` and `report` share: reading a run, and writing a file about it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from babytrain.runs.errors import RunsError
from babytrain.runs.store.folder import RunFolder, read_run_toml
from babytrain.tui.cli.options import exit_with_failure, exit_with_usage_error

if TYPE_CHECKING:
    from babytrain.runs.state.run_state import RunState

_OUR_MARK = b'content="babytrain-tui'  # in the head of every page of ours
_HEAD_BYTES = 8192


def read_state_or_exit(journal: Path) -> RunState:
    """A whole run from its journal. Ends the program with a sentence when there is no run in it."""
    from babytrain.runs.journal import load_state

    try:
        state = load_state(journal)
    except RunsError as error:
        exit_with_failure(str(error))
    if state.started is None:
        exit_with_failure(f"The journal {journal} holds no run.")
    return state


def provenance_of(journal: Path) -> dict[str, Any]:
    """Where a run came from, by the `run.toml` beside its journal; empty for a journal that lies alone."""
    try:
        return read_run_toml(RunFolder(journal.parent))[1]
    except RunsError:
        return {}


def file_stem(journal: Path) -> str:
    """A file name for what is made of a run: its folder's own name, or that of a journal that lies alone."""
    from babytrain.runs.store.folder import slug

    folder = RunFolder(journal.parent)
    return folder.run_id if journal == folder.journal else slug(journal.stem) or "run"


def output_folder_or_exit(out: Path) -> Path:
    """The folder a person named with --out. Ends the program with a usage error when it is something else."""
    folder = out.expanduser()
    if folder.exists() and not folder.is_dir():
        exit_with_usage_error([f"{folder} is a file; --out takes the folder to put the files in."])
    return folder


def output_page_or_exit(out: Path, usual_name: str) -> Path:
    """The page a person named with --out. Ends the program with a usage error when it is a folder or not our file."""
    path = out.expanduser()
    if path.is_dir():
        exit_with_usage_error([f"{path} is a folder; --out takes the file to write, such as {path / usual_name}."])
    if path.is_file() and not _is_ours(path):
        exit_with_usage_error([f"{path} is there already and is no report of ours; give another name."])
    return path


def _is_ours(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except OSError:
        return True  # writing it says what is wrong
    return not head or _OUR_MARK in head


def write_output(path: Path, data: bytes) -> None:
    """Write a file and say on stdout where it is, and on stderr if a folder had to be made for it.

    Ends the program with a sentence when that is not possible.
    """
    from babytrain.tui.terminal.safe_text import safe_line

    made = not path.parent.exists()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    except OSError as error:
        exit_with_failure(f"Cannot write {path}: {error.strerror or error}; another place can be named with --out.")
    if made:
        typer.echo(safe_line(f"Made the folder {path.parent}."), err=True)
    typer.echo(safe_line(str(path)))
