"""Detectors for the training loop: single steps with outlying losses or gradients, and divergence.

Both process each step in constant time and memory, without data or clock, so a repeated run gets the same results. NaN
and infinite losses are never remembered: they would hide everything after them.
"""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left, insort
from collections.abc import Mapping
from typing import Any

from babytrain.engine.diagnosis.robust_statistics import NORMAL_MAD

SPIKE_WINDOW = 64  # steps: enough for a median good to 16% of the noise, short enough to follow a falling curve
SPIKE_FEWEST = 16  # steps before a spread means anything
SPIKE_Z = 8.0  # heavy tails: 6 occurs about once in 500 healthy steps
# Lower limits, for curves without noise: in nats per token, and of the logarithm of the gradient norm.
SMALLEST_LOSS_SPREAD = 0.01
SMALLEST_GRADIENT_SPREAD = 0.05

FAST_AVERAGE_SHARE = 1 / 4  # a change is followed within about 4 steps
SLOW_AVERAGE_SHARE = 1 / 16  # the level that was reached is a mean of about 16 steps
NOISE_AVERAGE_SHARE = 1 / 32
DIVERGENCE_SETTLING_STEPS = 24  # after the warm-up, while the averages fill
# In standard deviations of single steps; the fast average has 0.38 of one, so this is about eight of its own.
DIVERGENCE_MARGIN = 3.0
# Of the loss: doubling a fair learning rate raises the loss by up to 10% for some dozen steps.
RELATIVE_MARGIN = 0.1
# In nats per token: a memorising run has a loss near zero that fluctuates by many times as much.
SMALLEST_MARGIN = 0.25
DIVERGENCE_PATIENCE_STEPS = 4  # steps in a row above the margin: longer than a spike of one or two bad batches
LARGEST_NOISE_FACTOR = 4.0  # a difference is clipped at this many times the noise so far
# More steps above the loss of the untrained model than below it: noise around that loss does not get there.
UNTRAINED_PATIENCE_STEPS = 32


