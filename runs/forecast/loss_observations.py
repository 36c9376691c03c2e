"""The losses that a forecast is fitted to, or why there is nothing to fit, as where a run learns nothing."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from babytrain.runs.forecast.loss_extrapolation import MAX_LOSS, LossObservations
from babytrain.runs.state.run_state import RunSnapshot

ForecastArray = npt.NDArray[np.float64]

MIN_STEP_ROWS = 40
MIN_BLOCKS, MAX_BLOCKS = 8, 64
MAX_EVALUATIONS = 32
SKIPPED_SHARE = 0.1  # of the steps so far: the first losses do not follow the law of the later ones
MAX_NOISE_ROWS = 2000
RISING_STANDARD_ERRORS = 4.0
MOST_INVALID_SHARE = 0.05  # of the losses that are not numbers, such as those of steps that were left out
OUTLIER_DEVIATIONS = 6.0  # from the median of its block, where a loss is cut off
LEAST_FALL = 0.02  # of the loss at the start, before there is anything to extrapolate
ABOVE_START = "the loss is above that at the start"


def loss_observations(snapshot: RunSnapshot) -> LossObservations | str:
    """Training losses in blocks, then the evaluations; or why they cannot be fitted."""
    steps, losses = snapshot.column("step").astype(np.float64), snapshot.column("loss").astype(np.float64)
    first = int(np.searchsorted(steps, max(_warmup(snapshot), SKIPPED_SHARE * snapshot.step)))
    steps, losses = steps[first:], losses[first:]
    if len(steps) < MIN_STEP_ROWS // 2:
        return "too early to tell"
    valid = np.abs(losses) <= MAX_LOSS
    if valid.mean() < 1.0 - MOST_INVALID_SHARE or not valid[-MIN_STEP_ROWS // 2 :].all():
        return "the loss was not a number"
    block_steps, block_losses, block_noise = _loss_blocks(steps[valid], losses[valid])
    start = _loss_at_start(snapshot)
    above = np.flatnonzero(block_losses > start)
    if len(above):  # the fall from a failed start says nothing of what follows
        kept = int(above[-1]) + 1
        if len(block_steps) - kept < MIN_BLOCKS:
            return ABOVE_START if kept == len(block_steps) else "the loss fell below that at the start only now"
        block_steps, block_losses, block_noise = block_steps[kept:], block_losses[kept:], block_noise[kept:]
    evaluations = [
        event for event in snapshot.evals if event.step >= max(1, block_steps[0]) and math.isfinite(event.val_loss)
    ]
    if not evaluations:
        return "too few evaluations yet"
    if refusal := _why_not_learning(snapshot, block_losses, block_noise, start):
        return refusal
    stride = math.ceil(len(evaluations) / MAX_EVALUATIONS)
    evaluations = evaluations[::-1][::stride][::-1]  # the newest is always among them
    return LossObservations(
        steps=np.append(block_steps, [float(event.step) for event in evaluations]),
        losses=np.append(block_losses, [event.val_loss for event in evaluations]),
        noise=np.append(block_noise, np.zeros(len(evaluations))),
        evaluations=np.arange(len(block_steps) + len(evaluations)) >= len(block_steps),
    )


def _loss_blocks(steps: ForecastArray, losses: ForecastArray) -> tuple[ForecastArray, ForecastArray, ForecastArray]:
    """Mean step, mean loss without spikes and its standard error [B], of blocks of the steps and losses [N]."""
    # Narrow blocks first, where the curve is steep.
    position = np.linspace(math.sqrt(steps[0]), math.sqrt(steps[-1]), MAX_BLOCKS + 1)[:-1] ** 2
    edges = np.unique(np.searchsorted(steps, position))
    edges[0] = 0  # which rounding may have moved
    sizes = np.diff(np.append(edges, len(steps)))
    noise = _step_noise(losses)
    medians = np.repeat([np.median(block) for block in np.split(losses, edges[1:])], sizes)
    reach = OUTLIER_DEVIATIONS * noise
    means = np.add.reduceat(np.clip(losses, medians - reach, medians + reach), edges) / sizes
    return np.add.reduceat(steps, edges) / sizes, means, noise / np.sqrt(sizes)


def _loss_at_start(snapshot: RunSnapshot) -> float:
    """The validation loss before the first step, infinite where that is not known, as in a fork."""
    first = next(iter(snapshot.evals), None)
    return first.val_loss if first is not None and first.step == 0 and first.val_loss > 0 else math.inf


def _why_not_learning(snapshot: RunSnapshot, losses: ForecastArray, noise: ForecastArray, start: float) -> str:
    if _is_rising(losses, noise):
        return "the loss is not falling"
    newest = next(event.val_loss for event in reversed(snapshot.evals) if math.isfinite(event.val_loss))
    if newest > start:
        return ABOVE_START
    if newest > (1.0 - LEAST_FALL) * start:
        return "the loss is hardly below that at the start"
    baselines = snapshot.state.baselines.last_until(snapshot.t)
    if baselines is not None and newest > baselines.unigram:
        return "the validation loss is above the unigram line"
    return ""


def _warmup(snapshot: RunSnapshot) -> int:
    rate = snapshot.plan.rate if snapshot.plan is not None else None
    return min(rate.warmup if rate is not None else 0, snapshot.total_steps // 2)


def _step_noise(losses: ForecastArray) -> float:
    """Standard deviation of one recorded loss around its curve, from differences of neighbours."""
    differences = np.abs(np.diff(losses[-MAX_NOISE_ROWS:]))
    return float(np.median(differences)) / (0.6745 * math.sqrt(2.0))


def _is_rising(losses: ForecastArray, noise: ForecastArray) -> bool:
    """Whether the newest losses are higher than earlier ones by more than noise explains."""
    recent = max(1, len(losses) // 8)
    now, before = losses[-recent:], losses[: -2 * recent]
    if not len(before):
        return False
    lowest = int(np.argmin(before))
    error = math.hypot(float(noise[-recent:].mean()) / math.sqrt(recent), float(noise[lowest]))
    # The lowest of many is low by chance too: hence several errors, and a share of the loss.
    return float(now.mean()) > float(before[lowest]) + RISING_STANDARD_ERRORS * error + 0.02 * abs(
        float(before[lowest])
    )
