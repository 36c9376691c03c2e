"""Training without a screen: the same engine and the same events, one progress line on stderr.

Standard output is data (one JSON object with `--json`), standard error is narration.
"""

from __future__ import annotations

import json
import math
import sys
import threading
from dataclasses import asdict
from typing import Any, TypeAlias

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.text import Text

from babytrain.runs.growth import grown_up
from babytrain.runs.state import Moment
from babytrain.tui.engine_client.engine_thread import RerunSession, TrainingSession, start_engine_thread
from babytrain.tui.engine_client.run_sources import LiveSource
from babytrain.tui.notice import Notifier
from babytrain.tui.notice_wishes import NoticeWishes
from babytrain.tui.safe_text import safe_text
from babytrain.tui.stop_signals import StopSignals
from babytrain.tui.wording import format_steps

REFRESH_SECONDS = 0.25
Told: TypeAlias = tuple[int, int, int, int, int, int]
EXIT_DONE, EXIT_FAILED, EXIT_USAGE, EXIT_INTERRUPTED = 0, 1, 2, 130
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


def train_headless(session: TrainingSession, *, as_json: bool, notice: NoticeWishes | None = None) -> int:
    """Train, narrate, and return the exit code. A signal saves and stops; a second one abandons the saving."""
    console = Console(stderr=True)
    interrupted = run_and_narrate(session, console, notice or NoticeWishes())
    if session.result is None:
        return EXIT_INTERRUPTED if interrupted else EXIT_FAILED
    result = asdict(session.result)
    if as_json:
        print(json.dumps({key: result[key] for key in JSON_KEYS}))  # noqa: T201 - the data this command is for
        sys.stdout.flush()
    else:
        console.print(Text(_farewell(session)), soft_wrap=True)
    return {"done": EXIT_DONE, "interrupted": EXIT_INTERRUPTED}.get(session.result.status, EXIT_FAILED)


def rerun_headless(session: RerunSession, *, as_json: bool, notice: NoticeWishes) -> int:
    """Train a run again, say what is different before and after, and return the exit code: 0 when nothing is."""
    console, plan = Console(stderr=True), session.plan
    for sentence in plan.differences:
        console.print(Text(safe_text(sentence), style="yellow"), soft_wrap=True)
    if plan.differences:
        console.print(Text("So it may well come out differently.", style="yellow"))
    commands = f"{plan.commands:,} command{'' if plan.commands == 1 else 's'}"
    console.print(Text(safe_text(f"{plan.source.run_id}: {commands} to repeat.")), soft_wrap=True)
    interrupted = run_and_narrate(session, console, notice)
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


def run_and_narrate(session: TrainingSession, console: Console, notice: NoticeWishes) -> bool:
    """Run a session to its end with a progress line, and say what went wrong. True when it was told to stop."""
    with StopSignals(EXIT_INTERRUPTED) as stop:
        engine = start_engine_thread(session)
        try:
            _narrate(session, engine, console, make_notifier(notice, console), stop)
        finally:  # whoever listened may have gone: a closed pipe is no reason to lose what was trained
            session.feed.stop_requested.set()
            engine.join()
        if session.error:
            console.print(Text(safe_text(session.error)), style="red", soft_wrap=True)
    return stop.wanted


def make_notifier(wishes: NoticeWishes, console: Console) -> Notifier:
    """Rings and notifies where standard error is a terminal; the person's command runs anyway."""

    def write(characters: str) -> None:
        if console.is_terminal:
            console.file.write(characters)
            console.file.flush()

    return Notifier(wishes, write, lambda sentence: console.print(Text(sentence, style="yellow"), soft_wrap=True))


def _narrate(
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
            engine.join(REFRESH_SECONDS)
            source.poll()
            moment = source.moment()
            progress.update(
                task,
                description=moment.phase,
                completed=moment.step,
                total=moment.total_steps or None,
                numbers=_numbers(moment),
            )
            told = _tell(moment, told, console)
            notifier.look(moment, session.run_dir)
            if stop.wanted and not session.feed.stop_requested.is_set():
                session.feed.stop_requested.set()
                console.print("Saving and stopping. Ctrl-C again leaves without saving.", style="yellow")
        source.poll()
        moment = source.moment()
        _tell(moment, told, console)
    notifier.look(moment, session.run_dir)
    notifier.tell_end(moment, session.run_dir, session.error)


def _numbers(moment: Moment) -> str:
    parts: list[str] = []
    if moment.loss is not None:
        parts.append(f"train {moment.loss:.3f}")
    if moment.evals:
        parts.append(f"val {moment.evals[-1].val_loss:.3f}")
    speed = moment.tokens_per_second()
    if speed is not None:
        parts.append(f"{speed / 1000:.1f}k tok/s")
    return "  ".join(parts)


def _tell(moment: Moment, told: Told, console: Console) -> Told:
    """A line for each thing of note, so that a log file tells the story. Returns how many there are of each kind."""
    evals, notes = moment.evals, moment.state.notes.events
    rescues, verdicts = moment.state.rescues.events, moment.state.verdicts.events
    restraints, milestones = moment.state.restraints.events, moment.state.milestones.events
    for note in notes[told[1] :]:
        style = {"info": "dim", "warning": "yellow", "error": "red"}[note.level]
        console.print(Text(safe_text(note.text), style=style), soft_wrap=True)
    for rescue in rescues[told[2] :]:
        console.print(Text(safe_text(rescue.text), style="red"), soft_wrap=True)
    for restraint in restraints[told[4] :]:
        style = "red" if restraint.deed == "stopped" else "yellow"
        console.print(Text(safe_text(f"step {restraint.step:>7,}  {restraint.text}"), style=style), soft_wrap=True)
    for event in evals[told[0] :]:
        mark = "  best" if event.best else ""
        grown = grown_up(event.val_loss, moment.started.corpus) if moment.started else None
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
    return len(evals), len(notes), len(rescues), len(verdicts), len(restraints), len(milestones)


def _farewell(session: TrainingSession) -> str:
    result = session.result
    assert result is not None
    best = "" if result.best_val_loss is None else f", best val {result.best_val_loss:.4f} at step {result.best_step:,}"
    after = "replay" if result.status == "done" else "resume"
    return (
        f"{result.status}: {format_steps(result.steps)}{best}, {result.tokens_per_second:,.0f} tok/s\n"
        f"babytrain-tui {after} {result.run_id}"
    )
