"""Training without a screen: the engine in a thread, one progress line on standard error, and signals that stop the
run.

Standard output carries data only (one JSON object with `--json`).

Choices:
- Signals are counted and raise nothing, because an exception at an arbitrary place could end the program while a
  checkpoint is written. The first SIGINT, SIGTERM or SIGHUP saves and stops, the second leaves at once.
- `timeout`, terminals and service managers signal a process and its group together, so signals within half a second
  count as one.
"""

from __future__ import annotations

import json
import math
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import asdict
from types import FrameType, TracebackType
from typing import Any, TypeAlias

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.text import Text

from babytrain.runs.state.progress import progress_to_floor
from babytrain.runs.state.run_state import RunSnapshot
from babytrain.tui.cli.options import EXIT_DONE, EXIT_FAILED, EXIT_INTERRUPTED
from babytrain.tui.engine_client.engine_thread import RerunSession, TrainingSession, start_engine_thread
from babytrain.tui.engine_client.run_sources import LiveSource
from babytrain.tui.notifications import NotificationOptions, Notifier
from babytrain.tui.terminal.safe_text import safe_text
from babytrain.tui.text.wording import format_steps

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_SAME_SIGNAL_SECONDS = 0.5


class StopSignals:
    """While entered, what the signals say; `leave` is called in the second one, and by default ends the program."""

    def __init__(self, exit_code: int, leave: Callable[[int], Any] = os._exit) -> None:
        self.wanted = False  # to save and stop
        self._exit_code = exit_code
        self._leave = leave
        self._asked_at = 0.0
        self._before: dict[int, Any] = {}

    def __enter__(self) -> StopSignals:
        for number in _SIGNALS:
            if signal.getsignal(number) is not signal.SIG_IGN:  # `nohup` has the last word
                self._before[number] = signal.signal(number, self._count)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before.clear()

    def _count(self, number: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        if not self.wanted:
            self.wanted, self._asked_at = True, now
        elif now - self._asked_at >= _SAME_SIGNAL_SECONDS:
            self._leave(self._exit_code)  # the journal is safe, the newest checkpoint stands


PROGRESS_REFRESH_SECONDS = 0.25
EventCounts: TypeAlias = tuple[int, int, int, int, int, int]
JSON_KEYS = (
    "run_id",
    "run_dir",
    "status",
    "steps",
    "tokens",
    "val_loss",
    "best_val_loss",
    "best_step",
    "tokens_per_second",
    "seconds",
    "parameters",
)


def train_headless(session: TrainingSession, *, as_json: bool, notifications: NotificationOptions | None = None) -> int:
    """Train, narrate, and return the exit code. A signal saves and stops; a second one abandons the saving."""
    console = Console(stderr=True)
    interrupted = run_with_progress(session, console, notifications or NotificationOptions())
    if session.result is None:
        return EXIT_INTERRUPTED if interrupted else EXIT_FAILED
    result = asdict(session.result)
    if as_json:
        print(json.dumps({key: result[key] for key in JSON_KEYS}))  # noqa: T201 - the data this command is for
        sys.stdout.flush()
    else:
        console.print(Text(_closing_lines(session)), soft_wrap=True)
    return {"done": EXIT_DONE, "interrupted": EXIT_INTERRUPTED}.get(session.result.status, EXIT_FAILED)


def rerun_headless(session: RerunSession, *, as_json: bool, notifications: NotificationOptions) -> int:
    """Train a run again, say what is different before and after, and return the exit code: 0 when nothing is."""
    console, plan = Console(stderr=True), session.plan
    for sentence in plan.differences:
        console.print(Text(safe_text(sentence), style="yellow"), soft_wrap=True)
    if plan.differences:
        console.print(Text("So it may well come out differently.", style="yellow"))
    commands = f"{plan.commands:,} command{'' if plan.commands == 1 else 's'}"
    console.print(Text(safe_text(f"{plan.source.run_id}: {commands} to repeat.")), soft_wrap=True)
    interrupted = run_with_progress(session, console, notifications)
    outcome = session.outcome
    if outcome is None:
        return EXIT_INTERRUPTED if interrupted else EXIT_FAILED
    console.print(Text(safe_text(outcome.sentence()), style="green" if outcome.same else "red"), soft_wrap=True)
    if as_json:
        print(json.dumps(_rerun_facts(session)))  # noqa: T201 - the data this command is for
        sys.stdout.flush()
    if interrupted:
        return EXIT_INTERRUPTED
    return EXIT_DONE if outcome.same else EXIT_FAILED


def _rerun_facts(session: RerunSession) -> dict[str, Any]:
    plan, outcome = session.plan, session.outcome
    assert outcome is not None
    difference = outcome.first_difference
    run = asdict(outcome.run)
    return {
        "same": outcome.same,
        "sentence": outcome.sentence(),
        "rerun_of": plan.source.run_id,
        "commands": plan.commands,
        "steps_compared": outcome.steps_compared,
        "differing_bits": outcome.differing_bits,
        "largest_difference": outcome.largest_difference,
        "first_difference": None
        if difference is None
        else {
            "step": difference.step,
            "what": difference.what,
            "on_record": _finite(difference.on_record),
            "now": _finite(difference.now),
        },
        "told_before": list(plan.differences),
        **{key: run[key] for key in ("run_id", "run_dir", "status", "steps", "seconds")},
    }


def _finite(value: float) -> float | None:
    """JSON has no NaN and no infinity."""
    return value if math.isfinite(value) else None


def run_with_progress(session: TrainingSession, console: Console, notifications: NotificationOptions) -> bool:
    """Run a session to its end with a progress line, and say what went wrong. True when it was told to stop."""
    with StopSignals(EXIT_INTERRUPTED) as stop:
        engine = start_engine_thread(session)
        try:
            _show_progress(session, engine, console, make_notifier(notifications, console), stop)
        finally:  # whoever listened may have gone: a closed pipe is no reason to lose what was trained
            session.feed.stop_requested.set()
            engine.join()
        if session.error:
            console.print(Text(safe_text(session.error)), style="red", soft_wrap=True)
    return stop.wanted


def make_notifier(options: NotificationOptions, console: Console) -> Notifier:
    """Rings and notifies where standard error is a terminal; the person's command runs anyway."""

    def write(characters: str) -> None:
        if console.is_terminal:
            console.file.write(characters)
            console.file.flush()

    return Notifier(options, write, lambda sentence: console.print(Text(sentence, style="yellow"), soft_wrap=True))


def _show_progress(
    session: TrainingSession, engine: threading.Thread, console: Console, notifier: Notifier, stop: StopSignals
) -> None:
    """Keep the progress line going until the engine has finished."""
    source = LiveSource(session.feed)
    told = (0, 0, 0, 0, 0, 0)
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=20),
        MofNCompleteColumn(),
        TextColumn("{task.fields[numbers]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
    ) as progress:
        task = progress.add_task("loading", total=None, numbers="")
        while engine.is_alive():
            engine.join(PROGRESS_REFRESH_SECONDS)
            source.poll()
            snapshot = source.snapshot()
            progress.update(
                task,
                description="resting" if snapshot.phase == "policy_pause" else snapshot.phase,
                completed=snapshot.step,
                total=snapshot.total_steps or None,
                numbers=_numbers(snapshot),
            )
            told = _print_new_events(snapshot, told, console)
            notifier.look(snapshot, session.run_dir)
            if stop.wanted and not session.feed.stop_requested.is_set():
                session.feed.stop_requested.set()
                console.print("Saving and stopping. Ctrl-C again leaves without saving.", style="yellow")
        source.poll()
        snapshot = source.snapshot()
        _print_new_events(snapshot, told, console)
    notifier.look(snapshot, session.run_dir)
    notifier.notify_end(snapshot, session.run_dir, session.error)


