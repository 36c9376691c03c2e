"""RunState: events in, what the screen shows out. The only reducer there is.

`RunState` holds the whole run; a `Moment` is that run as it stood at a time `t`. Since everything is kept in order of
`t`, a moment is a handful of counts found by bisection: seeking in a replay is slicing, never a re-run.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from babytrain.runs.columns import FloatColumn, IntColumn, StepColumns
from babytrain.runs.events import (
    AnyEvent,
    Checkpoint,
    Command,
    Ended,
    Eval,
    Event,
    Note,
    Phase,
    PhaseName,
    Rescue,
    Resumed,
    Sample,
    SamplePiece,
    Started,
    Status,
    Step,
    Verdict,
    Vitals,
)

E = TypeVar("E", bound=Event)
MOST_VITALS = 14_400  # four hours of readings at one a second; older ones are thinned out


class Timeline(Generic[E]):
    """Events of one kind in order of time."""

    def __init__(self) -> None:
        self.events: list[E] = []
        self._times: list[float] = []

    def __len__(self) -> int:
        return len(self.events)

    def append(self, event: E) -> None:
        """Add an event; one that claims an earlier time than the last is filed at the last one's time."""
        self.events.append(event)
        self._times.append(max(event.t, self._times[-1]) if self._times else event.t)

    def count_until(self, t: float) -> int:
        """How many events happened at or before `t`."""
        return bisect.bisect_right(self._times, t)

    def last_until(self, t: float) -> E | None:
        """The newest event at or before `t`."""
        count = self.count_until(t)
        return self.events[count - 1] if count else None

    def until(self, t: float) -> list[E]:
        """All events at or before `t`, oldest first."""
        return self.events[: self.count_until(t)]

    def thin_older_half(self) -> None:
        """Forget every second event of the older half, so that a long run's memory stays bounded."""
        half = len(self.events) // 2
        self.events[:half] = self.events[:half:2]
        self._times[:half] = self._times[:half:2]

    def drop_after_step(self, step: int) -> None:
        """Forget events of later steps: a resume superseded them."""
        kept = [(event, t) for event, t in zip(self.events, self._times, strict=True) if event.step <= step]
        self.events = [event for event, _ in kept]
        self._times = [t for _, t in kept]


@dataclass
class RunState:
    """A whole run, built by `apply`. `bad_lines` and `unknown_lines` are filled by whoever read the journal."""

    steps: StepColumns = field(default_factory=StepColumns)
    shares_steps: bool = False  # True when the engine of this process writes `steps` itself
    started: Started | None = None
    evals: Timeline[Eval] = field(default_factory=Timeline)
    samples: Timeline[Sample] = field(default_factory=Timeline)
    vitals: Timeline[Vitals] = field(default_factory=Timeline)
    commands: Timeline[Command] = field(default_factory=Timeline)
    replans: Timeline[Command] = field(default_factory=Timeline)  # the applied `total_steps` commands among them
    checkpoints: Timeline[Checkpoint] = field(default_factory=Timeline)
    rescues: Timeline[Rescue] = field(default_factory=Timeline)
    verdicts: Timeline[Verdict] = field(default_factory=Timeline)
    phases: Timeline[Phase] = field(default_factory=Timeline)
    notes: Timeline[Note] = field(default_factory=Timeline)
    resumes: Timeline[Resumed] = field(default_factory=Timeline)
    endings: Timeline[Ended] = field(default_factory=Timeline)
    sample_piece: SamplePiece | None = None
    last_t: float = 0.0
    bad_lines: int = 0
    unknown_lines: int = 0

    def apply_all(self, events: Iterable[AnyEvent]) -> None:
        """Apply events in order."""
        for event in events:
            self.apply(event)

    def apply(self, event: AnyEvent) -> None:
        """Take one event in. Steps come here only when they do not already stand in shared columns."""
        if event.t > self.last_t:
            self.last_t = event.t
        match event:
            case Step():
                self._apply_step(event)
            case Eval():
                self.evals.append(event)
            case SamplePiece():
                self.sample_piece = event
            case Sample():
                self.samples.append(event)
                self.sample_piece = None
            case Vitals():
                self.vitals.append(event)
                if len(self.vitals) > MOST_VITALS:
                    self.vitals.thin_older_half()
            case Command():
                self.commands.append(event)
                if event.action == "total_steps" and event.status == "applied" and math.isfinite(event.after or 0.0):
                    self.replans.append(event)
            case Checkpoint():
                self.checkpoints.append(event)
            case Rescue():
                self.rescues.append(event)
            case Verdict():
                self.verdicts.append(event)
            case Phase():
                self.phases.append(event)
            case Note():
                self.notes.append(event)
            case Resumed():
                self._apply_resumed(event)
            case Ended():
                self.endings.append(event)
                self.sample_piece = None
            case Started():
                self.started = event

    def _apply_step(self, event: Step) -> None:
        if self.shares_steps:
            return
        self.steps.append_step(event)

    def _apply_resumed(self, event: Resumed) -> None:
        """Steps, evaluations and samples after the checkpoint are superseded; what a person did stays on record."""
        if not self.shares_steps:
            self.steps.drop_after(event.step)
        self.evals.drop_after_step(event.step)
        self.samples.drop_after_step(event.step)
        self.checkpoints.drop_after_step(event.step)
        self.resumes.append(event)

    def at(self, t: float = math.inf) -> Moment:
        """The run as it stood at `t` seconds of running time; without `t`, as it stands now."""
        rows = self.steps.count if t == math.inf else self.steps.rows_until(t)
        now = t
        if t == math.inf:
            now = max(self.last_t, float(self.steps.t[rows - 1]) if rows else 0.0)
        return Moment(state=self, t=now, rows=rows)


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
        if self.rows:
            return int(self.state.steps.step[self.rows - 1])
        resumed = self.state.resumes.last_until(self.t)
        if resumed is not None:
            return resumed.step
        return self.state.started.step if self.state.started else 0  # a fork starts where it left its parent

    @property
    def total_steps(self) -> int:
        """Planned optimizer steps, 0 when not known yet. A resume and a command may change the plan."""
        resumed = self.state.resumes.last_until(self.t)
        replanned = self.state.replans.last_until(self.t)
        if replanned is not None and (resumed is None or replanned.t > resumed.t):
            return int(replanned.after or 0)
        if resumed is not None:
            return resumed.total_steps
        return self.state.started.total_steps if self.state.started else 0

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
    def vitals(self) -> Vitals | None:
        """The newest reading of the sensors."""
        return self.state.vitals.last_until(self.t)

    def recent_vitals(self, count: int) -> list[Vitals]:
        """The newest `count` sensor readings, oldest first."""
        end = self.state.vitals.count_until(self.t)
        return self.state.vitals.events[max(0, end - count) : end]

    @property
    def commands(self) -> list[Command]:
        """Commands so far: asked, applied and refused."""
        return self.state.commands.until(self.t)

    @property
    def checkpoints(self) -> list[Checkpoint]:
        """Checkpoints so far that a resume has not superseded."""
        return self.state.checkpoints.until(self.t)

    @property
    def rescues(self) -> list[Rescue]:
        """What the guard noticed and did so far."""
        return self.state.rescues.until(self.t)

    @property
    def verdict(self) -> Verdict | None:
        """The newest diagnosis."""
        return self.state.verdicts.last_until(self.t)

    def recent_notes(self, count: int) -> list[Note]:
        """The newest `count` log lines, oldest first."""
        end = self.state.notes.count_until(self.t)
        return self.state.notes.events[max(0, end - count) : end]

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
