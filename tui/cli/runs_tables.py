"""Saved runs as text and as JSON on standard output: the list, one run, its checkpoints, and the tree of forks and
reruns.
"""

from __future__ import annotations

import json
import math
import os
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from babytrain.runs.errors import RunsError
from babytrain.runs.events import Milestone
from babytrain.runs.journal import load_state
from babytrain.runs.state.progress import progress_to_floor
from babytrain.runs.store.checkpoint_list import summarize_checkpoints
from babytrain.runs.store.folder import RunFolder
from babytrain.runs.store.run_list import list_runs
from babytrain.runs.store.run_tree import RunNode, run_tree
from babytrain.runs.store.summary import summarize_run
from babytrain.tui.cli.options import exit_with_failure
from babytrain.tui.terminal.charset import detect_charset
from babytrain.tui.terminal.glyphs import tree_prefix
from babytrain.tui.terminal.safe_text import safe_line, safe_text
from babytrain.tui.text.wording import format_clock


def print_runs(runs_dir: Path, *, as_json: bool) -> None:
    """All runs, newest first, on stdout."""
    summaries = list_runs(runs_dir)
    if as_json:
        print(json.dumps([_json_safe(asdict(summary)) for summary in summaries]))  # noqa: T201 - data
        return
    if not summaries:
        Console(stderr=True).print(Text(f"No runs in {runs_dir} yet. Start one: babytrain-tui train"))
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("run", "corpus", "params", "steps", "best val", "status", "started"):
        right = heading in ("params", "steps", "best val")
        # The id is what one copies into the next command: never cut.
        table.add_column(heading, justify="right" if right else "left", no_wrap=heading in ("run", "started"))
    for summary in summaries:
        best = "-" if summary.best_val_loss is None else f"{summary.best_val_loss:.4f}"
        when = time.strftime("%Y-%m-%d %H:%M", time.localtime(summary.started_wall_time))
        cells = (
            summary.run_id,
            summary.corpus,
            f"{summary.parameters / 1e6:.2f}M",
            f"{summary.step:,}/{summary.total_steps:,}",
            best,
            summary.status,
            when if summary.started_wall_time else "-",
        )
        table.add_row(*(Text(safe_text(cell)) for cell in cells))
    Console(width=None if Console().is_terminal else 200).print(table)


def print_run(folder: RunFolder, *, as_json: bool) -> None:
    """One run: what it was, how it went, what it said last."""
    state = load_state(folder.journal)
    snapshot = state.at()
    started = state.started
    best = snapshot.best_eval
    facts: dict[str, Any] = {
        "run_id": folder.run_id,
        "path": str(folder.path),
        "status": summarize_run(folder).status,  # the same word as in the list
        "reason": snapshot.ended.reason if snapshot.ended else "",
        "step": snapshot.step,
        "total_steps": snapshot.total_steps,
        "tokens": snapshot.tokens,
        "seconds": round(snapshot.t, 1),
        "parameters": started.parameters if started else None,
        "device": started.device if started else None,
        "corpus": started.corpus.name if started else None,
        "best_val_loss": best.val_loss if best else None,
        "best_step": best.step if best else None,
        "grown_up": progress_to_floor(best.val_loss, started.corpus) if best and started else None,
        "unreadable_lines": state.bad_lines,
    }
    sample = snapshot.samples[-1] if snapshot.samples else None
    if as_json:
        document = facts | {
            "config": started.config if started else None,
            "sample": sample.prompt + sample.text if sample else None,
            "milestones": [_milestone(one) for one in snapshot.milestones],
        }
        print(json.dumps(_json_safe(document)))  # noqa: T201 - data
        return
    console = Console()
    table = Table(box=None, pad_edge=False, show_header=False)
    for key, value in facts.items():
        if value not in (None, ""):
            table.add_row(Text(key.replace("_", " "), style="dim"), Text(safe_text(str(value))))
    for key, value in (started.config if started else {}).items():
        table.add_row(Text(key, style="dim"), Text(safe_text(str(value))))
    console.print(table)
    if snapshot.milestones:
        console.print(Text("\nmilestones", style="dim"))
        for one in snapshot.milestones:
            words = safe_line(one.text)
            console.print(Text(f"{format_clock(one.t):>8}  step {one.step:>7,}  {words}"), soft_wrap=True)
    if sample:
        console.print(Text(f"\nsample at step {sample.step:,}", style="dim"))
        console.print(Text(safe_text(sample.prompt + sample.text)))


def _milestone(milestone: Milestone) -> dict[str, Any]:
    """A milestone as JSON has it."""
    return {"name": milestone.name, "text": milestone.text, "step": milestone.step, "seconds": round(milestone.t, 1)}


def _json_safe(value: Any) -> Any:
    """JSON has no paths and no NaN."""
    if isinstance(value, dict):
        return {key: _json_safe(item) for key, item in value.items()}
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return None
    return value


def print_tree(runs_dir: Path, *, as_json: bool) -> None:
    """Every run under the one it came from, on stdout."""
    try:
        tree = run_tree(list_runs(runs_dir))
    except RunsError as error:
        exit_with_failure(str(error))
    if as_json:
        print(json.dumps([_run_node_json(one) for one in tree]))  # noqa: T201 - data
        return
    if not tree:
        Console(stderr=True).print(Text(f"No runs in {runs_dir} yet. Start one: babytrain-tui train"))
        return
    console = Console(width=None if sys.stdout.isatty() else 200)
    charset = detect_charset(os.environ, sys.stdout.encoding or "ascii")
    for one in tree:
        line = Text(tree_prefix(one.is_last, charset), style="dim")
        line.append(safe_text(one.summary.run_id), style="not dim bold")
        line.append(f"  {_run_node_words(one)}", style="not dim")
        console.print(line, soft_wrap=not sys.stdout.isatty())  # on a terminal it breaks between words


def print_checkpoints(folder: RunFolder, *, as_json: bool) -> None:
    """The checkpoints of a run, oldest step first, on stdout."""
    places = summarize_checkpoints(folder)
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


def _run_node_words(one: RunNode) -> str:
    summary = one.summary
    parts = [summary.status, f"{summary.step:,}/{summary.total_steps:,} steps"]
    if summary.best_val_loss is not None:
        parts.append(f"best val {summary.best_val_loss:.4f}")
    if one.relation:
        where = f" at step {summary.parent_step:,}" if one.relation == "fork" else ""
        gone = f" of {one.parent_run}, which is gone" if one.depth == 0 else ""
        parts.append(safe_text(f"{one.relation}{where}{gone}"))
    return ", ".join(parts)


def _run_node_json(one: RunNode) -> dict[str, object]:
    summary = one.summary
    return {
        "run_id": summary.run_id,
        "depth": one.depth,
        "kinship": one.relation,
        "ancestor": one.parent_run,
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
