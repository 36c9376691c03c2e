"""What `frame` and `report` share: reading a run, and writing a file about it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from babytrain.runs.errors import RunsError
from babytrain.runs.folder import RunFolder, read_run_toml
from babytrain.tui.command_line import fail

if TYPE_CHECKING:
    from babytrain.runs.state import RunState


def wanted_state(journal: Path) -> RunState:
    """A whole run from its journal. Ends the program with a sentence when there is no run in it."""
    from babytrain.runs.journal import load_state

    try:
        state = load_state(journal)
    except RunsError as error:
        fail(str(error))
    if state.started is None:
        fail(f"The journal {journal} holds no run.")
    return state


def provenance_of(journal: Path) -> dict[str, Any]:
    """Where a run came from, by the `run.toml` beside its journal; empty for a journal that lies alone."""
    try:
        return read_run_toml(RunFolder(journal.parent))[1]
    except RunsError:
        return {}


def file_stem(journal: Path) -> str:
    """A file name for what is made of a run: its folder's own name, or that of a journal that lies alone."""
    from babytrain.runs.names import slug

    folder = RunFolder(journal.parent)
    return folder.run_id if journal == folder.journal else slug(journal.stem) or "run"


def write_out(path: Path, data: bytes) -> None:
    """Write a file and say on stdout where it is. Ends the program with a sentence when that is not possible."""
    from babytrain.tui.safe_text import safe_line

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    except OSError as error:
        fail(f"Cannot write {path}: {error.strerror or error}.")
    typer.echo(safe_line(str(path)))
