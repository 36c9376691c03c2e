"""Every event of a run, and every command a person can give it.

A run is a stream of these. The engine makes them, the journal keeps them one a line, the screen shows them; live,
attached and replayed runs differ only in where the stream comes from. Choices worth knowing:

- `t` is seconds of running time since the run first started, monotonic; a resume goes on from the last `t`, so
  hours spent switched off never show up on a time axis.
- `step` is the number of finished optimizer steps when the event happened.
- Losses are in nats per token. Units stand in the names of everything else.
- `SamplePiece` is the only event that never reaches the journal: it is a sample being typed, the `Sample` that
  follows it holds the whole text.
"""

from __future__ import annotations

from typing import TypeAlias

from babytrain.runs.events.base import Event
from babytrain.runs.events.machine import Energy, EnergySource, Fan, GpuReading, HostReading, Restraint, Vitals
from babytrain.runs.events.steering import Advice, Command, Request, Rescue, Verdict
from babytrain.runs.events.training import (
    Checkpoint,
    CorpusFacts,
    Ended,
    Eval,
    Note,
    Phase,
    Plan,
    RatePlan,
    Resumed,
    Started,
    Step,
    Storage,
)
from babytrain.runs.events.words import (
    SCHEMA_VERSION,
    CommandAction,
    CommandStatus,
    EnergyQuality,
    EnergyScope,
    NoteLevel,
    PhaseName,
    RescueCause,
    RescueDeed,
    RestraintCause,
    RestraintDeed,
    Status,
    StorageName,
    VerdictName,
)
from babytrain.runs.events.writing import (
    Baselines,
    Canaries,
    CanaryExposure,
    Confusion,
    Exam,
    Letters,
    Milestone,
    Predicted,
    Reading,
    Sample,
    SamplePiece,
)

__all__ = [
    "SCHEMA_VERSION",
    "Advice",
    "AnyEvent",
    "Baselines",
    "Canaries",
    "CanaryExposure",
    "Checkpoint",
    "Command",
    "CommandAction",
    "CommandStatus",
    "Confusion",
    "CorpusFacts",
    "Ended",
    "Energy",
    "EnergyQuality",
    "EnergyScope",
    "EnergySource",
    "Eval",
    "Event",
    "Exam",
    "Fan",
    "GpuReading",
    "HostReading",
    "Letters",
    "Milestone",
    "Note",
    "NoteLevel",
    "Phase",
    "PhaseName",
    "Plan",
    "Predicted",
    "RatePlan",
    "Reading",
    "Request",
    "Rescue",
    "RescueCause",
    "RescueDeed",
    "Restraint",
    "RestraintCause",
    "RestraintDeed",
    "Resumed",
    "Sample",
    "SamplePiece",
    "Started",
    "Status",
    "Step",
    "Storage",
    "StorageName",
    "Verdict",
    "VerdictName",
    "Vitals",
]

AnyEvent: TypeAlias = (
    Started
    | Plan
    | Step
    | Eval
    | SamplePiece
    | Sample
    | Reading
    | Letters
    | Baselines
    | Milestone
    | Predicted
    | Canaries
    | Exam
    | Vitals
    | Energy
    | Restraint
    | Command
    | Checkpoint
    | Storage
    | Rescue
    | Verdict
    | Phase
    | Note
    | Resumed
    | Ended
)
