"""The learning rate as a pure function of the step, the length of the run and the dials."""

from __future__ import annotations

import math
from typing import Protocol

from babytrain.runs.dials.dial_state import DialState


class RateSettings(Protocol):
    """The settings that determine the learning rate, of a run that trains or of a recorded one."""

    @property
    def lr(self) -> float:
        """Peak learning rate."""

    @property
    def warmup(self) -> int:
        """Steps of linear warm-up."""

    @property
    def wsd_decay_fraction(self) -> float:
        """For the schedule wsd: the share of the run spent decaying, at its end."""

    @property
    def min_lr_ratio(self) -> float:
        """The final rate as a share of the peak."""


def learning_rate(settings: RateSettings, dials: DialState, step: float) -> float:
    """The learning rate of the step after `step` finished ones."""
    if dials.lr_hold is not None:
        rate = dials.lr_hold
    else:
        factor = learning_rate_factor(settings, dials.schedule, step, dials.total_steps)
        rate = settings.lr * dials.lr_scale * factor
    climbed = step - dials.rewarm_step
    if dials.rewarm_steps and 0 <= climbed < dials.rewarm_steps:
        rate *= (climbed + 1) / (dials.rewarm_steps + 1)
    return rate


def learning_rate_factor(settings: RateSettings, schedule: str, step: float, total_steps: int) -> float:
    """The share, in [0, 1], of the peak learning rate for the step number `step` (the first is 0).

    Warm-up is (step + 1) / (warmup + 1), so that the first step learns and nothing jumps. Then the schedule falls to
    `min_lr_ratio` at `total_steps` and stays there ("constant" never falls).
    """
    warmup = min(settings.warmup, total_steps // 2)  # never longer than half the run
    if step < warmup:
        return (step + 1) / (warmup + 1)
    if schedule == "constant":
        return 1.0
    start = warmup
    if schedule == "wsd":
        start = max(warmup, total_steps - max(1, round(settings.wsd_decay_fraction * total_steps)))
    progress = (step - start) / max(1, total_steps - start)
    shape = _cosine if schedule == "cosine" else _linear
    return settings.min_lr_ratio + (1.0 - settings.min_lr_ratio) * shape(min(1.0, max(0.0, progress)))


def _linear(progress: float) -> float:
    """From 1 to 0 linearly (Bergsma et al. 2025, arXiv 2502.15938; the decay of WSD, arXiv 2405.18392)."""
    return 1.0 - progress


def _cosine(progress: float) -> float:
    """From 1 to 0 along half a cosine (Loshchilov & Hutter 2016, arXiv 1608.03983)."""
    return 0.5 * (1.0 + math.cos(math.pi * progress))
