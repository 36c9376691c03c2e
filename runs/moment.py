"""A run as it stood at a time: counts found by bisection, so that seeking in a replay is slicing, never a re-run."""

from __future__ import annotations

import math
from collections import ChainMap
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from babytrain.runs.columns import FloatColumn, IntColumn
from babytrain.runs.dials.state import DialState
from babytrain.runs.events import (
    Baselines,
    Checkpoint,
    Command,
    Ended,
    Energy,
    Eval,
    Letters,
    Milestone,
    PhaseName,
    Plan,
    Reading,
    Rescue,
    Restraint,
    Sample,
    SamplePiece,
    Started,
    Status,
    Storage,
    Verdict,
    Vitals,
)

if TYPE_CHECKING:
    from babytrain.runs.state import RunState


@dataclass(frozen=True)
class Moment:
    """A run as it stood at `t`; `rows` of the step columns had been written by then. Cheap to make and to drop."""

    state: RunState
    t: float
    rows: int

    @property
    def started(self) -> Started | None:
        """The run's first event, None until the engine has said what it will train."""
        return self.state.started

    @property
    def step(self) -> int:
        """Finished optimizer steps."""
        made = int(self.state.steps.step[self.rows - 1]) if self.rows else 0
        resumed = self.state.resumes.last_until(self.t)
        if resumed is not None:
            return max(made, resumed.step)
        # A fork starts where it left its parent.
        return max(made, self.state.started.step if self.state.started else 0)

    @property
    def total_steps(self) -> int:
        """Planned optimizer steps, 0 when not known yet. A resume and a command may change the plan."""
        return self.dials.total_steps

    @property
    def dials(self) -> DialState:
        """Where the dials stood."""
        return self.state.dials.at(self.t).dials

    @property
    def plan(self) -> Plan | None:
        """What the session plans to do, None before the run started."""
        return self.state.dials.plan_at(self.t)

    @property
    def settings(self) -> Mapping[str, Any]:
        """The recorded settings with what resumes changed of them. Whoever edits a journal may write anything here."""
        config = self.state.started.config if self.state.started else {}
        changes = [one.changes for one in self.state.resumes.until(self.t) if one.changes]
        return dict(ChainMap(*reversed(changes), config)) if changes else config

    @property
    def epoch(self) -> float:
        """Passes over the training split so far."""
        started = self.state.started
        if started is None or started.steps_per_epoch <= 0:
            return 0.0
        return self.step / started.steps_per_epoch

    @property
    def tokens(self) -> int:
        """Tokens trained on so far."""
        return int(self.state.steps.tokens[self.rows - 1]) if self.rows else 0

    @property
    def loss(self) -> float | None:
        """Training loss of the newest step, nats per token."""
        return float(self.state.steps.loss[self.rows - 1]) if self.rows else None

    @property
    def learning_rate(self) -> float | None:
        """Learning rate of the newest step."""
        return float(self.state.steps.learning_rate[self.rows - 1]) if self.rows else None

    @property
    def gradient_norm(self) -> float | None:
        """Global gradient norm of the newest step, before clipping."""
        return float(self.state.steps.gradient_norm[self.rows - 1]) if self.rows else None

    def column(self, name: str) -> FloatColumn | IntColumn:
        """One column of the step table up to this moment, a view and not a copy."""
        column: FloatColumn | IntColumn = getattr(self.state.steps, name)
        return column[: self.rows]

    def tokens_per_second(self, window: int = 50) -> float | None:
        """Speed over the newest `window` steps, evaluation and sampling pauses left out."""
        first = max(0, self.rows - window)
        if self.rows - first < 2:
            return None
        steps = self.state.steps
        taken = steps.step_seconds[first + 1 : self.rows]
        gained = steps.tokens[first + 1 : self.rows] - steps.tokens[first : self.rows - 1]
        for resumed in self.state.resumes.until(self.t)[-window:]:
            # The step after a way back also counts the tokens of the steps that were given up.
            row = int(steps.step[first : self.rows].searchsorted(resumed.step, side="right"))
            if 0 < row <= len(gained):
                taken, gained = taken.copy(), gained.copy()
                taken[row - 1], gained[row - 1] = 0.0, 0
        seconds, tokens = float(taken.sum()), int(gained.sum())
        return tokens / seconds if seconds > 0 else None

    @property
    def evals(self) -> list[Eval]:
        """Evaluations so far, oldest first."""
        return self.state.evals.until(self.t)

    @property
    def best_eval(self) -> Eval | None:
        """The evaluation with the lowest finite validation loss."""
        finite = [event for event in self.evals if math.isfinite(event.val_loss)]
        return min(finite, key=lambda event: event.val_loss) if finite else None

    @property
    def samples(self) -> list[Sample]:
        """Generated texts so far, oldest first."""
        return self.state.samples.until(self.t)

    @property
    def sample_piece(self) -> SamplePiece | None:
        """The sample being written right now (live runs only)."""
        return self.state.sample_piece

    @property
    def letters(self) -> list[Letters]:
        """How well each symbol was predicted, oldest first."""
        return self.state.letters.until(self.t)

    @property
    def baselines(self) -> Baselines | None:
        """What models that only count reach on this corpus, None while they count."""
        return self.state.baselines.last_until(self.t)

    @property
    def milestones(self) -> list[Milestone]:
        """What happened for the first time so far."""
        return self.state.milestones.until(self.t)

    def reading_of(self, sample: Sample) -> Reading | None:
        """What the judges said of a sample, None while they read."""
        judged = reversed(self.state.readings.until(self.t))
        return next((one for one in judged if (one.sample_id, one.step) == (sample.sample_id, sample.step)), None)

    @property
    def vitals(self) -> Vitals | None:
        """The newest reading of the sensors."""
        return self.state.vitals.last_until(self.t)

    def recent_vitals(self, count: int) -> list[Vitals]:
        """The newest `count` sensor readings, oldest first."""
        end = self.state.vitals.count_until(self.t)
        return self.state.vitals.events[max(0, end - count) : end]

    @property
    def energy(self) -> Energy | None:
        """The electricity so far."""
        return self.state.energies.last_until(self.t)

    @property
    def restraints(self) -> list[Restraint]:
        """How the run held itself back so far, oldest first."""
        return self.state.restraints.until(self.t)

    @property
    def commands(self) -> list[Command]:
        """Commands so far: asked, applied and refused."""
        return self.state.commands.until(self.t)

    @property
    def checkpoints(self) -> list[Checkpoint]:
        """Checkpoints so far that a resume has not superseded."""
        return self.state.checkpoints.until(self.t)

    @property
    def failing_storage(self) -> list[Storage]:
        """What cannot be written now, each with since when, oldest first. A new session begins without trouble."""
        begun = max((one.t for one in self.state.resumes.until(self.t) if not one.within), default=-math.inf)
        newest = {event.what: event for event in self.state.storage.until(self.t) if event.t > begun}
        return [event for event in newest.values() if event.failing]

    @property
    def rescues(self) -> list[Rescue]:
        """What the guard noticed and did so far."""
        return self.state.rescues.until(self.t)

    @property
    def verdict(self) -> Verdict | None:
        """The newest diagnosis, with its newest figures."""
        given, restated = self.state.verdicts.last_until(self.t), self.state.restated.last_until(self.t)
        return restated if given is None or (restated is not None and restated.t >= given.t) else given

    @property
    def phase(self) -> PhaseName:
        """What the engine was doing."""
        event = self.state.phases.last_until(self.t)
        return event.phase if event else "loading"

    @property
    def ended(self) -> Ended | None:
        """How the run ended, None while it runs (also when it ended once and was resumed since)."""
        ended = self.state.endings.last_until(self.t)
        resumed = self.state.resumes.last_until(self.t)
        if ended is None or (resumed is not None and resumed.t >= ended.t):
            return None
        return ended

    @property
    def status(self) -> Status:
        """`training`, or how it ended."""
        return self.ended.status if self.ended else "training"
