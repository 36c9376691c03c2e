"""Every event of a run, and every command a person can give it.

- `t` is seconds of running time since the run first started, monotonic; a resume continues from the last `t`.
- `step` is the number of finished optimizer steps when the event happened.
- Losses are in nats per token. All other units are part of the names.
- `SamplePiece` and `Predicted` never reach the journal: the `Sample` after a piece holds the whole text, and a
  prediction is an answer for the screen.
"""

from __future__ import annotations

from typing import TypeAlias

from babytrain.runs.events.base import SCHEMA_VERSION, Event
from babytrain.runs.events.control import (
    Command,
    CommandAction,
    GuardCause,
    GuardEvent,
    GuardOutcome,
    Request,
    SuggestedCommand,
    Verdict,
    VerdictName,
)
from babytrain.runs.events.machine import (
    Energy,
    EnergyQuality,
    EnergyScope,
    EnergySource,
    Fan,
    GpuReading,
    HostReading,
    PolicyCause,
    PolicyEvent,
    PolicyOutcome,
    Vitals,
)
from babytrain.runs.events.samples import (
    Baselines,
    Canaries,
    CanaryExposure,
    Confusion,
    FinalEvaluation,
    Letters,
    Milestone,
    Predicted,
    Sample,
    SamplePiece,
    TextMetrics,
)
from babytrain.runs.events.training import (
    Checkpoint,
    CorpusInfo,
    Ended,
    Eval,
    LogLevel,
    LogMessage,
    Phase,
    PhaseName,
    Plan,
    RatePlan,
    Resumed,
    RunStatus,
    Started,
    Step,
    Storage,
)

AnyEvent: TypeAlias = (
    Started
    | Plan
    | Step
    | Eval
    | SamplePiece
    | Sample
    | TextMetrics
    | Letters
    | Baselines
    | Milestone
    | Predicted
    | Canaries
    | FinalEvaluation
    | Vitals
    | Energy
    | PolicyEvent
    | Command
    | Checkpoint
    | Storage
    | GuardEvent
    | Verdict
    | Phase
    | LogMessage
    | Resumed
    | Ended
)
