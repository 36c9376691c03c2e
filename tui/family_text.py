"""The family tree of runs and the checkpoints of one, as plain text and as JSON, for the command line."""

from __future__ import annotations

import json
import math
import os
import sys
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from babytrain.runs.errors import RunsError
from babytrain.runs.folder import RunFolder
from babytrain.runs.library import list_runs
from babytrain.runs.lineage import Relative, family_tree
from babytrain.runs.places import list_places
from babytrain.tui.branches import branch
from babytrain.tui.charset import detect_charset
from babytrain.tui.command_line import fail
from babytrain.tui.safe_text import safe_text


def print_tree(runs_dir: Path, *, as_json: bool) -> None:
    """Every run under the one it came from, on stdout."""
    try:
        tree = family_tree(list_runs(runs_dir))
    except RunsError as error:
        fail(str(error))
    if as_json:
        print(json.dumps([_relative(one) for one in tree]))  # noqa: T201 - data
        return
    if not tree:
        Console(stderr=True).print(Text(f"No runs in {runs_dir} yet. Start one: babytrain-tui train"))
        return
    console = Console(width=None if sys.stdout.isatty() else 200)
    charset = detect_charset(os.environ, sys.stdout.encoding or "ascii")
    for one in tree:
        line = Text(branch(one.is_last, charset), style="dim")
        line.append(safe_text(one.summary.run_id), style="not dim bold")
        line.append(f"  {_words(one)}", style="not dim")
        console.print(line, soft_wrap=not sys.stdout.isatty())  # on a terminal it breaks between words


def print_checkpoints(folder: RunFolder, *, as_json: bool) -> None:
    """The checkpoints of a run, oldest step first, on stdout."""
    places = list_places(folder)
    if as_json:
        print(json.dumps([{**asdict(place), "val_loss": _finite(place.val_loss)} for place in places]))  # noqa: T201
        return
    if not places:
        Console(stderr=True).print(Text(safe_text(f"{folder.run_id} has no checkpoint yet.")))
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("step", "name", "val loss", "size", "marks"):
        table.add_column(heading, justify="right" if heading in ("step", "val loss", "size") else "left")
    for place in places:
        marks = [word for word, is_it in (("best", place.is_best), ("last", place.is_last)) if is_it]
        cells = (
            f"{place.step:,}",
            place.name or "-",
            "-" if place.val_loss is None else f"{place.val_loss:.4f}",
            f"{place.size_bytes / 1e6:.1f} MB",
            ", ".join(marks),
        )
        table.add_row(*(Text(safe_text(cell)) for cell in cells))
    Console(width=None if sys.stdout.isatty() else 200).print(table)


def _words(one: Relative) -> str:
    summary = one.summary
    parts = [summary.status, f"{summary.step:,}/{summary.total_steps:,} steps"]
    if summary.best_val_loss is not None:
        parts.append(f"best val {summary.best_val_loss:.4f}")
    if one.kinship:
        where = f" at step {summary.parent_step:,}" if one.kinship == "fork" else ""
        gone = f" of {one.ancestor}, which is gone" if one.depth == 0 else ""
        parts.append(safe_text(f"{one.kinship}{where}{gone}"))
    return ", ".join(parts)


def _relative(one: Relative) -> dict[str, object]:
    summary = one.summary
    return {
        "run_id": summary.run_id,
        "depth": one.depth,
        "kinship": one.kinship,
        "ancestor": one.ancestor,
        "parent_step": summary.parent_step,
        "status": summary.status,
        "step": summary.step,
        "total_steps": summary.total_steps,
        "best_val_loss": _finite(summary.best_val_loss),
        "path": str(summary.path),
    }


def _finite(value: float | None) -> float | None:
    """JSON has no NaN."""
    return value if value is not None and math.isfinite(value) else None
