"""Sessions that begin with another run: forks, which go another way, and reruns, which must go the same way."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.text import Text

from babytrain.runs.folder import RunFolder
from babytrain.tui.command_line import EXIT_FAILED, EXIT_INTERRUPTED, fail
from babytrain.tui.headless import run_and_narrate
from babytrain.tui.notice_wishes import NoticeWishes
from babytrain.tui.safe_text import safe_text
from babytrain.tui.session import NO_TORCH, EngineSession, UsageError, before_torch

if TYPE_CHECKING:
    from babytrain.engine.sessions.rerun import RerunPlan, RerunResult
    from babytrain.engine.sessions.session import NewRunPlan, RunResult

EXIT_SAME = 0


class ForkSession(EngineSession):
    """Trains a new run from the checkpoint `wanted` of `source`, with `changes` to its settings."""

    def __init__(
        self,
        runs_dir: Path,
        source: RunFolder,
        wanted: str,
        changes: Mapping[str, Any],
        *,
        name: str | None = None,
        argv: Sequence[str] = (),
    ) -> None:
        super().__init__(runs_dir, argv=argv)
        self._source = source
        self._wanted = wanted
        self._changes = dict(changes)
        self._name = name
        self._plan: NewRunPlan | None = None

    def read(self) -> None:
        """Read the checkpoint now and not when training begins. Raises UsageError."""
        try:
            from babytrain.engine.sessions.errors import EngineError
        except ImportError as error:
            raise UsageError([NO_TORCH.format(error)]) from error
        try:
            self._plan = self._make_plan()
        except EngineError as error:
            raise UsageError(error.problems) from error
        except Exception as error:
            raise UsageError([f"The checkpoint cannot be read ({type(error).__name__}: {error})."]) from error

    def _train(self) -> RunResult:
        from babytrain.engine.sessions.session import train_new

        plan, self._plan = self._plan or self._make_plan(), None
        return train_new(plan, self.feed, self._remember_folder)

    def _make_plan(self) -> NewRunPlan:
        from babytrain.engine.sessions.fork import plan_fork

        return plan_fork(
            self._source, self._wanted, self._changes, runs_dir=self._runs_dir, name=self._name, argv=self._argv
        )


class RerunSession(EngineSession):
    """Trains a run again; `outcome` is the comparison, once there is one."""

    def __init__(self, runs_dir: Path, plan: RerunPlan) -> None:
        super().__init__(runs_dir)
        self.outcome: RerunResult | None = None
        self._plan = plan

    def _train(self) -> RunResult:
        from babytrain.engine.sessions.rerun import rerun

        self.outcome = rerun(self._plan, self.feed, self._remember_folder)
        return self.outcome.run


def rerun_headless(
    runs_dir: Path, source: RunFolder, *, name: str | None, argv: Sequence[str], as_json: bool, notice: NoticeWishes
) -> int:
    """Train `source` again, tell what is different before and after, and return the exit code: 0 when nothing is."""
    plan = _plan(runs_dir, source, name, argv)
    console = Console(stderr=True)
    for sentence in plan.differences:
        console.print(Text(safe_text(sentence), style="yellow"), soft_wrap=True)
    if plan.differences:
        console.print(Text("So it may well come out differently.", style="yellow"))
    commands = f"{plan.commands:,} command{'' if plan.commands == 1 else 's'}"
    console.print(Text(safe_text(f"{source.run_id}: {commands} to repeat.")), soft_wrap=True)
    session = RerunSession(runs_dir, plan)
    interrupted = run_and_narrate(session, console, notice)
    outcome = session.outcome
    if outcome is None:
        return EXIT_INTERRUPTED if interrupted else EXIT_FAILED
    console.print(Text(safe_text(outcome.sentence()), style="green" if outcome.same else "red"), soft_wrap=True)
    if as_json:
        print(json.dumps(_facts(plan, outcome)))  # noqa: T201 - the data this command is for
        sys.stdout.flush()
    if interrupted:
        return EXIT_INTERRUPTED
    return EXIT_SAME if outcome.same else EXIT_FAILED


def _plan(runs_dir: Path, source: RunFolder, name: str | None, argv: Sequence[str]) -> RerunPlan:
    """Ends the program with a sentence when the run cannot be repeated."""
    before_torch()
    try:
        from babytrain.engine.sessions.errors import EngineError
        from babytrain.engine.sessions.rerun import plan_rerun
    except ImportError as error:
        fail(NO_TORCH.format(error))
    try:
        return plan_rerun(source, runs_dir=runs_dir, name=name, argv=argv)
    except EngineError as error:
        fail(*error.problems)


def _facts(plan: RerunPlan, outcome: RerunResult) -> dict[str, Any]:
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
            "on_record": _number(difference.on_record),
            "now": _number(difference.now),
        },
        "told_before": list(plan.differences),
        **{key: run[key] for key in ("run_id", "run_dir", "status", "steps", "seconds")},
    }


def _number(value: float) -> float | None:
    """JSON has no NaN."""
    return value if abs(value) < float("inf") else None
