"""The course of the learning rate: pure functions of the step and the length of the run.

Nothing is remembered between calls, so a run that is extended, shortened or resumed needs no repair: ask again with
the new length. The warm-up rises linearly and is never longer than half the run; the shapes after it follow the
papers named at each function. Steps at or past the end stay at the final value.
"""

from __future__ import annotations

import math

from babytrain.engine.config import Config


def learning_rate_factor(config: Config, step: int, total_steps: int, schedule: str = "") -> float:
    """The share, in [0, 1], of the peak learning rate for the step number `step` (the first is 0).

    Warm-up: (step + 1) / (warmup + 1), so that the very first step already learns and the peak is reached without a
    jump. Afterwards the schedule (the config's unless another is named) falls to `config.min_lr` at `total_steps`
    ("constant" never falls).
    """
    schedule = schedule or config.schedule
    warmup = min(config.warmup, total_steps // 2)
    if step < warmup:
        return (step + 1) / (warmup + 1)
    if schedule == "constant":
        return 1.0
    start = warmup
    if schedule == "wsd":
        start = max(warmup, total_steps - max(1, round(config.decay * total_steps)))
    progress = (step - start) / max(1, total_steps - start)
    shape = _cosine if schedule == "cosine" else _linear
    return config.min_lr + (1.0 - config.min_lr) * shape(min(1.0, max(0.0, progress)))


def _linear(progress: float) -> float:
    """From 1 to 0 in a straight line (Bergsma et al. 2025, arXiv 2502.15938; the decay of WSD, arXiv 2405.18392)."""
    return 1.0 - progress


def _cosine(progress: float) -> float:
    """From 1 to 0 along half a cosine (Loshchilov & Hutter 2016, arXiv 1608.03983)."""
    return 0.5 * (1.0 + math.cos(math.pi * progress))
