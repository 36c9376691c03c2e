"""RunState: every event of a run, reduced. RunSnapshot: that run as it was at a time."""

from __future__ import annotations

import math
from collections import ChainMap
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from babytrain.runs.dials.dial_state import DialState
from babytrain.runs.dials.history import DialHistory
from babytrain.runs.events import (
    AnyEvent,
    Baselines,
    Canaries,
    Checkpoint,
    Command,
    Ended,
    Energy,
    Eval,
    Event,
    FinalEvaluation,
    GuardEvent,
    Letters,
    LogMessage,
    Milestone,
    Phase,
    PhaseName,
    Plan,
    PolicyEvent,
    Predicted,
    Resumed,
    RunStatus,
    Sample,
    SamplePiece,
    Started,
    Step,
    Storage,
    TextMetrics,
    Verdict,
    Vitals,
)
from babytrain.runs.events.timeline import MAX_LETTERS, MAX_RESUMES, MAX_VITALS, Timeline
from babytrain.runs.state.columns import FloatColumn, IntColumn, StepColumns

NEWEST_EVALS = 100  # among which is the one that letters are counted of


@dataclass(frozen=True)
class RunSnapshot:
    """A run as it was at `t`, with `rows` of the step columns. Cheap to make."""

    state: RunState
    t: float
    rows: int

    @property
    def started(self) -> Started | None:
        """The run's first event, None before it."""
        return self.state.started

    @property
    def step(self) -> int:
        """Finished optimizer steps."""
        steps, rows = self._newest_steps()
        made = int(steps.step[rows - 1]) if rows else 0
        if steps is not self.state.steps:
            return made
        resumed = self.state.resumes.last_until(self.t)
        if resumed is not None:
            return max(made, resumed.step)
        # A fork starts at a step of its parent.
        return max(made, self.state.started.step if self.state.started else 0)

    @property
    def total_steps(self) -> int:
        """Planned optimizer steps, 0 when unknown. Resumes and commands may change them."""
        return self.dials.total_steps

    @property
    def dials(self) -> DialState:
        """The positions of the dials."""
        return self.state.dials.at(self.t).dials

    @property
    def plan(self) -> Plan | None:
        """The plan of the session, None before the run started."""
        return self.state.dials.plan_at(self.t)

    @property
    def settings(self) -> Mapping[str, Any]:
        """The recorded settings with the changes of resumes; in an edited journal, of any type."""
        config = self.state.started.config if self.state.started else {}
        changes = [resumed.changes for resumed in self.state.resumes.until(self.t) if resumed.changes]
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
        steps, rows = self._newest_steps()
        return int(steps.tokens[rows - 1]) if rows else 0

    @property
    def loss(self) -> float | None:
        """Training loss of the newest step, nats per token."""
        steps, rows = self._newest_steps()
        return float(steps.loss[rows - 1]) if rows else None

    @property
    def learning_rate(self) -> float | None:
        """Learning rate of the newest step."""
        steps, rows = self._newest_steps()
        return float(steps.learning_rate[rows - 1]) if rows else None

    @property
    def gradient_norm(self) -> float | None:
        """Global gradient norm of the newest step, before clipping."""
        steps, rows = self._newest_steps()
        return float(steps.gradient_norm[rows - 1]) if rows else None

    def branches(self) -> list[tuple[StepColumns, int]]:
        """What rollbacks and resumes left behind, with the rows made by now; the first row is where it branches off."""
        found = ((branch, branch.rows_until(self.t)) for branch in self.state.steps.left_behind)
        return [(branch, rows) for branch, rows in found if rows > 1]

    def _newest_steps(self) -> tuple[StepColumns, int]:
        """The steps with the newest one, and their rows: in a replay it may be one that was left behind later."""
        steps, resumed = self.state.steps, self.state.resumes.last_until(self.t)
        if self.state.shares_steps:
            return steps, self.rows  # a live run is never in a branch
        since = max(resumed.t if resumed is not None else -math.inf, steps.t[self.rows - 1] if self.rows else -math.inf)
        newer = [(branch, rows) for branch, rows in self.branches() if branch.t[rows - 1] > since]
        return newer[-1] if newer else (steps, self.rows)

    def column(self, name: str) -> FloatColumn | IntColumn:
        """One column of the step table up to this moment, as a view."""
        column: FloatColumn | IntColumn = getattr(self.state.steps, name)
        return column[: self.rows]

    def tokens_per_second(self, window: int = 50) -> float | None:
        """Speed over the newest `window` steps, without evaluations and sampling."""
        first = max(0, self.rows - window)
        if self.rows - first < 2:
            return None
        steps = self.state.steps
        taken = steps.step_seconds[first + 1 : self.rows]
        gained = steps.tokens[first + 1 : self.rows] - steps.tokens[first : self.rows - 1]
        for resumed in self.state.resumes.until(self.t)[-window:]:
            # The step after a rollback also counts the tokens of the discarded steps.
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
        """The sample being written now (live runs only)."""
        piece = self.state.sample_piece
        return None if piece is None or piece.talk else piece

    @property
    def letters(self) -> list[Letters]:
        """How well each symbol was predicted, oldest first."""
        return self.state.letters.until(self.t)

    @property
    def milestones(self) -> list[Milestone]:
        """What happened for the first time so far."""
        return self.state.milestones.until(self.t)

    def text_metrics_of(self, sample: Sample) -> TextMetrics | None:
        """The metrics of a sample's text, None until they are computed."""
        newest_first = self.state.text_metrics.newest_first(self.t)
        return next((m for m in newest_first if (m.sample_id, m.step) == (sample.sample_id, sample.step)), None)

    @property
    def vitals(self) -> Vitals | None:
        """The newest sensor readings."""
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
    def failing_storage(self) -> list[Storage]:
        """What cannot be written now, and since when, oldest first. A new session begins with none."""
        begun = max(self.later_session_starts, default=-math.inf)
        newest = {event.what: event for event in self.state.storage.until(self.t) if event.t > begun}
        return [event for event in newest.values() if event.failing]

    @property
    def later_session_starts(self) -> list[float]:
        """The start of each session but the first, in seconds of running time."""
        return [resumed.t for resumed in self.state.resumes.until(self.t) if not resumed.rollback]

    @property
    def verdict(self) -> Verdict | None:
        """The newest diagnosis, with its newest figures; None after a rollback or resume, which it is not about."""
        timelines = (self.state.repeated_verdicts, self.state.verdicts)
        resumed = self.state.resumes.last_until(self.t)
        since = resumed.t if resumed is not None else -math.inf
        newest = [found for timeline in timelines if (found := timeline.last_until(self.t)) and found.t >= since]
        return max(newest, key=lambda verdict: verdict.t, default=None)

    @property
    def phase(self) -> PhaseName:
        """What the engine was doing."""
        event = self.state.phases.last_until(self.t)
        return event.phase if event else "loading"

    @property
    def ended(self) -> Ended | None:
        """How the run ended, None while it runs or after it was resumed."""
        ended = self.state.session_ends.last_until(self.t)
        resumed = self.state.resumes.last_until(self.t)
        if ended is None or (resumed is not None and resumed.t >= ended.t):
            return None
        return ended

    @property
    def status(self) -> RunStatus:
        """`training`, or how it ended."""
        return self.ended.status if self.ended else "training"


