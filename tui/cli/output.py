"""Tables, JSON and closing lines of commands. Text from runs is escaped."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from babytrain.runs.formatting import format_loss, format_rate
from babytrain.runs.time_of_day import local_time
from babytrain.tui.cli.options import EXIT_DONE, EXIT_FAILED, EXIT_INTERRUPTED
from babytrain.tui.terminal.plain_output import exact_bytes
from babytrain.tui.terminal.safe_text import safe_line, safe_text
from babytrain.tui.text.wording import format_steps

if TYPE_CHECKING:
    from babytrain.tui.engine_client.engine_thread import TrainingSession

PIPED_WIDTH = 200  # columns, where standard output is no terminal


def print_json(document: Any) -> None:
    """Print a document on one line; NaN and infinities, which JSON lacks, are null."""
    print(json.dumps(_json_safe(document)), flush=True)  # noqa: T201 - the data that was asked for


def _json_safe(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _json_safe(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_json_safe(item) for item in value]
    if isinstance(value, Path):
        value = str(value)
    if isinstance(value, str):
        return exact_bytes(value).decode("utf-8", "replace")  # lone surrogates are no strict JSON
    return None if isinstance(value, float) and not math.isfinite(value) else value


def stdout_console() -> Console:
    """Standard output; `PIPED_WIDTH` columns where it is no terminal."""
    return Console(width=None if Console().is_terminal else PIPED_WIDTH)


def say(sentence: str) -> None:
    """Print a sentence on standard error."""
    Console(stderr=True).print(Text(safe_text(sentence)))


def list_table(
    headings: Sequence[str], rows: Iterable[Iterable[str]], *, right: Sequence[str] = (), no_wrap: Sequence[str] = ()
) -> Table:
    """A table with a heading above each column; the columns in `right` are right-aligned."""
    table = Table(box=None, pad_edge=False)
    for heading in headings:
        table.add_column(heading, justify="right" if heading in right else "left", no_wrap=heading in no_wrap)
    for row in rows:
        table.add_row(*(Text(safe_text(cell)) for cell in row))
    return table


def facts_table(facts: Iterable[tuple[str, str]]) -> Table:
    """Names at the left, values at the right."""
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column()
    table.add_column(overflow="fold")
    for name, value in facts:
        table.add_row(Text(name, style="dim"), Text(safe_text(value)))
    return table


def format_started(wall_time: float) -> str:
    """The start of a run in local time, "-" where unknown."""
    return time.strftime("%Y-%m-%d %H:%M", local_time(wall_time)) if wall_time else "-"


def result_lines(session: TrainingSession, *, with_speed: bool) -> str:
    """How a run ended, why, and the command to continue, in three lines; "" without a result."""
    result = session.result
    if result is None:
        return ""
    best = (
        ""
        if result.best_val_loss is None
        else f", best val {format_loss(result.best_val_loss)} at step {result.best_step:,}"
    )
    speed = f", {format_rate(result.tokens_per_second)}" if with_speed else ""
    command = f"babytrain-tui {'replay' if result.status == 'done' else 'resume'} {safe_line(result.run_id)}"
    how = f"{result.status}: {format_steps(result.steps)}{best}{speed}"
    return "\n".join(filter(None, (how, safe_line(result.reason), command)))


def exit_code_of(session: TrainingSession) -> int:
    """The exit code that tells how a session ended; one that never began was not interrupted."""
    if session.result is None:
        return EXIT_FAILED if session.error else EXIT_DONE
    return {"done": EXIT_DONE, "interrupted": EXIT_INTERRUPTED}.get(session.result.status, EXIT_FAILED)
