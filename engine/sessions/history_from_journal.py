"""Reads from the journal what a resumed run needs of its earlier sessions."""

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
    """`first_step` is where the run's own steps begin, `held_seconds` the time in pauses and rests so far."""

    evaluations: tuple[Eval, ...] = ()
    first_step: int = 0
    last_t: float = 0.0
    held_seconds: float = 0.0
    energy: Energy | None = None
    milestones: frozenset[str] = frozenset()  # the names of those that were reached
    baselines: Baselines | None = None


def read_history(folder: RunFolder, feed: LiveFeed, step: int) -> ResumeHistory:
    """Read the journal of a run resumed at `step`, and publish it on the feed for the screen."""
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
    """The newest recorded energy, with the time after it as unmeasured."""
    energy = state.energies.events[-1] if state.energies.events else Energy(t=0.0, step=0, joules=0.0)
    silent = state.last_t - energy.t
    if silent <= GAP_INTERVALS * SENSOR_INTERVAL_SECONDS:
        return energy
    return msgspec.structs.replace(energy, unmeasured_seconds=energy.unmeasured_seconds + silent)


def ended_in_order(folder: RunFolder) -> bool:
    """Whether the newest session of a run recorded its end; it does not if killed after its last step."""
    _, state = read_summary(folder)
    return state is not None and state.at().ended is not None
