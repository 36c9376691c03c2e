"""A learning-rate range test (Smith 2017, arXiv 1506.01186) before a run: which learning rates are worth trying.

A throw-away copy of the model trains for sixty steps while the learning rate climbs from far too low to far too high.
Useful rates begin where the smoothed loss falls fastest and end where it rises again. The result is only reported.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy.typing as npt
import torch

from babytrain.engine.config.settings import Config, Precision
from babytrain.engine.model.gpt import build_model
from babytrain.engine.optim.optimizer import Optimizer
from babytrain.engine.training.batches import Batches
from babytrain.runs.dials.dial_state import initial_dials
from babytrain.runs.formatting import format_learning_rate

SWEEP_STEPS = 60
LOWEST_SHARE, HIGHEST_SHARE = 1e-3, 1e2  # of the learning rate in the settings
LOSS_SMOOTHING = 0.75  # share of the old value: single batches are noisy
RISE_SHARE_TOO_HIGH = 0.05  # of the fall so far: a rise by this much is not noise
USEFUL_SHARE = 0.2  # of the steepest fall


@dataclass(frozen=True)
class LearningRateBracket:
    """Learning rates between which the loss falls well; None if it did not fall."""

    low: float | None
    high: float | None

    def sentence(self, present: float) -> str:
        """One line for the log; `present` is the learning rate in the settings."""
        if self.low is None or self.high is None:
            return (
                "The learning-rate range test saw no rate at which the loss falls: look at the text and the settings."
            )
        advice = (
            "yours lies between them"
            if self.low <= present <= self.high
            else f"yours is {format_learning_rate(present)}"
        )
        useful = (
            f"Learning rates from {format_learning_rate(self.low)} to {format_learning_rate(self.high)} look useful"
        )
        return f"{useful} ({advice}), by a test of {SWEEP_STEPS} steps."


def sweep_learning_rates(
    config: Config, tokens: npt.NDArray[Any], vocabulary_size: int, *, device: str, precision: Precision
) -> LearningRateBracket:
    """Sweep the learning rate on a copy of the model. `tokens` [N] is the training text."""
    model = build_model(config, vocabulary_size, device=device, seed=config.seed)
    model.precision = precision
    model.train()
    optimizer = Optimizer(model, config)
    batches = Batches(tokens, config, vocabulary_size, device)
    dials = initial_dials(config.to_dict())
    rates = [
        config.lr * LOWEST_SHARE * (HIGHEST_SHARE / LOWEST_SHARE) ** (step / (SWEEP_STEPS - 1))
        for step in range(SWEEP_STEPS)
    ]
    losses: list[float] = []
    state = torch.get_rng_state()
    try:
        for step, rate in enumerate(rates):
            optimizer.set_learning_rates(rate, config.muon_lr * rate / config.lr)
            optimizer.zero_grad()
            loss = model.loss(*batches.next_batch(step * dials.batch_size, dials))
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.clip_gradient_norm(config.clip)
            optimizer.step()
            losses.append(float(loss.detach()))
            if not math.isfinite(losses[-1]):
                break
    finally:
        torch.set_rng_state(state)  # dropout drew from it
    return find_bracket(rates, losses)


def find_bracket(rates: Sequence[float], losses: Sequence[float]) -> LearningRateBracket:
    """The useful rates of a sweep; `losses` may be shorter than `rates`, or end in one that is not finite."""
    smooth: list[float] = []
    for loss in losses:
        if not math.isfinite(loss):
            break
        smooth.append(loss if not smooth else LOSS_SMOOTHING * smooth[-1] + (1.0 - LOSS_SMOOTHING) * loss)
    if len(smooth) < 3:
        return LearningRateBracket(None, None)
    best = min(range(len(smooth)), key=smooth.__getitem__)
    fall = smooth[0] - smooth[best]
    if best == 0 or fall <= 0.0:
        return LearningRateBracket(None, None)
    slopes = [before - after for before, after in itertools.pairwise(smooth[: best + 1])]
    steepest = max(slopes)
    first = next(index for index, slope in enumerate(slopes) if slope >= USEFUL_SHARE * steepest)
    rising = next(
        (index for index in range(best, len(smooth)) if smooth[index] > smooth[best] + RISE_SHARE_TOO_HIGH * fall), None
    )
    # The loss reacts a few steps late, so the rate was too high before the rise.
    last = best if rising is None else max(first + 1, min(best, rising - 3))
    return LearningRateBracket(rates[first], rates[last])
