"""The samples of a run as something to walk through: prompts, their texts in order, and where one stands. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from babytrain.runs.events import Reading, Sample
from babytrain.runs.state import RunState

Alignment = Literal["step", "share"]


@dataclass(frozen=True)
class ShownSample:
    """A sample with what is known about it. `run` is the name of its run where two are compared."""

    sample: Sample
    val_loss: float | None  # of the newest evaluation when it was written
    reading: Reading | None
    run: str = ""


def prompts_of(samples: Sequence[Sample]) -> list[str]:
    """The different prompts as they first came; those that only a person asked for come last."""
    own = dict.fromkeys(sample.prompt for sample in samples if not sample.asked)
    asked = dict.fromkeys(sample.prompt for sample in samples if sample.asked)
    return [*own, *(prompt for prompt in asked if prompt not in own)]


def with_prompt(samples: Sequence[Sample], prompt: str) -> list[Sample]:
    """The samples that go on from this prompt, in order."""
    return [sample for sample in samples if sample.prompt == prompt]


def nearest(samples: Sequence[Sample], step: float) -> Sample | None:
    """The sample written nearest to a step; of two as near the later one."""
    return min(reversed(samples), key=lambda sample: abs(sample.step - step), default=None)


def same_sample(first: Sample | None, second: Sample | None) -> bool:
    """Whether two are the same one, also when its journal was read again."""
    if first is None or second is None:
        return first is second
    return (first.sample_id, first.step, first.t) == (second.sample_id, second.step, second.t)


def known_of(state: RunState, sample: Sample, run: str = "") -> ShownSample:
    """A sample with its validation loss and what the judges said."""
    return ShownSample(sample, losses_when(state, [sample])[0], state.at().reading_of(sample), run)


def losses_when(state: RunState, samples: Sequence[Sample]) -> list[float | None]:
    """The validation loss of the newest evaluation when each of these was written, None before the first one."""
    newest = [state.evals.last_until(sample.t) for sample in samples]
    return [evaluation.val_loss if evaluation is not None else None for evaluation in newest]


def counterpart(state: RunState, other: RunState, sample: Sample, align: Alignment) -> Sample | None:
    """The sample of another run to hold against one of this run: of the same prompt if it has that, and written at
    the nearest step, or after the nearest share of the run."""
    theirs = other.samples.events
    same_prompt = with_prompt(theirs, sample.prompt)
    candidates = same_prompt or with_prompt(theirs, next(iter(prompts_of(theirs)), ""))
    step = float(sample.step)
    if align == "share":
        here, there = state.at().total_steps, other.at().total_steps
        step = sample.step / here * there if here > 0 else step
    return nearest(candidates, step)


def run_name(state: RunState) -> str:
    """What the run is called."""
    return state.started.name if state.started else "the run"
