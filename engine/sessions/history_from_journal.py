"""Reads from the journal what a resumed run needs of its earlier sessions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from babytrain.engine.config.settings import Config
from babytrain.runs.dials.dial_state import DialState, initial_dials
from babytrain.runs.energy.measurement import GAP_INTERVALS, SENSOR_INTERVAL_SECONDS
from babytrain.runs.errors import RunsError
from babytrain.runs.events import Baselines, Energy, Eval, Started, Step
from babytrain.runs.formatting import format_factor, format_learning_rate
from babytrain.runs.journal import read_journal
from babytrain.runs.state.elapsed_time import paused_seconds
from babytrain.runs.state.live_feed import LiveFeed
from babytrain.runs.state.run_state import RunState
from babytrain.runs.store.folder import RunFolder
from babytrain.runs.store.run_list import run_folders
from babytrain.runs.store.summary import read_summary

_ENDS = ("steps", "minutes", "epochs")


@dataclass(frozen=True)
class ResumeHistory:
    """`first_step` is where the run's own steps begin, `held_seconds` the time in pauses and rests so far."""

    evaluations: tuple[Eval, ...] = ()
    first_step: int = 0
    last_t: float = 0.0
    samples_at_step: int = 0  # that were due at the step it goes on from and are on record
    last_sample_id: int = 0
    last_step: int = 0  # on record, which may be after that of the checkpoint
    held_seconds: float = 0.0
    energy: Energy | None = None
    milestones: frozenset[str] = frozenset()  # the names of those that were reached
    baselines: Baselines | None = None


def read_history(folder: RunFolder, feed: LiveFeed, step: int) -> ResumeHistory:
    """Read the journal of a run resumed at `step`, and publish it on the feed for the screen. Raises RunsError."""
    contents = read_journal(folder.journal)
    if not any(isinstance(event, Started) for event in contents.events):
        raise RunsError(
            f"The journal {folder.journal} does not say how the run started, so nothing can be added to it: "
            f"go on in a new run with `fork {folder.run_id} --at last`."
        )
    state = RunState(steps=feed.steps)
    state.apply_all(contents.events)
    last_step = state.at().step
    state.steps.drop_after(step)
    feed.history_t = state.last_t
    for event in contents.events:
        if not isinstance(event, Step):
            feed.events.put(event)
    state.evals.drop_after_step(step)
    return ResumeHistory(
        evaluations=tuple(state.evals.events),
        first_step=state.started.step if state.started is not None else 0,
        last_t=state.last_t,
        samples_at_step=sum(
            sample.step == step and not sample.requested and not sample.talk for sample in state.samples.events
        ),
        last_sample_id=max((sample.sample_id for sample in state.samples.events), default=0),
        last_step=last_step,
        held_seconds=paused_seconds(state),
        energy=_energy_so_far(state),
        milestones=frozenset(event.name for event in state.milestones.events),
        baselines=state.baselines.events[-1] if state.baselines.events else None,
    )


def milestones_until(folder: RunFolder, step: int) -> frozenset[str]:
    """The names of the milestones that a run, and before it the runs it was forked from, had reached at `step`.

    A parent that is gone or cannot be read adds none.
    """
    names: set[str] = set()
    known = {other.run_id: other for other in run_folders(folder.path.parent)} | {folder.run_id: folder}
    run_id = folder.run_id
    while (run := known.pop(run_id, None)) is not None:  # each run once: an edited journal may name itself
        _, state = read_summary(run)
        if state is None or state.started is None:
            break
        names.update(event.name for event in state.milestones.events if event.step <= step)
        run_id, step = state.started.parent, state.started.step
    return frozenset(names)


def lost_steps(step: int, problems: Sequence[str], last_step: int) -> list[str]:
    """What is lost when newer checkpoints than that of `step` cannot be read, with their `problems`."""
    if not problems or step >= last_step:
        return list(problems)
    start = "from the untrained model" if step == 0 else f"from step {step:,}"
    lost = f"step {last_step:,} is" if last_step == step + 1 else f"steps {step + 1:,} to {last_step:,} are"
    return [
        f"{lost[0].upper()}{lost[1:]} lost: no later checkpoint can be read, so the run goes on {start}.",
        *problems,
    ]


def resume_sentence(
    folder: RunFolder, checkpoint: str, step: int, dials: DialState, saved: Config, changes: Mapping[str, object]
) -> str:
    """Where a run goes on from, and which dials are not as the `saved` settings have them; `changes` come with it."""
    moved = dials.changed_from(initial_dials(saved.to_dict()))
    moved |= {name: str(value) for name, value in changes.items() if name not in (*moved, *_ENDS)}
    scale, hold = moved.pop("lr_scale", None), moved.pop("lr_hold", None)
    for name in ("total_steps", "beta2_windows", "rewarm_step", "rewarm_steps"):
        moved.pop(name, None)
    facts = [f"learning rate ×{format_factor(float(scale))}"] if isinstance(scale, float) else []
    facts += [f"learning rate held at {format_learning_rate(float(hold))}"] if isinstance(hold, float) else []
    facts += [f"{name} {value:g}" if isinstance(value, float) else f"{name} {value}" for name, value in moved.items()]
    where = f"{folder.name} goes on from step {step:,} of {dials.total_steps:,} (checkpoint {checkpoint})"
    return f"{where}, with {', '.join(facts) or 'all dials as its settings have them'}."


def _energy_so_far(state: RunState) -> Energy:
    """The newest recorded energy; the time after it counts as unmeasured."""
    energy = state.energies.events[-1] if state.energies.events else Energy(t=0.0, step=0, joules=0.0)
    silent = state.last_t - energy.t
    if silent <= GAP_INTERVALS * SENSOR_INTERVAL_SECONDS:
        return energy
    return msgspec.structs.replace(energy, unmeasured_seconds=energy.unmeasured_seconds + silent)


def ended_in_order(folder: RunFolder) -> bool:
    """Whether the newest session of a run recorded its end; it does not if killed after its last step."""
    _, state = read_summary(folder)
    return state is not None and state.at().ended is not None
