"""RunState: events in, what the screen shows out. The only reducer there is.

`RunState` holds the whole run; a `Moment` is that run as it stood at a time `t`. Since everything is kept in order of
`t`, a moment is a handful of counts found by bisection: seeking in a replay is slicing, never a re-run.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

from babytrain.runs.columns import StepColumns
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
    Exam,
    Letters,
    Milestone,
    Note,
    Phase,
    Plan,
    Predicted,
    Reading,
    Rescue,
    Restraint,
    Resumed,
    Sample,
    SamplePiece,
    Started,
    Step,
    Storage,
    Verdict,
    Vitals,
)
from babytrain.runs.moment import Moment
from babytrain.runs.timeline import MOST_LETTERS, Timeline, append_thinned

__all__ = ["Moment", "RunState", "Timeline"]


@dataclass
class RunState:
    """A whole run, built by `apply`. `bad_lines` and `unknown_lines` are filled by whoever read the journal."""

    steps: StepColumns = field(default_factory=StepColumns)
    shares_steps: bool = False  # True when the engine of this process writes `steps` itself
    started: Started | None = None
    evals: Timeline[Eval] = field(default_factory=Timeline)
    samples: Timeline[Sample] = field(default_factory=Timeline)
    readings: Timeline[Reading] = field(default_factory=Timeline)
    letters: Timeline[Letters] = field(default_factory=Timeline)
    baselines: Timeline[Baselines] = field(default_factory=Timeline)
    milestones: Timeline[Milestone] = field(default_factory=Timeline)
    predictions: Timeline[Predicted] = field(default_factory=Timeline)
    canaries: Timeline[Canaries] = field(default_factory=Timeline)
    exams: Timeline[Exam] = field(default_factory=Timeline)
    vitals: Timeline[Vitals] = field(default_factory=Timeline)
    energies: Timeline[Energy] = field(default_factory=Timeline)
    restraints: Timeline[Restraint] = field(default_factory=Timeline)
    commands: Timeline[Command] = field(default_factory=Timeline)
    dials: DialHistory = field(default_factory=DialHistory)
    checkpoints: Timeline[Checkpoint] = field(default_factory=Timeline)
    storage: Timeline[Storage] = field(default_factory=Timeline)
    rescues: Timeline[Rescue] = field(default_factory=Timeline)
    verdicts: Timeline[Verdict] = field(default_factory=Timeline)
    restated: Timeline[Verdict] = field(default_factory=Timeline)  # verdicts said again, with newer figures
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
            case Reading():
                self.readings.append(event)
            case Letters():
                if not self._is_taken_back(event):
                    append_thinned(self.letters, event, MOST_LETTERS)
            case Baselines():
                self.baselines.append(event)
            case Milestone():
                self.milestones.append(event)
            case Predicted():
                self.predictions.append(event)
            case Canaries():
                self.canaries.append(event)
            case Exam():
                self.exams.append(event)
            case Vitals():
                append_thinned(self.vitals, event)
            case Energy():
                append_thinned(self.energies, event)
            case Restraint():
                self.restraints.append(event)
            case Command():
                self.commands.append(event)
                self.dials.add(event)
            case Plan():
                self.dials.add(event)
            case Checkpoint():
                self.checkpoints.append(event)
            case Storage():
                self.storage.append(event)
            case Rescue():
                self.rescues.append(event)
            case Verdict():
                if event.again:
                    append_thinned(self.restated, event)
                else:
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
                self.dials.add(event)

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
        self.readings.drop_after_step(event.step)
        self.letters.drop_after_step(event.step)
        self.checkpoints.drop_after_step(event.step)
        self.resumes.append(event)
        self.dials.add(event)

    def _is_taken_back(self, event: Letters) -> bool:
        """Whether the run has gone back beyond the evaluation it is of: letters are counted a little later."""
        newest = self.resumes.events[-1] if self.resumes.events else None
        if newest is None or event.step <= newest.step:
            return False
        return all(evaluation.step != event.step for evaluation in reversed(self.evals.events))

    def at(self, t: float = math.inf) -> Moment:
        """The run as it stood at `t` seconds of running time; without `t`, as it stands now."""
        rows = self.steps.count if t == math.inf else self.steps.rows_until(t)
        now = t
        if t == math.inf:
            now = max(self.last_t, float(self.steps.t[rows - 1]) if rows else 0.0)
        return Moment(state=self, t=now, rows=rows)
