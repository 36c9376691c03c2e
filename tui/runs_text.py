"""Saved runs as plain text and as JSON, for the command line."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from babytrain.runs.events import Milestone
from babytrain.runs.folder import RunFolder
from babytrain.runs.growth import grown_up
from babytrain.runs.journal import load_state
from babytrain.runs.library import list_runs
from babytrain.runs.summary import summarise
from babytrain.tui.safe_text import safe_line, safe_text
from babytrain.tui.wording import format_clock


def print_runs(runs_dir: Path, *, as_json: bool) -> None:
    """All runs, newest first, on stdout."""
    summaries = list_runs(runs_dir)
    if as_json:
        print(json.dumps([_plain(asdict(summary)) for summary in summaries]))  # noqa: T201 - data
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
    moment = state.at()
    started = state.started
    best = moment.best_eval
    facts: dict[str, Any] = {
        "run_id": folder.run_id,
        "path": str(folder.path),
        "status": summarise(folder).status,  # the same word as in the list
        "reason": moment.ended.reason if moment.ended else "",
        "step": moment.step,
        "total_steps": moment.total_steps,
        "tokens": moment.tokens,
        "seconds": round(moment.t, 1),
        "parameters": started.parameters if started else None,
        "device": started.device if started else None,
        "corpus": started.corpus.name if started else None,
        "best_val_loss": best.val_loss if best else None,
        "best_step": best.step if best else None,
        "grown_up": grown_up(best.val_loss, started.corpus) if best and started else None,
        "unreadable_lines": state.bad_lines,
    }
    sample = moment.samples[-1] if moment.samples else None
    if as_json:
        document = facts | {
            "config": started.config if started else None,
            "sample": sample.prompt + sample.text if sample else None,
            "milestones": [_milestone(one) for one in moment.milestones],
        }
        print(json.dumps(_plain(document)))  # noqa: T201 - data
        return
    console = Console()
    table = Table(box=None, pad_edge=False, show_header=False)
    for key, value in facts.items():
        if value not in (None, ""):
            table.add_row(Text(key.replace("_", " "), style="dim"), Text(safe_text(str(value))))
    for key, value in (started.config if started else {}).items():
        table.add_row(Text(key, style="dim"), Text(safe_text(str(value))))
    console.print(table)
    if moment.milestones:
        console.print(Text("\nmilestones", style="dim"))
        for one in moment.milestones:
            words = safe_line(one.text)
            console.print(Text(f"{format_clock(one.t):>8}  step {one.step:>7,}  {words}"), soft_wrap=True)
    if sample:
        console.print(Text(f"\nsample at step {sample.step:,}", style="dim"))
        console.print(Text(safe_text(sample.prompt + sample.text)))


def _milestone(milestone: Milestone) -> dict[str, Any]:
    """A milestone as JSON has it."""
    return {"name": milestone.name, "text": milestone.text, "step": milestone.step, "seconds": round(milestone.t, 1)}


def _plain(value: Any) -> Any:
    """JSON has no paths and no NaN."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return None
    return value