def _numbers(snapshot: RunSnapshot) -> str:
    parts: list[str] = []
    if snapshot.loss is not None:
        parts.append(f"train {snapshot.loss:.3f}")
    if snapshot.evals:
        parts.append(f"val {snapshot.evals[-1].val_loss:.3f}")
    speed = snapshot.tokens_per_second()
    if speed is not None:
        parts.append(f"{speed / 1000:.1f}k tok/s")
    return "  ".join(parts)


def _print_new_events(snapshot: RunSnapshot, told: EventCounts, console: Console) -> EventCounts:
    """A line for each thing of note, so that a log file tells the story. Returns how many there are of each kind."""
    evals, notes = snapshot.evals, snapshot.state.log_messages.events
    rescues, verdicts = snapshot.state.guard_events.events, snapshot.state.verdicts.events
    policy_events, milestones = snapshot.state.policy_events.events, snapshot.state.milestones.events
    for note in notes[told[1] :]:
        style = {"info": "dim", "warning": "yellow", "error": "red"}[note.level]
        console.print(Text(safe_text(note.text), style=style), soft_wrap=True)
    for rescue in rescues[told[2] :]:
        console.print(Text(safe_text(rescue.text), style="red"), soft_wrap=True)
    for restraint in policy_events[told[4] :]:
        style = "red" if restraint.action == "stopped" else "yellow"
        console.print(Text(safe_text(f"step {restraint.step:>7,}  {restraint.text}"), style=style), soft_wrap=True)
    for event in evals[told[0] :]:
        mark = "  best" if event.best else ""
        grown = progress_to_floor(event.val_loss, snapshot.started.corpus) if snapshot.started else None
        mark += "" if grown is None else f"  {grown:.0%} grown up"
        console.print(
            Text(f"step {event.step:>7,}  train {event.train_loss:.4f}  val {event.val_loss:.4f}{mark}"), soft_wrap=True
        )
    for milestone in milestones[told[5] :]:
        words = f"step {milestone.step:>7,}  * {milestone.text}"
        console.print(Text(safe_text(words), style="green"), soft_wrap=True)
    for verdict in verdicts[told[3] :]:
        words = f"step {verdict.step:>7,}  {verdict.verdict}: {verdict.why} {verdict.next_}"
        console.print(Text(safe_text(words), style="cyan"), soft_wrap=True)
    return len(evals), len(notes), len(rescues), len(verdicts), len(policy_events), len(milestones)


def _closing_lines(session: TrainingSession) -> str:
    result = session.result
    assert result is not None
    best = "" if result.best_val_loss is None else f", best val {result.best_val_loss:.4f} at step {result.best_step:,}"
    after = "replay" if result.status == "done" else "resume"
    return (
        f"{result.status}: {format_steps(result.steps)}{best}, {result.tokens_per_second:,.0f} tok/s\n"
        f"babytrain-tui {after} {result.run_id}"
    )
