"""Gives the recorded commands of a rerun at their steps and compares every step with the recorded one."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from babytrain.runs.events import AnyEvent, Request, Resumed, Step
from babytrain.runs.playback.replay_plan import RecordedSession
from babytrain.runs.state.thinning import merge_steps


@dataclass(frozen=True)
class StepDifference:
    """The first step that differs from the recorded one; `recorded` and `now` are the values of `what`."""

    step: int
    what: str
    recorded: float
    now: float

    def sentence(self) -> str:
        """Both numbers and how far apart they are."""
        return (
            f"differs first at step {self.step:,} by {abs(self.now - self.recorded):.3g}: "
            f"{self.what} {self.now:.9g} instead of {self.recorded:.9g}"
        )


class StepComparison:
    """Compares steps with the recorded ones, of which a long run has several merged into one."""

    def __init__(self, recorded: Sequence[Step], report: Callable[[StepDifference], None]) -> None:
        self.first_difference: StepDifference | None = None
        self.compared = 0  # steps
        self._recorded = recorded
        self._next = 0
        self._waiting: list[Step] = []
        self._report = report

    @property
    def missing(self) -> int:
        """Recorded lines that were not compared."""
        return len(self._recorded) - self._next

    def add_step(self, step: Step) -> None:
        """Compare a step of the rerun."""
        if self._next >= len(self._recorded):
            return
        expected = self._recorded[self._next]
        self._waiting.append(step)
        if len(self._waiting) < expected.merged:
            return
        made, self._waiting = merge_steps(self._waiting), []
        self._next += 1
        self.compared += expected.merged
        if self.first_difference is None and (difference := _difference(expected, made)) is not None:
            self.first_difference = difference
            self._report(difference)


class RerunScript:
    """The recorded commands of one session. `step` counts finished steps."""

    def __init__(self, session: RecordedSession, comparison: StepComparison) -> None:
        self._session = session
        self._comparison = comparison
        self._next = 0
        self._rollback_count = 0

    @property
    def finished(self) -> bool:
        """Whether the recorded session ended with its plan done."""
        return self._session.finished

    def next_due(self, step: int) -> Request | None:
        """The next command if it was given at this step, else None."""
        commands = self._session.commands
        if self._next >= len(commands):
            return None
        command = commands[self._next]
        if (self._rollback_count, step) < (command.rollback_count, command.step):
            return None
        self._next += 1
        return command.request

    def over(self, step: int) -> bool:
        """Whether the run is where the recorded session ended, with every command given."""
        session = self._session
        return self._next >= len(session.commands) and (self._rollback_count, step) >= (
            session.end_rollback_count,
            session.end_step,
        )

    def on_event(self, event: AnyEvent) -> None:
        """Compare a step, count a rollback."""
        if isinstance(event, Step):
            self._comparison.add_step(event)
        elif isinstance(event, Resumed) and event.rollback:
            self._rollback_count += 1


def _difference(expected: Step, made: Step) -> StepDifference | None:
    pairs = (
        ("step", float(expected.step), float(made.step)),
        ("loss", expected.loss, made.loss),
        ("gradient norm", expected.gradient_norm, made.gradient_norm),
        ("learning rate", expected.learning_rate, made.learning_rate),
        ("tokens", float(expected.tokens), float(made.tokens)),
    )
    for what, before, now in pairs:
        if before != now and not (math.isnan(before) and math.isnan(now)):
            return StepDifference(expected.step, what, before, now)
    return None
