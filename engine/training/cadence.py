"""What is due at a step, and how many steps fit into a number of minutes. Pure."""

from __future__ import annotations

from typing import Literal, TypeAlias

from babytrain.engine.config.settings import TrainingSettings
from babytrain.runs.dials.state import DialState

Task: TypeAlias = Literal["diagnosis", "evaluation", "sample", "checkpoint"]

DIAGNOSIS_EVERY_STEPS = 50
FEWEST_STEPS = 10  # made, before the speed is worth a plan
WORTH_A_CHANGE = 0.01  # of the steps that are planned


def due_at(step: int, dials: DialState, config: TrainingSettings) -> set[Task]:
    """What is due when `step` has just been reached by making it; a cadence of 0 never fires."""
    cadences: dict[Task, int] = {
        "diagnosis": DIAGNOSIS_EVERY_STEPS,
        "evaluation": dials.eval_every,
        "sample": dials.sample_every,
        "checkpoint": config.checkpoint_every,
    }
    return {task for task, every in cadences.items() if every and step % every == 0}


def steps_that_fit(
    limit_seconds: float, worked_seconds: float, *, made: int, step: int, total_steps: int
) -> int | None:
    """Where the run will end at the speed so far, None where the plan may stay as it is.

    `worked_seconds` is running time without pauses and rests, evaluations and samples included, in which `made` steps
    were made; `step` is where the run stands.
    """
    if made < FEWEST_STEPS or not 0 < worked_seconds < limit_seconds:
        return None
    planned = step + max(1, int((limit_seconds - worked_seconds) * made / worked_seconds))
    return planned if abs(planned - total_steps) > WORTH_A_CHANGE * planned else None
