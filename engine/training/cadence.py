"""What is due at a step, and how many steps fit into a number of minutes. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from babytrain.engine.config import Config
from babytrain.runs.dials.state import DialState

DIAGNOSIS_EVERY_STEPS = 50
FEWEST_STEPS = 10  # made, before the speed is worth a plan
WORTH_A_CHANGE = 0.01  # of the steps that are planned


@dataclass(frozen=True)
class Due:
    """What is due at the step a run has just reached by making it. Each cadence fires once per step reached."""

    diagnosis: bool = False
    evaluation: bool = False
    sample: bool = False
    checkpoint: bool = False

    def __bool__(self) -> bool:
        return self.diagnosis or self.more_than_diagnosis

    @property
    def more_than_diagnosis(self) -> bool:
        """Whether the model is used or saved."""
        return self.evaluation or self.sample or self.checkpoint


NOTHING = Due()


def due_at(step: int, dials: DialState, config: Config) -> Due:
    """What is due at `step`; a cadence of 0 never is."""
    return Due(
        diagnosis=step % DIAGNOSIS_EVERY_STEPS == 0,
        evaluation=step % dials.eval_every == 0,
        sample=bool(dials.sample_every) and step % dials.sample_every == 0,
        checkpoint=bool(config.checkpoint_every) and step % config.checkpoint_every == 0,
    )


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
