"""Runs the app in the terminal: signals, captured output, the closing lines and the exit code."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker
from pathlib import Path
from types import FrameType

import typer

from babytrain.runs.errors import error_reason
from babytrain.tui.app.babytrain_app import BabytrainApp
from babytrain.tui.app.start_screen import StartScreen
from babytrain.tui.cli.options import EXIT_DONE, EXIT_FAILED, EXIT_INTERRUPTED, save_traceback
from babytrain.tui.cli.output import exit_code_of, result_lines
from babytrain.tui.engine_client.client import EngineClient
from babytrain.tui.engine_client.engine_thread import TrainingSession
from babytrain.tui.terminal.output_capture import OutputCapture
from babytrain.tui.terminal.safe_text import safe_text


def run_app(start_screen: StartScreen, runs_dir: Path) -> int:
    """Run the app. On return everything is saved and the terminal restored; returns the exit code."""
    # A child process started later would inherit the descriptors replaced by `OutputCapture`.
    resource_tracker.ensure_running()
    app = BabytrainApp(engine_client=EngineClient(runs_dir, sys.argv), start_screen=start_screen)
    with OutputCapture(app.add_log_line), _leave_on_signal(app) as received:
        app.run()
    session = app.session
    if session is not None:
        _print_result(session)
    if app.failure is not None:
        _report_crash(app.failure, runs_dir)
        return EXIT_FAILED
    if received:
        return EXIT_INTERRUPTED
    if app.return_code:
        return EXIT_FAILED
    if session is None or (app.left_from_home and not session.error):
        return EXIT_DONE
    return exit_code_of(session)


@contextmanager
def _leave_on_signal(app: BabytrainApp) -> Iterator[list[int]]:
    """Save and leave on SIGINT, SIGTERM and SIGHUP; yields the list of received signals."""
    received: list[int] = []

    def leave(number: int, frame: FrameType | None) -> None:
        received.append(number)
        app.leave()

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, leave) for number in numbers}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _report_crash(failure: Exception, runs_dir: Path) -> None:
    """A sentence on stderr, the traceback in a file."""
    where = save_traceback(failure, runs_dir / "screen-crash.log")
    sentence = f"babytrain-tui: the screen broke ({error_reason(failure)}); what was trained is saved.{where}"
    typer.echo(safe_text(sentence), err=True)


def _print_result(session: TrainingSession) -> None:
    if session.error:
        typer.echo(safe_text(f"babytrain-tui: {session.error}"), err=True)
    if lines := result_lines(session, with_speed=False):
        typer.echo(lines, err=True)
