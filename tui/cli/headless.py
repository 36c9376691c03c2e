"""Training without a screen: the engine in a thread, a progress line on standard error, and signals.

Signals are counted and raise nothing, because an exception could end the program while a checkpoint is written.
`timeout`, terminals and service managers signal a process and its group together, so signals within half a second
count as one.
"""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from operator import itemgetter
from types import FrameType, TracebackType
from typing import Any, TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.text import Text

from babytrain.runs.events import CorpusInfo, Eval, Event, PolicyEvent, Verdict
from babytrain.runs.forecast.eta import estimate_eta
from babytrain.runs.forecast.final_loss_forecast import is_paused_indefinitely
from babytrain.runs.formatting import format_loss, format_rate, format_share, format_whole_seconds
from babytrain.runs.state.progress import progress_to_floor
from babytrain.runs.state.run_state import RunSnapshot, RunState
from babytrain.tui.cli.options import EXIT_DONE, EXIT_FAILED, EXIT_INTERRUPTED
from babytrain.tui.cli.output import exit_code_of, print_json, result_lines
from babytrain.tui.engine_client.engine_thread import RerunSession, TrainingSession, start_engine_thread
from babytrain.tui.engine_client.run_sources import LiveSource
from babytrain.tui.notifications import NotificationOptions, Notifier, milestones_by_step
from babytrain.tui.terminal.safe_text import safe_text
from babytrain.tui.terminal.standard_streams import StandardOutputError
from babytrain.tui.text.energy_format import format_range

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_SAME_SIGNAL_SECONDS = 0.5


class StopSignals:
    """Counts SIGINT, SIGTERM and SIGHUP: the first sets `wanted`, the second calls `leave` with the exit code.

    After a first one they are counted until the program ends, so that a second in its last moments has the same code.
    """

    def __init__(self, exit_code: int, leave: Callable[[int], Any] = os._exit) -> None:
        self.wanted = False  # to save and stop
        self._exit_code = exit_code
        self._leave = leave
        self._asked_at = 0.0
        self._before: dict[int, Any] = {}

    def __enter__(self) -> StopSignals:
        for number in _SIGNALS:
            if signal.getsignal(number) is not signal.SIG_IGN:  # as `nohup` sets it
                self._before[number] = signal.signal(number, self._count)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self.wanted:
            atexit.register(_ignore_signals, tuple(self._before))
            return
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _count(self, number: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        if not self.wanted:
            self.wanted, self._asked_at = True, now
        elif now - self._asked_at >= _SAME_SIGNAL_SECONDS:
            self._leave(self._exit_code)  # journal and newest checkpoint are on disk


def _ignore_signals(numbers: Sequence[int]) -> None:
    """Python takes its handlers away before it ends, and a signal after that would end it with another code."""
    for number in numbers:
        signal.signal(number, signal.SIG_IGN)


PROGRESS_REFRESH_SECONDS = 0.25
_NOTE_STYLES = {"info": "dim", "warning": "yellow", "error": "red"}
EventT = TypeVar("EventT", bound=Event)


def train_headless(session: TrainingSession, *, as_json: bool, notifications: NotificationOptions | None = None) -> int:
    """Train, print progress, and return the exit code."""
    console = Console(stderr=True)
    interrupted = run_with_progress(session, console, notifications or NotificationOptions())
    if session.result is None:
        return EXIT_INTERRUPTED if interrupted else EXIT_FAILED
    if as_json:
        _print_result_json(asdict(session.result), console)
    else:
        console.print(Text(result_lines(session, with_speed=True)), soft_wrap=True)
    return exit_code_of(session)


def _print_result_json(result: dict[str, Any], console: Console) -> None:
    """Print the result; that nobody can read it does not change how the training ended."""
    try:
        print_json(result)
        sys.stdout.flush()
    except StandardOutputError as error:
        console.print(f"The result cannot be written to standard output: {error}.", style="red", markup=False)


def rerun_headless(session: RerunSession, *, as_json: bool, notifications: NotificationOptions) -> int:
    """Repeat a run, print the differences, and return the exit code: 0 if the results are the same."""
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
        _print_result_json(_rerun_facts(session), console)
    if interrupted:
        return EXIT_INTERRUPTED
    return EXIT_DONE if outcome.same else EXIT_FAILED


def _rerun_facts(session: RerunSession) -> dict[str, Any]:
    plan, outcome = session.plan, session.outcome
    assert outcome is not None
    run = asdict(outcome.run)
    return {
        "same": outcome.same,
        "sentence": outcome.sentence(),
        "rerun_of": plan.source.run_id,
        "commands": plan.commands,
        "steps_compared": outcome.steps_compared,
        "differing_bits": outcome.differing_bits,
        "largest_difference": outcome.largest_difference,
        "first_difference": None if outcome.first_difference is None else asdict(outcome.first_difference),
        "expected_differences": plan.differences,
        **{key: run[key] for key in ("run_id", "run_dir", "status", "steps", "seconds")},
    }


def run_with_progress(session: TrainingSession, console: Console, notifications: NotificationOptions) -> bool:
    """Run a session with a progress line and print its error. True when a signal stopped it."""
    with StopSignals(EXIT_INTERRUPTED) as stop:
        engine = start_engine_thread(session)
        try:
            _show_progress(session, engine, console, make_notifier(notifications, console), stop)
        finally:  # also after an error such as a closed pipe
            session.feed.stop_requested.set()
            engine.join()
        if session.error:
            console.print(Text(safe_text(session.error)), style="red", soft_wrap=True)
    return stop.wanted


def make_notifier(options: NotificationOptions, console: Console) -> Notifier:
    """A notifier with bell and desktop only where standard error is a terminal."""

    def write(characters: str) -> None:
        if console.is_terminal:
            console.file.write(characters)
            console.file.flush()

    return Notifier(options, write, lambda sentence: console.print(Text(sentence, style="yellow"), soft_wrap=True))


def _show_progress(
    session: TrainingSession, engine: threading.Thread, console: Console, notifier: Notifier, stop: StopSignals
) -> None:
    source = LiveSource(session.feed)
    printer = _EventPrinter(console)
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=20),
        MofNCompleteColumn(),
        TextColumn("{task.fields[numbers]}"),
        TextColumn("{task.fields[times]}"),
        console=console,
        disable=not console.is_terminal,
    ) as progress:
        task = progress.add_task("loading", total=None, numbers="", times="")
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
                times=_times(snapshot),
            )
            printer.print_new(snapshot, session.feed.history_t)
            notifier.look(snapshot, session.run_dir)
            if stop.wanted and not session.feed.stop_requested.is_set():
                session.feed.stop_requested.set()
                # As a Text: a plain string loads tables of rich, for which there may be no memory.
                console.print(Text("Saving and stopping. Ctrl-C again leaves without saving.", style="yellow"))
        source.poll()
        snapshot = source.snapshot()
        printer.print_new(snapshot, session.feed.history_t)
    notifier.look(snapshot, session.run_dir)
    notifier.notify_end(snapshot, session.run_dir, session.error)


