"""Checks of the recent training losses: no progress, slow or healthy learning.

Only the newest rows are read, and of many rows a sample, so the cost does not grow with the run.
"""

from __future__ import annotations

import numpy as np

from babytrain.engine.diagnosis import verdicts
from babytrain.engine.diagnosis.observation import LEVEL_ROWS, Observation, median_level, step_number
from babytrain.engine.diagnosis.overfitting import NOISE_EVALUATIONS
from babytrain.engine.diagnosis.robust_statistics import Trend, evaluation_noise, finite_values, fit_trend
from babytrain.engine.diagnosis.verdicts import Diagnosis
from babytrain.runs.formatting import format_count, format_loss, format_share

STANDARD_ERRORS = 3.0
WINDOW_SHARE = 0.25  # of the rows so far, for recent trends
FEWEST_TREND_ROWS, USUAL_TREND_ROWS = 100, 200
DECAYED_SHARE = 0.5  # of the highest learning rate; below it the rate is not too high
PLATEAU_FALL = 0.0015  # of the loss over the window: less is a plateau, even where significant
FALLING_EVALUATIONS = 4
SLOW_PER_TENTH = 0.005  # of the loss per tenth of the run: hardly visible in samples


def recent_trend(observation: Observation, windows: int = 1) -> Trend | None:
    """The trend of the loss over the newest quarter of the rows, at least 200, times `windows`.

    The steep first steps are left out; None for fewer than 100 rows.
    """
    rows = min(windows * trend_rows(observation), observation.settled_rows)
    losses = finite_values(observation.tail("loss", rows))
    return fit_trend(losses) if len(losses) >= FEWEST_TREND_ROWS else None


def trend_rows(observation: Observation) -> int:
    """Rows of a trend: the newest quarter, at least 200."""
    return max(USUAL_TREND_ROWS, int(WINDOW_SHARE * observation.rows))


def steps_in(observation: Observation, rows: int) -> int:
    """Steps in the newest `rows` rows, at least 1: in a very long run a row is several steps."""
    first = max(0, observation.rows - rows)
    return max(1, observation.newest_step - step_number(observation.step[first]) + 1)


def measured_change(observation: Observation, rows: int) -> str:
    """`fell by 0.123 in 200 steps, to 1.234`: from medians of 16 losses at both ends, so nothing is extrapolated."""
    rows = min(rows, max(LEVEL_ROWS, observation.settled_rows))
    fall = median_level(observation.tail("loss", rows)[:LEVEL_ROWS]) - observation.level
    moved = "fell" if fall >= 0.0 else "rose"
    steps = format_count(steps_in(observation, rows))
    return f"{moved} by {format_loss(abs(fall))} in {steps} steps, to {format_loss(observation.level)}"


def find_plateau(observation: Observation, trend: Trend | None, *, repeated: bool) -> Diagnosis | None:
    """No improvement beyond noise over the newest quarter of the run. `repeated`: after the same verdict."""
    if trend is None:
        return None
    least = PLATEAU_FALL * abs(trend.level) * (2.0 if repeated else 1.0)
    if trend.fall > max(least, 2.0 * trend.error):
        return None
    gained = _gained_lately(observation)
    if gained is None:
        # Without evaluations the steps alone must be sure enough.
        if trend.fall + 2.0 * trend.error > 2.0 * least:
            return None
    elif gained[0] > least and (gained[0] > gained[1] or _falls_each_time(observation)):
        return None
    undecayed = observation.learning_rate_share >= DECAYED_SHARE
    halve = None
    if observation.floor is not None and trend.level < 1.1 * observation.floor:
        next_ = "It is as good as the text allows: stop."
    elif undecayed:
        next_ = "Halve the learning rate and see whether it falls again."
        halve = verdicts.suggest_learning_rate(observation, 0.5, "halve the learning rate")
    else:
        next_ = "Stop, or give the next run a larger model."
    return Diagnosis(
        "plateau",
        f"The loss {measured_change(observation, trend_rows(observation))}: no improvement beyond its noise.",
        next_,
        advice=halve or verdicts.SUGGEST_STOP,
        alternative=verdicts.SUGGEST_STOP if halve else None,
    )


def _falls_each_time(observation: Observation) -> bool:
    """Whether each of the newest evaluations is better than the one before: by chance one time in 24."""
    val = observation.evaluations.val
    return len(val) >= FALLING_EVALUATIONS and bool((np.diff(val[-FALLING_EVALUATIONS:]) < 0.0).all())


def _gained_lately(observation: Observation) -> tuple[float, float] | None:
    """Validation loss gained in the same window, and three standard errors of its noise; None with too few."""
    step, _, val, _ = observation.evaluations
    inside = int(np.searchsorted(step, (1.0 - WINDOW_SHARE) * observation.newest_step))
    if len(val) - inside < 2 or inside < 1 or len(val) < 4:
        return None
    earlier, later = float(np.median(val[max(0, inside - 1) : inside + 1])), float(np.median(val[-2:]))
    return earlier - later, STANDARD_ERRORS * evaluation_noise(val[-NOISE_EVALUATIONS:])


def describe_learning(observation: Observation, trend: Trend | None, *, repeated: bool) -> Diagnosis:
    """Learning, or slow when the gain per tenth of the run is tiny. `repeated`: the previous verdict was slow."""
    if trend is None:
        level = format_loss(observation.level)
        return Diagnosis("learning", f"The loss is {level} and on its way.", "Nothing to do.")
    rows = trend_rows(observation)
    covered = steps_in(observation, rows)
    tenth = max(1.0, (observation.total_steps or observation.newest_step) / 10.0)
    reducible = max(1e-9, abs(trend.level) - (observation.floor or 0.0))
    rate = trend.fall / covered * tenth / reducible
    why = f"The loss {measured_change(observation, rows)}"
    if rate + trend.error / covered * tenth / reducible > SLOW_PER_TENTH * (1.5 if repeated else 1.0):
        return Diagnosis("learning", why + ".", "Nothing to do.")
    if not trend.fall > 0.0:
        return Diagnosis("slow", why + ".", "Wait for the next evaluation: it is too noisy to say more.")
    undecayed = observation.learning_rate_share >= DECAYED_SHARE
    return Diagnosis(
        "slow",
        f"{why}: {format_share(rate)} to every tenth of the run.",
        "Try half as much learning rate again." if undecayed else "The learning rate is nearly spent: let it finish.",
        advice=verdicts.suggest_learning_rate(observation, 1.5, "learning rate × 1.5") if undecayed else None,
    )
