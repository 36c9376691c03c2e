"""The curves of a run, thinned so that no peak is lost: for each stretch the lowest, the highest and the mean."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from babytrain.runs.state import Moment
from babytrain.tui.widgets.envelope import bucket_extremes, bucket_means, bucket_rows

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Thinned:
    """A curve in at most so many stretches: `x` [N] their places, `low`, `high`, `mean` [N]; only finite numbers."""

    x: Floats
    low: Floats
    high: Floats
    mean: Floats

    def __len__(self) -> int:
        return len(self.x)


def thinned(x: npt.ArrayLike, low: npt.ArrayLike, high: npt.ArrayLike, mean: npt.ArrayLike, most: int) -> Thinned:
    """Thin a curve with ascending `x` [N] to at most `most` stretches; what is not a finite number is left out."""
    columns = [np.asarray(one, dtype=np.float64) for one in (x, low, high, mean)]
    usable = np.isfinite(np.stack(columns)).all(axis=0)
    xs, lows, highs, means = (one[usable] for one in columns)
    if len(xs) <= most:
        return Thinned(xs, lows, highs, means)
    rows = bucket_rows(xs, float(xs[0]), float(xs[-1]), most)
    extremes = bucket_extremes(lows, highs, rows)
    filled = np.diff(rows) > 0
    places = bucket_means(xs, rows)
    return Thinned(places[filled], extremes.low[filled], extremes.high[filled], bucket_means(means, rows)[filled])


def training_loss(moment: Moment, most: int, *, by_root: bool = False) -> Thinned:
    """The training loss over the steps; the range of merged steps counts as lowest and highest.

    `by_root` makes the stretches equal on a square-root scale of the steps.
    """
    steps, low, high, mean = (moment.column(name) for name in ("step", "loss_min", "loss_max", "loss"))
    if not by_root:
        return thinned(steps, low, high, mean, most)
    curve = thinned(np.sqrt(np.maximum(steps, 0)), low, high, mean, most)
    return replace(curve, x=curve.x**2)


def step_column(moment: Moment, name: str, most: int) -> Thinned:
    """Any other column of the step table over the steps."""
    values = moment.column(name)
    return thinned(moment.column("step"), values, values, values, most)


def validation_loss(moment: Moment) -> list[tuple[int, float]]:
    """(step, nats per token) of every evaluation that gave a number."""
    return [(one.step, one.val_loss) for one in moment.evals if np.isfinite(one.val_loss)]


def speed(moment: Moment, most: int) -> Thinned:
    """Tokens per second over the steps, each of at most `most` stretches as a whole: single steps only show jitter."""
    steps, tokens, seconds = (moment.column(name) for name in ("step", "tokens", "step_seconds"))
    gained = np.diff(tokens, prepend=0).astype(np.float64)
    usable = np.isfinite(seconds) & (seconds > 0) & (gained > 0)
    usable[:1] = False  # the first step warms up
    # The step after a way back also counts the tokens of the steps that were given up.
    for resumed in moment.state.resumes.until(moment.t):
        row = int(np.searchsorted(steps, resumed.step, side="right"))
        usable[row : row + 1] = False
    kept = np.flatnonzero(usable)
    if not len(kept):
        return thinned([], [], [], [], most)
    groups = np.array_split(kept, min(most, max(1, len(kept) // 5)))
    rates = [gained[rows].sum() / seconds[rows].sum() for rows in groups]
    return thinned([steps[rows].mean() for rows in groups], rates, rates, rates, most)