def _numbers(snapshot: RunSnapshot) -> str:
    parts: list[str] = []
    if snapshot.loss is not None:
        parts.append(f"train {format_loss(snapshot.loss)}")
    if snapshot.evals:
        parts.append(f"val {format_loss(snapshot.evals[-1].val_loss)}")
    speed = snapshot.tokens_per_second()
    if speed is not None:
        parts.append(format_rate(speed))
    return "  ".join(parts)


def _times(snapshot: RunSnapshot) -> str:
    """Running time so far and the estimate of what is left: `35s  ETA 52s–59s`."""
    parts = [format_whole_seconds(snapshot.t)] if snapshot.rows else []
    if (eta := estimate_eta(snapshot)) is not None:
        words = format_range(eta, format_whole_seconds)
        parts.append(f"ETA {words}" + (" when resumed" if is_paused_indefinitely(snapshot) else ""))
    return "  ".join(parts)


class _EventPrinter:
    """Prints a line for each important event of this session, in the order in which they happened."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._printed: Counter[str] = Counter()  # by kind

    def print_new(self, snapshot: RunSnapshot, history_t: float) -> None:
        """Print the events since the last call that came after `history_t` seconds of running time."""
        state = snapshot.state
        corpus = snapshot.started.corpus if snapshot.started else None
        lines = [
            *self._new("note", state.log_messages.events, lambda note: (note.text, _NOTE_STYLES[note.level])),
            *self._new("rescue", state.guard_events.events, lambda rescue: (rescue.text, "red")),
            *self._new("policy", state.policy_events.events, _policy_line),
            *self._new("eval", state.evals.events, lambda evaluation: (_evaluation_line(evaluation, corpus), "")),
            *self._new_milestones(state),
            *self._new("verdict", state.verdicts.events, _verdict_line),
        ]
        for t, text, style in sorted(lines, key=itemgetter(0)):
            if t > history_t:
                self._console.print(Text(safe_text(text), style=style), soft_wrap=True)

    def _new(
        self, kind: str, events: Sequence[EventT], line: Callable[[EventT], tuple[str, str]]
    ) -> Iterator[tuple[float, str, str]]:
        for event in events[self._printed[kind] :]:
            yield event.t, *line(event)
        self._printed[kind] = len(events)

    def _new_milestones(self, state: RunState) -> Iterator[tuple[float, str, str]]:
        events = state.milestones.events
        for event in milestones_by_step(events[self._printed["milestone"] :]):
            yield event.t, _at_step(event.step, f"* {event.text}"), "green"
        self._printed["milestone"] = len(events)


def _at_step(step: int, text: str) -> str:
    return f"step {step:>7,}  {text}"


def _policy_line(event: PolicyEvent) -> tuple[str, str]:
    return _at_step(event.step, event.text), "red" if event.action == "stopped" else "yellow"


def _verdict_line(verdict: Verdict) -> tuple[str, str]:
    return _at_step(verdict.step, f"{verdict.verdict}: {verdict.why} {verdict.next_}"), "cyan"


def _evaluation_line(event: Eval, corpus: CorpusInfo | None) -> str:
    best = "  best" if event.best else ""
    progress = progress_to_floor(event.val_loss, corpus) if corpus else None
    grown_up = "" if progress is None else f"  {format_share(progress)} of the way to the floor"
    return _at_step(
        event.step, f"train {format_loss(event.train_loss)}  val {format_loss(event.val_loss)}{best}{grown_up}"
    )
