"""A learning-rate range test (Smith 2017, arXiv 1506.01186) before a run: which learning rates are worth trying.

A throw-away copy of the model trains for sixty steps while the learning rate climbs from far too low to far too high.
Useful rates begin where the smoothed loss has made most of its fall, and end at three times that rate. Where it begins
to fall is too low: sixty steps show any fall, a whole run needs a fast one. Where it rises again is no end, as clipping
may put that off. Chosen on one text and held against another: `bench/judging/learning_rate_range.py`. The result is
only reported.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy.typing as npt
import torch

from babytrain.engine.config.settings import Config, OptimizerSettings, Precision
from babytrain.engine.model.gpt import build_model
from babytrain.engine.optim.optimizer import Optimizer
from babytrain.engine.training.batches import Batches
from babytrain.runs.dials.dial_state import initial_dials
from babytrain.runs.formatting import format_learning_rate

SWEEP_STEPS = 60
LOWEST_RATE, HIGHEST_RATE = 1e-5, 1.0  # whatever the settings say, which may be far off
LOSS_SMOOTHING = 0.75  # share of the old value: single batches are noisy
LEAST_FALL = 0.05  # nats per token; less is noise
USEFUL_SHARE, USEFUL_RATIO = 0.8, 3.0  # of the whole fall; of the highest to the lowest useful rate


@dataclass(frozen=True)
class LearningRateBracket:
    """Values of `lr` between which a run ends well; None if the loss did not fall."""

    low: float | None
    high: float | None

    def sentence(self, config: OptimizerSettings) -> str:
        """One line for the log; `config` has the learning rates in the settings."""
        if self.low is None or self.high is None:
            return (
                "The learning-rate range test saw no rate at which the loss falls: look at the text and the settings."
            )
        inside = self.low <= config.lr <= self.high
        advice = "yours lies between them" if inside else f"yours is {format_learning_rate(config.lr)}"
        useful = f"Learning rates (lr) from {format_learning_rate(self.low)} to {format_learning_rate(self.high)}"
        if config.optimizer == "muon":
            low, high = (format_learning_rate(rate * config.muon_lr / config.lr) for rate in (self.low, self.high))
            useful += f", with muon_lr from {low} to {high},"
        return f"{useful} look useful ({advice}), by a test of {SWEEP_STEPS} steps."


def sweep_learning_rates(
    config: Config, tokens: npt.NDArray[Any], vocabulary_size: int, *, device: str, precision: Precision
) -> LearningRateBracket:
    """Sweep both learning rates, in the ratio of the settings, on a copy of the model. `tokens` [N] is the text."""
    model = build_model(config, vocabulary_size, device=device, seed=config.seed)
    model.precision = precision
    model.train()
    optimizer = Optimizer(model, config)
    batches = Batches(tokens, config, vocabulary_size, device)
    dials = initial_dials(config.to_dict())
    rates = [LOWEST_RATE * (HIGHEST_RATE / LOWEST_RATE) ** (step / (SWEEP_STEPS - 1)) for step in range(SWEEP_STEPS)]
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
    fall = smooth[0] - min(smooth) if len(smooth) >= 3 else 0.0
    if fall < LEAST_FALL:
        return LearningRateBracket(None, None)
    low = next(rate for rate, loss in zip(rates, smooth, strict=False) if smooth[0] - loss >= USEFUL_SHARE * fall)
    return LearningRateBracket(low, min(USEFUL_RATIO * low, rates[-1]))
