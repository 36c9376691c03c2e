"""The input of a diagnosis: views of a run's columns and a few numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from babytrain.engine.diagnosis.robust_statistics import Float64Array

ColumnArray = npt.NDArray[Any]
WindowArray = npt.NDArray[np.float32]
SETTLING_STEPS = 50  # the first steps fall too steeply for any verdict
SETTLING_SHARE = 0.1  # of the run, where it has fewer than 500 steps
LEVEL_ROWS = 16  # rows whose median is "the loss now"
LARGEST_LOSS = 1e4  # nats per token; a uniform guess over any vocabulary is below 20


def _empty() -> ColumnArray:
    return np.empty(0)


@dataclass(frozen=True)
class WindowLosses:
    """Validation losses of one evaluation, [windows] in the order of the text, nats per token, fp32."""

    step: int
    losses: WindowArray


class Evaluations(NamedTuple):
    """Step, seconds, validation and training loss of evaluations, [evaluations] each."""

    step: Float64Array
    t: Float64Array
    val: Float64Array
    train: Float64Array


@dataclass(frozen=True)
class Observation:
    """A run at its newest step. Arrays of a group have one length and are in order of `step`; losses in nats per token.

    Rows of steps: `step`, `t` (seconds of running time), `loss`, `learning_rate`, `gradient_norm`, `step_seconds`.
    Evaluations: `eval_step`, `eval_t`, `val_loss` and `train_loss`, the latter in evaluation mode on fixed windows.
    `windows`: per-window validation losses, without those of the best and newest evaluation no overfitting is found.
    """

    step: ColumnArray = field(default_factory=_empty)
    t: ColumnArray = field(default_factory=_empty)
    loss: ColumnArray = field(default_factory=_empty)
    learning_rate: ColumnArray = field(default_factory=_empty)
    gradient_norm: ColumnArray = field(default_factory=_empty)
    step_seconds: ColumnArray = field(default_factory=_empty)
    eval_step: ColumnArray = field(default_factory=_empty)
    eval_t: ColumnArray = field(default_factory=_empty)
    val_loss: ColumnArray = field(default_factory=_empty)
    train_loss: ColumnArray = field(default_factory=_empty)
    windows: tuple[WindowLosses, ...] = ()
    warmup_steps: int = 0
    total_steps: int = 0
    uniform_loss: float = float("inf")  # log of the vocabulary size
    unigram_loss: float = float("inf")  # of the validation split, by how often each token is in the training split
    # [measurements, parts] since the last dial change, see `UpdateAlignment`: of AdamW's and Muon's parameters.
    alignments: ColumnArray = field(default_factory=lambda: np.empty((0, 1)))
    rate_factors: tuple[float, ...] = ()  # the undecayed learning rates over the defaults, by the same parts
    planned_epochs: float = 0.0  # how often the run will have seen the training split at its end
    floor: float | None = None  # entropy of the source in nats per token, where it is known
    throttled_seconds: float = 0.0  # of the last 60: time the hardware slowed itself down
    data_wait_share: float = 0.0  # of the step time of late, in [0, 1]: time spent waiting for data
    finished: bool = False
    # The dials now: advice is given as their new value.
    lr_scale: float = 1.0
    lr_held: bool = False
    dropout: float = 0.0
    weight_decay: float = 0.0
    label_smoothing: float = 0.0

    @property
    def rows(self) -> int:
        """Rows that every column of steps has."""
        return min(len(self.step), len(self.t), len(self.loss), len(self.learning_rate), len(self.gradient_norm))

    @cached_property
    def evaluations(self) -> Evaluations:
        """The evaluations with finite numbers only."""
        columns = (self.eval_step, self.eval_t, self.val_loss, self.train_loss)
        count = min(map(len, columns))
        values = np.array([np.asarray(column[:count], dtype=np.float64) for column in columns])
        return Evaluations(*values[:, np.isfinite(values).all(axis=0)])

    @property
    def newest_step(self) -> int:
        """Finished optimizer steps."""
        return step_number(self.step[self.rows - 1]) if self.rows else 0

    @cached_property
    def level(self) -> float:
        """The loss now: the median of the newest 16 finite losses, NaN without any."""
        return median_level(self.tail("loss", LEVEL_ROWS))

    @property
    def settled_step(self) -> int:
        """The step after which losses are judged."""
        return settling_steps(self.warmup_steps, self.total_steps)

    @cached_property
    def settled_rows(self) -> int:
        """Rows after `settled_step`."""
        return self.rows - int(np.searchsorted(self.step[: self.rows], self.settled_step, side="right"))

    @property
    def start_loss(self) -> float:
        """The validation loss of the untrained model; that of a uniform guess where it was not measured."""
        step, _, val, _ = self.evaluations
        return float(val[0]) if len(val) and step[0] == 0 else self.uniform_loss

    @property
    def best_step(self) -> int:
        """The step of the best evaluation, 0 without one of a trained model: nothing to go back to."""
        step, _, val, _ = self.evaluations
        return step_number(step[int(np.argmin(val))]) if len(val) else 0

    @property
    def newest_t(self) -> float:
        """Seconds of running time, 0 before the first step."""
        times = [float(column[-1]) for column in (self.t[: self.rows], self.eval_t) if len(column)]
        return max((t for t in times if np.isfinite(t)), default=0.0)

    @property
    def progress(self) -> float:
        """Finished share of the run, in [0, 1]; 0 when its length is unknown."""
        return min(1.0, max(0.0, self.newest_step / self.total_steps)) if self.total_steps > 0 else 0.0

    @property
    def learning_rate_share(self) -> float:
        """The newest learning rate over the highest so far; 1 while it has not decayed."""
        rates = self.learning_rate[: self.rows]
        # A sample of 1,024 points is enough for the peak of a schedule.
        seen = np.asarray(rates[:: max(1, len(rates) // 1024)], dtype=np.float64)
        highest = float(seen[np.isfinite(seen)].max(initial=0.0))
        return min(1.0, float(rates[-1]) / highest) if highest > 0.0 and np.isfinite(rates[-1]) else 1.0

    def tail(self, name: str, rows: int) -> Float64Array:
        """The newest `rows` values of a column of steps; absurd losses become NaN."""
        end = self.rows
        values = np.asarray(getattr(self, name)[max(0, end - rows) : end], dtype=np.float64)
        return np.where(np.abs(values) < LARGEST_LOSS, values, np.nan) if name == "loss" else values

    def window_losses(self, step: int) -> WindowArray | None:
        """Per-window losses of the evaluation at a step, or None."""
        return next((windows.losses for windows in reversed(self.windows) if windows.step == step), None)


def settling_steps(warmup_steps: int, total_steps: int) -> int:
    """The steps that are not judged: the warm-up, and the first, steepest ones."""
    settling = min(SETTLING_STEPS, int(SETTLING_SHARE * total_steps)) if total_steps > 0 else SETTLING_STEPS
    return max(warmup_steps, settling)


def median_level(losses: Float64Array) -> float:
    """The median of the finite ones among losses [N], NaN without any: measured, and not moved by a single step."""
    finite = losses[np.isfinite(losses)]
    return float(np.median(finite)) if len(finite) else math.nan


def step_number(number: object) -> int:
    """A cell of a column as a step number; 0 for NaN or infinite."""
    value = float(number)  # type: ignore[arg-type]  # a numpy scalar
    return int(value) if np.isfinite(value) else 0
