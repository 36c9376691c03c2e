"""A run that is to take so many minutes: how many steps will fit. Pure."""

from __future__ import annotations

FEWEST_STEPS = 10  # made, before the speed is worth a plan
WORTH_A_TURN = 0.01


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
    return planned if abs(planned - total_steps) > WORTH_A_TURN * planned else None