class _RunningMedian:
    """Median and MAD of the last `SPIKE_WINDOW` values: a ring buffer and the same values sorted."""

    __slots__ = ("_next", "_ring", "_sorted")

    def __init__(self) -> None:
        self._ring = array("d")
        self._sorted: list[float] = []
        self._next = 0

    def __len__(self) -> int:
        return len(self._sorted)

    def add(self, value: float) -> None:
        if len(self._ring) < SPIKE_WINDOW:
            self._ring.append(value)
        else:
            del self._sorted[bisect_left(self._sorted, self._ring[self._next])]
            self._ring[self._next] = value
            self._next = (self._next + 1) % SPIKE_WINDOW
        insort(self._sorted, value)

    def state(self) -> list[float]:
        """The values, oldest first; `add` them in this order to restore."""
        ring = list(self._ring)
        return ring[self._next :] + ring[: self._next]

    def z_score(self, value: float, smallest_spread: float) -> float:
        """How many robust standard deviations `value` lies above the median."""
        ordered = self._sorted
        median = ordered[len(ordered) // 2]
        spread = max(NORMAL_MAD * self._deviation(median), smallest_spread)
        return (value - median) / spread

    def _deviation(self, median: float) -> float:
        """Median absolute deviation: the narrowest half of the sorted values around the median."""
        ordered = self._sorted
        half = len(ordered) // 2
        low, high = 0, half  # the first of half + 1 neighbours that hold the median
        while low < high:
            first = (low + high) // 2
            last = first + half
            if last >= len(ordered) - 1 or median - ordered[first] <= ordered[last + 1] - median:
                high = first
            else:
                low = first + 1
        last = min(low + half, len(ordered) - 1)
        return max(median - ordered[low], ordered[last] - median)


class SpikeDetector:
    """Detects steps whose loss or gradient norm is an outlier among the last 64.

    `loss_z` and `gradient_z` are the newest robust z-scores: deviations above the running median over the running MAD,
    of the logarithm for gradient norms; infinite for NaN and infinite values.
    """

    __slots__ = ("_gradients", "_losses", "_steps", "_warmup_steps", "gradient_z", "loss_z")

    def __init__(self, warmup_steps: int = 0) -> None:
        self._warmup_steps = warmup_steps
        self.reset()

    def reset(self) -> None:
        """Forget all steps, as after a rollback; a finished warm-up stays finished."""
        self._losses, self._gradients = _RunningMedian(), _RunningMedian()
        self._steps = 0
        self.loss_z = self.gradient_z = 0.0

    def state(self) -> dict[str, Any]:
        """The state as plain values for a checkpoint."""
        return {"losses": self._losses.state(), "gradients": self._gradients.state(), "steps": self._steps}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Restore what `state()` returned."""
        self.reset()
        for values, name in ((self._losses, "losses"), (self._gradients, "gradients")):
            for value in state[name]:
                values.add(float(value))
        self._steps = int(state["steps"])

    def update(self, step: int, loss: float, gradient_norm: float) -> bool:
        """Add a step (`step` finished ones, nats per token, norm before clipping); True when it is a spike."""
        settled = step > self._warmup_steps and self._steps >= SPIKE_FEWEST
        self._steps += 1
        self.loss_z = _take(self._losses, loss, settled, SMALLEST_LOSS_SPREAD)
        logarithm = math.log(max(gradient_norm, 1e-30)) if math.isfinite(gradient_norm) else math.nan
        self.gradient_z = _take(self._gradients, logarithm, settled, SMALLEST_GRADIENT_SPREAD)
        return self.loss_z > SPIKE_Z or self.gradient_z > SPIKE_Z


def _take(values: _RunningMedian, value: float, settled: bool, smallest_spread: float) -> float:
    if not math.isfinite(value):
        return math.inf
    z = values.z_score(value, smallest_spread) if settled and len(values) >= SPIKE_FEWEST else 0.0
    values.add(value)
    return z


class DivergenceDetector:
    """Detects that the loss has risen from the level it had reached, or stays above that of the untrained model.

    A fast average of the loss is compared with the lowest slow average so far, by a margin of the noise between
    neighbouring steps, which is not measured while the loss is suspicious. `untrained` is the loss of step 1.
    """

    __slots__ = (
        *("_above", "_above_untrained", "_fast", "_kept", "_largest_noise", "_last", "_noise", "_slow", "_steps"),
        *("_warmup_steps", "best", "untrained"),
    )

    def __init__(self, warmup_steps: int = 0) -> None:
        self._warmup_steps = warmup_steps
        self.untrained = math.inf
        self.reset()

    def reset(self) -> None:
        """Forget all steps, as after a change of what the loss measures; a finished warm-up stays finished."""
        self._steps = self._above = self._above_untrained = 0
        self._fast = self._slow = self._last = self._noise = 0.0
        self.best = self._kept = self._largest_noise = math.inf  # `_kept`: the level before the last `restart`

    def restart(self) -> None:
        """Let the averages fill again and keep the level and the noise, as after a change of the learning rate."""
        level, noise = self.best, self._largest_noise
        if self._steps > DIVERGENCE_SETTLING_STEPS:
            noise = LARGEST_NOISE_FACTOR * self._noise
        self.reset()
        self.best = self._kept = level
        self._largest_noise = noise

    def state(self) -> dict[str, float]:
        """The state as plain values for a checkpoint."""
        return {name: getattr(self, name) for name in self.__slots__}

    def restore(self, state: Mapping[str, float]) -> None:
        """Restore what `state()` returned; what an older version did not keep stays as in a new detector."""
        for name in self.__slots__:
            setattr(self, name, state.get(name, getattr(self, name)))

    @property
    def margin(self) -> float:
        """The largest allowed rise above `best`, in nats per token."""
        noise = min(self._noise, self._largest_noise)
        return max(DIVERGENCE_MARGIN * noise, RELATIVE_MARGIN * abs(self.best), SMALLEST_MARGIN)

    @property
    def suspicious(self) -> bool:
        """Whether the loss is more than half the margin above its best level, or above that of the untrained model."""
        known = self._steps > DIVERGENCE_SETTLING_STEPS or (self._steps > 0 and math.isfinite(self._kept))
        return self._above_untrained > 0 or (known and self._fast > self.best + self.margin / 2.0)

    def update(self, step: int, loss: float) -> bool:
        """Add the loss of a step; True while the run diverges, at once for NaN or infinite."""
        if not math.isfinite(loss):
            self._above = DIVERGENCE_PATIENCE_STEPS
            return True
        if step == 1:
            self.untrained = loss
        count = self._above_untrained + (1 if self.is_above_untrained(loss) else -1)
        self._above_untrained = min(UNTRAINED_PATIENCE_STEPS, max(0, count))
        return self._left_the_level(step, loss) or self.stays_above_untrained

    @property
    def stays_above_untrained(self) -> bool:
        """Whether the model has been worse than an untrained one for too long."""
        return self._above_untrained >= UNTRAINED_PATIENCE_STEPS

    def is_above_untrained(self, loss: float) -> bool:
        """Whether a loss is higher than that of the untrained model, by more than noise."""
        return loss > self.untrained + max(SMALLEST_MARGIN, RELATIVE_MARGIN * abs(self.untrained))

    def _left_the_level(self, step: int, loss: float) -> bool:
        if self._steps == 0:
            self._fast = self._slow = self._last = loss
        self._steps += 1
        self._fast += FAST_AVERAGE_SHARE * (loss - self._fast)
        settled = step > self._warmup_steps and self._steps > DIVERGENCE_SETTLING_STEPS
        suspicious = settled and self._fast > self.best + self.margin / 2.0
        if not suspicious:
            # Mean absolute difference of normal neighbours: 1.128 standard deviations.
            difference = abs(loss - self._last) / 1.128
            if self._noise > 0.0 and settled:
                difference = min(difference, LARGEST_NOISE_FACTOR * self._noise)
            self._noise += max(NOISE_AVERAGE_SHARE, 1.0 / self._steps) * (difference - self._noise)
        self._slow += max(SLOW_AVERAGE_SHARE, 1.0 / self._steps) * (loss - self._slow)
        self._last = loss
        if not settled:
            self.best = min(self._kept, self._slow)
            return False
        self.best = min(self.best, self._slow)
        # The step's own loss must be high as well: a bad batch raises the fast average for several steps.
        left = self._fast > self.best + self.margin and loss > self.best + self.margin / 2.0
        self._above = self._above + 1 if left else 0
        return self._above >= DIVERGENCE_PATIENCE_STEPS
