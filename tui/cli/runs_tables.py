"""Saved runs as text and as JSON on standard output: the list, one run, its checkpoints, the tree of forks."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from babytrain.runs.errors import RunsError
from babytrain.runs.events import Milestone
from babytrain.runs.forecast.eta import estimate_eta
from babytrain.runs.forecast.value_range import ValueRange
from babytrain.runs.formatting import (
    format_bytes,
    format_compact,
    format_count,
    format_loss,
    format_seconds,
    format_share,
    format_whole_seconds,
)
from babytrain.runs.journal import load_state
from babytrain.runs.state.progress import progress_to_floor
from babytrain.runs.store.checkpoint_list import summarize_checkpoints
from babytrain.runs.store.folder import RunFolder
from babytrain.runs.store.run_list import list_runs
from babytrain.runs.store.run_tree import RunNode, run_tree
from babytrain.runs.store.summary import summarize_run
from babytrain.tui.cli.options import exit_with_failure
from babytrain.tui.cli.output import facts_table, format_started, list_table, print_json, say, stdout_console
from babytrain.tui.terminal.charset import detect_charset
from babytrain.tui.terminal.glyphs import tree_prefix
from babytrain.tui.terminal.safe_text import safe_line, safe_text
from babytrain.tui.text.energy_format import format_range
from babytrain.tui.text.wording import GROWN_UP, VERDICTS_NEEDING_ACTION, format_clock, format_setting

# Of `runs show`, from the keys of its JSON: a label, and the value as text.
_FACTS: dict[str, Callable[[Any], tuple[str, str]]] = {
    "run_id": lambda run_id: ("run", run_id),
    "step": lambda step: ("step", format_count(step)),
    "total_steps": lambda steps: ("steps planned", format_count(steps)),
    "tokens": lambda tokens: ("tokens trained on", format_count(tokens)),
    "seconds": lambda seconds: ("running time", format_seconds(seconds)),
    "seconds_left": lambda ends: ("left", format_range(ValueRange(*ends), format_whole_seconds)),
    "parameters": lambda parameters: ("parameters", format_count(parameters)),
    "best_val_loss": lambda loss: ("best validation loss", f"{format_loss(loss)} nats per token"),
    "best_step": lambda step: ("best step", format_count(step)),
    "grown_up": lambda share: ("grown up", f"{format_share(share)} {GROWN_UP}"),
    "unreadable_lines": lambda lines: ("unreadable lines", f"{format_count(lines)} of the journal"),
}
_NO_RUNS = "No runs in {} yet. Start one: babytrain-tui train"


def print_runs(runs_dir: Path, *, as_json: bool) -> None:
    """Print all runs, newest first."""
    summaries = list_runs(runs_dir)
    if as_json:
        print_json([asdict(summary) for summary in summaries])
        return
    if not summaries:
        say(_NO_RUNS.format(runs_dir))
        return
    rows = (
        (
            summary.run_id,
            summary.corpus,
            format_compact(summary.parameters),
            f"{summary.step:,}/{summary.total_steps:,}",
            format_loss(summary.best_val_loss),
            summary.status + (f", {summary.verdict}" if summary.verdict in VERDICTS_NEEDING_ACTION else ""),
            format_started(summary.started_wall_time),
        )
        for summary in summaries
    )
    headings = ("run", "corpus", "params", "steps", "best val", "status", "started")
    # The id is never cut, because it is copied into the next command.
    stdout_console().print(
        list_table(headings, rows, right=("params", "steps", "best val"), no_wrap=("run", "started"))
    )


def print_run(folder: RunFolder, *, as_json: bool) -> None:
    """Print one run: settings, figures, milestones, newest sample."""
    try:
        state = load_state(folder.journal)
    except RunsError as error:
        exit_with_failure(str(error))
    snapshot = state.at()
    started = state.started
    best = snapshot.best_eval
    status = summarize_run(folder).status  # as in the list
    eta = estimate_eta(snapshot) if status == "training" else None
    facts: dict[str, Any] = {
        "run_id": folder.run_id,
        "path": str(folder.journal_file or folder.path),
        "status": status,
        "reason": snapshot.ended.reason if snapshot.ended else "",
        "step": snapshot.step,
        "total_steps": snapshot.total_steps,
        "tokens": snapshot.tokens,
        "seconds": round(snapshot.t, 1),
        "seconds_left": [round(eta.low, 1), round(eta.high, 1)] if eta is not None else None,
        "parameters": started.parameters if started else None,
        "device": started.device if started else None,
        "corpus": started.corpus.name if started else None,
        "verdict": f"{verdict.verdict}: {verdict.why} {verdict.next_}" if (verdict := snapshot.verdict) else None,
        "best_val_loss": best.val_loss if best else None,
        "best_step": best.step if best else None,
        "grown_up": progress_to_floor(best.val_loss, started.corpus) if best and started else None,
        "unreadable_lines": state.bad_lines,
    }
    sample = snapshot.samples[-1] if snapshot.samples else None
    if as_json:
        print_json(
            facts
            | {
                "config": dict(snapshot.settings) if started else None,
                "sample": sample.prompt + sample.text if sample else None,
                "milestones": [_milestone_json(milestone) for milestone in snapshot.milestones],
            }
        )
        return
    console = Console()
    shown = ((key, value) for key, value in facts.items() if value not in (None, "", 0))
    settings = snapshot.settings
    console.print(facts_table(_FACTS[key](value) if key in _FACTS else (key, str(value)) for key, value in shown))
    console.print(Text("\nsettings", style="dim"))
    console.print(facts_table((name, format_setting(name, value)) for name, value in settings.items()))
    if snapshot.milestones:
        console.print(Text("\nmilestones", style="dim"))
        for milestone in snapshot.milestones:
            words = f"{format_clock(milestone.t):>8}  step {milestone.step:>7,}  {safe_line(milestone.text)}"
            console.print(Text(words), soft_wrap=True)
    if sample:
        console.print(Text(f"\nsample at step {sample.step:,}", style="dim"))
        console.print(Text(safe_text(sample.prompt + sample.text)))


def _milestone_json(milestone: Milestone) -> dict[str, Any]:
    return {"name": milestone.name, "text": milestone.text, "step": milestone.step, "seconds": round(milestone.t, 1)}


def print_tree(runs_dir: Path, *, as_json: bool) -> None:
    """Print every run below its parent."""
    try:
        tree = run_tree(list_runs(runs_dir))
    except RunsError as error:
        exit_with_failure(str(error))
    if as_json:
        print_json([_node_json(node) for node in tree])
        return
    if not tree:
        say(_NO_RUNS.format(runs_dir))
        return
    console = stdout_console()
    charset = detect_charset(os.environ, sys.stdout.encoding or "ascii")
    for node in tree:
        line = Text(tree_prefix(node.is_last, charset), style="dim")
        line.append(safe_text(node.summary.run_id), style="not dim bold")
        line.append(f"  {_node_facts(node)}", style="not dim")
        console.print(line, soft_wrap=not console.is_terminal)  # on a terminal it breaks between words


def print_checkpoints(folder: RunFolder, *, as_json: bool) -> None:
    """Print the checkpoints of a run, oldest step first."""
    checkpoints = summarize_checkpoints(folder)
    if as_json:
        print_json([asdict(checkpoint) for checkpoint in checkpoints])
        return
    if not checkpoints:
        say(f"{folder.run_id} has no checkpoint yet.")
        return
    rows = (
        (
            f"{checkpoint.step:,}",
            checkpoint.name or "-",
            format_loss(checkpoint.val_loss),
            format_bytes(checkpoint.size_bytes),
            ", ".join(["best"] * checkpoint.is_best + ["last"] * checkpoint.is_last),
        )
        for checkpoint in checkpoints
    )
    headings = ("step", "name", "val loss", "size", "marks")
    stdout_console().print(list_table(headings, rows, right=("step", "val loss", "size")))


def _node_facts(node: RunNode) -> str:
    summary = node.summary
    parts = [summary.status, f"{summary.step:,}/{summary.total_steps:,} steps"]
    if summary.best_val_loss is not None:
        parts.append(f"best val {format_loss(summary.best_val_loss)}")
    if node.relation:
        where = f" at step {summary.parent_step:,}" if node.relation == "fork" else ""
        text = f", with the text {summary.corpus}" if node.relation == "fork" and summary.has_new_text else ""
        gone = f" of {node.parent_run}, which is gone" if node.depth == 0 else ""
        parts.append(safe_text(f"{node.relation}{where}{gone}{text}"))
    return ", ".join(parts)


def _node_json(node: RunNode) -> dict[str, Any]:
    summary = node.summary
    return {
        "run_id": summary.run_id,
        "depth": node.depth,
        "relation": node.relation,
        "parent_run": node.parent_run,
        "parent_step": summary.parent_step,
        "status": summary.status,
        "step": summary.step,
        "total_steps": summary.total_steps,
        "best_val_loss": summary.best_val_loss,
        "path": summary.path,
    }
