"""What the earlier sessions of a run left to the one that goes on with it, read from the journal."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from babytrain.runs.energy.measurement import GAP_INTERVALS, SENSOR_INTERVAL_SECONDS
from babytrain.runs.events import Baselines, Energy, Eval, Step
from babytrain.runs.journal import read_journal
from babytrain.runs.state.elapsed_time import paused_seconds
from babytrain.runs.state.live_feed import LiveFeed
from babytrain.runs.state.run_state import RunState
from babytrain.runs.store.folder import RunFolder
from babytrain.runs.store.summary import read_summary


@dataclass(frozen=True)
class ResumeHistory:
    """`first_step` is where the run's own steps begin, `held_seconds` how long it was paused or rested so far."""

    evaluations: tuple[Eval, ...] = ()
    first_step: int = 0
    last_t: float = 0.0
    held_seconds: float = 0.0
    energy: Energy | None = None
    milestones: frozenset[str] = frozenset()  # the names of those that were reached
    baselines: Baselines | None = None


def read_history(folder: RunFolder, feed: LiveFeed, step: int) -> ResumeHistory:
    """Give the feed what the journal holds, so that the screen of a run resumed at `step` shows its past."""
    contents = read_journal(folder.journal)
    state = RunState(steps=feed.steps)
    state.apply_all(contents.events)
    state.steps.drop_after(step)
    for event in contents.events:
        if not isinstance(event, Step):
            feed.events.put(event)
    state.evals.drop_after_step(step)
    return ResumeHistory(
        evaluations=tuple(state.evals.events),
        first_step=state.started.step if state.started is not None else 0,
        last_t=state.last_t,
        held_seconds=paused_seconds(state),
        energy=_energy_so_far(state),
        milestones=frozenset(event.name for event in state.milestones.events),
        baselines=state.baselines.events[-1] if state.baselines.events else None,
    )


def _energy_so_far(state: RunState) -> Energy:
    """The newest on record, with what came after it as unmeasured: all of a run from before there was a meter."""
    energy = state.energies.events[-1] if state.energies.events else Energy(t=0.0, step=0, joules=0.0)
    silent = state.last_t - energy.t
    if silent <= GAP_INTERVALS * SENSOR_INTERVAL_SECONDS:
        return energy
    return msgspec.structs.replace(energy, unmeasured_seconds=energy.unmeasured_seconds + silent)


def ended_in_order(folder: RunFolder) -> bool:
    """Whether the newest session of a run ended in order, which one that was killed after its last step did not."""
    _, state = read_summary(folder)
    return state is not None and state.at().ended is not None