# The timeline of `RunState` for each kind of event that has one.
_TIMELINES: Mapping[type[Event], str] = {
    Eval: "evals",
    Sample: "samples",
    TextMetrics: "text_metrics",
    Letters: "letters",
    Baselines: "baselines",
    Milestone: "milestones",
    Predicted: "predictions",
    Canaries: "canaries",
    FinalEvaluation: "final_evaluations",
    Vitals: "vitals",
    Energy: "energies",
    PolicyEvent: "policy_events",
    Command: "commands",
    Checkpoint: "checkpoints",
    Storage: "storage",
    GuardEvent: "guard_events",
    Verdict: "verdicts",
    Phase: "phases",
    LogMessage: "log_messages",
    Resumed: "resumes",
    Ended: "session_ends",
}


@dataclass
class RunState:
    """A whole run, built by `apply`. The reader of the journal counts `bad_lines` and `unknown_lines`."""

    steps: StepColumns = field(default_factory=StepColumns)
    shares_steps: bool = False  # True when the engine of this process writes `steps`
    started: Started | None = None
    evals: Timeline[Eval] = field(default_factory=Timeline)
    samples: Timeline[Sample] = field(default_factory=Timeline)
    replies: Timeline[Sample] = field(default_factory=Timeline)  # on the talk screen
    text_metrics: Timeline[TextMetrics] = field(default_factory=Timeline)
    letters: Timeline[Letters] = field(default_factory=lambda: Timeline(MAX_LETTERS))
    baselines: Timeline[Baselines] = field(default_factory=Timeline)
    milestones: Timeline[Milestone] = field(default_factory=Timeline)
    predictions: Timeline[Predicted] = field(default_factory=Timeline)
    canaries: Timeline[Canaries] = field(default_factory=Timeline)
    final_evaluations: Timeline[FinalEvaluation] = field(default_factory=Timeline)
    vitals: Timeline[Vitals] = field(default_factory=lambda: Timeline(MAX_VITALS))
    energies: Timeline[Energy] = field(default_factory=lambda: Timeline(MAX_VITALS))
    policy_events: Timeline[PolicyEvent] = field(default_factory=Timeline)
    commands: Timeline[Command] = field(default_factory=Timeline)
    dials: DialHistory = field(default_factory=DialHistory)
    checkpoints: Timeline[Checkpoint] = field(default_factory=Timeline)
    storage: Timeline[Storage] = field(default_factory=Timeline)
    guard_events: Timeline[GuardEvent] = field(default_factory=Timeline)
    verdicts: Timeline[Verdict] = field(default_factory=Timeline)
    repeated_verdicts: Timeline[Verdict] = field(default_factory=lambda: Timeline(MAX_VITALS))  # with newer figures
    phases: Timeline[Phase] = field(default_factory=Timeline)
    log_messages: Timeline[LogMessage] = field(default_factory=Timeline)
    resumes: Timeline[Resumed] = field(default_factory=Timeline)
    session_ends: Timeline[Ended] = field(default_factory=Timeline)
    sample_piece: SamplePiece | None = None
    last_t: float = 0.0
    bad_lines: int = 0
    unknown_lines: int = 0

    def apply_all(self, events: Iterable[AnyEvent]) -> None:
        """Apply events in order."""
        for event in events:
            self.apply(event)

    def apply(self, event: AnyEvent) -> None:
        """Apply the next event; steps are ignored when the engine of this process writes the columns."""
        if event.t > self.last_t:
            self.last_t = event.t
        match event:
            case Step():
                if not self.shares_steps:
                    self.steps.append_step(event)
                return
            case SamplePiece():
                self.sample_piece = event
                return
            case Verdict(repeated=True):
                self.repeated_verdicts.append(event)
                return
            case Sample(talk=True):
                self.replies.append(event)
                self.sample_piece = None
                return
            case Letters() if self._is_superseded(event):
                return
            case Resumed() if len(self.resumes) >= MAX_RESUMES:
                self.bad_lines += 1
                return
            case Started():
                self.started = event
            case Sample() | Ended():
                self.sample_piece = None
            case Resumed():
                self._supersede_after(event.step)
        if isinstance(event, Started | Plan | Resumed | Command):
            self.dials.add(event)
        if type(event) in _TIMELINES:
            getattr(self, _TIMELINES[type(event)]).append(event)

    def _supersede_after(self, step: int) -> None:
        """Drop what a resume from `step` supersedes; commands stay on record."""
        if not self.shares_steps:
            self.steps.drop_after(step)
        for timeline in (self.evals, self.samples, self.text_metrics, self.letters, self.checkpoints):
            timeline.drop_after_step(step)

    def _is_superseded(self, event: Letters) -> bool:
        """Whether the evaluation of these letters was superseded before they were counted."""
        newest = self.resumes.events[-1] if self.resumes.events else None
        if newest is None or event.step <= newest.step:
            return False
        newest_evals = islice(reversed(self.evals.events), NEWEST_EVALS)
        return all(evaluation.step != event.step for evaluation in newest_evals)

    def at(self, t: float = math.inf) -> RunSnapshot:
        """The run at `t` seconds of running time, by default now."""
        rows = self.steps.count if t == math.inf else self.steps.rows_until(t)
        now = t
        if t == math.inf:
            now = max(self.last_t, float(self.steps.t[rows - 1]) if rows else 0.0)
        return RunSnapshot(state=self, t=now, rows=rows)
