"""Extrapolation of a loss curve, given the learning rate still to come: a fit of many plausible curves at once.

Every curve is L = level + slope * f(S1) + noise * h + gap + drift * u, after "Scaling Law with Learning Rate Annealing"
(Tissue et al. 2024, arXiv 2408.11029): f is a power of S1, the sum of all learning rates so far, or an exponential of
it, and h is a moving average of the learning rate. Their annealing area S2 is what h has fallen by: as the rate decays,
so does the loss that is only the noise of large steps.

- The exponent, an offset of S1 and the length of the average are taken from a grid; the rest is linear, so each cell is
  a least-squares fit in closed form, and all are solved in one batch. Curves are drawn from all cells in proportion to
  how well they fit.
- Training losses and the few evaluations are fitted together; an evaluation differs by `gap`, which may drift (a model
  that begins to overfit).
- Before the learning rate has begun to fall, only a broad prior says what the fall will bring.
- Older losses count less: no formula holds from the first step to the last.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

CurveArray = npt.NDArray[np.float64]

EXPONENTS = (0.05, 0.2, 0.4, 0.7, 1.1, 1.7, 2.6)
OFFSETS = (0.0, 0.15, 0.6)  # of S1, in units of what it is now
DECAY_LIFETIMES = (0.4, 1.0, 2.0, 3.5, 6.0)  # exponential falls: lifetimes that have passed by now
MEMORIES = (0.0, 0.03, 0.1)  # of the learning rate, in units of the whole run
ROOT = 0.6  # or this power of the rate, without memory: most of the fall at the very end
NOISE_TERMS = len(MEMORIES) + 1
DRIFT_TERMS = 2  # the gap moves with S1, or with its logarithm
DRAWS = 400
PARAMETERS = 5  # level, slope, noise, gap, drift

# Prior standard deviations, as shares of the present loss. Measured on small runs with all schedules: decaying the
# rate to zero removed 5% to 25% of the loss.
LEVEL_SPREAD = 5.0
SLOPE_SPREAD = 2.0
NOISE_MEAN, NOISE_SPREAD = 0.12, 0.09
GAP_SPREAD = 0.3
DRIFT_SPREAD = 0.12
CURVE_ERROR = 0.004  # error of even the right formula, as a share of the loss
AGEING = 0.012  # its growth with the square of the logarithm of S1's growth since
CORRELATED = 5.0  # neighbouring residuals are alike: this many of them count as one
PATH_ERROR = 0.15  # of the fall still to come
MIN_S1 = 1e-3
MIN_LOSS, MAX_LOSS = 1e-6, 1e6  # outside these it is not a loss per token


@dataclass(frozen=True)
class LossObservations:
    """Losses: `steps` [N], `losses` [N], their `noise` [N], and which are `evaluations` [N]."""

    steps: CurveArray
    losses: CurveArray
    noise: CurveArray
    evaluations: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class LearningRatePath:
    """The learning rate of the whole run, past and planned: `rates` [K] at `steps` [K], from 0 to the end."""

    steps: CurveArray
    rates: CurveArray


@dataclass(frozen=True)
class CurveBasis:
    """What the losses depend on, at some steps: S1 relative to the present [N], and averaged rates [M, N]."""

    summed: CurveArray
    remembered: CurveArray


def draw_curves(seen: LossObservations, path: LearningRatePath, now: float, future: CurveArray) -> CurveArray | None:
    """Plausible validation losses [DRAWS, F] at steps `future` [F], the same at every call; None if nothing fits."""
    loss_now = float(np.median(seen.losses[-5:]))
    in_bounds = MIN_LOSS <= loss_now <= MAX_LOSS and np.abs(seen.losses).max() <= MAX_LOSS
    if not in_bounds or len(seen.losses) < PARAMETERS or not path.rates.max() > 0:
        return None
    shares = LossObservations(seen.steps, seen.losses / loss_now, seen.noise / loss_now, seen.evaluations)
    peaked = LearningRatePath(path.steps, path.rates / path.rates.max())
    past, ahead = basis(peaked, now, seen.steps), basis(peaked, now, np.append(now, future))
    try:
        means, covariances, log_weights = _solve(design_matrices(past, seen.evaluations), shares, past.summed)
        weights = np.exp(log_weights - log_weights.max())
        ahead_design = design_matrices(ahead, np.ones(len(future) + 1, dtype=np.bool_))
        curves = _draw(ahead_design, means, covariances, weights / weights.sum())
    except np.linalg.LinAlgError:  # no cell can be solved
        return None
    return loss_now * _with_path_error(curves) if np.isfinite(curves).all() else None


def basis(path: LearningRatePath, now: float, steps: CurveArray) -> CurveBasis:
    """S1 and the averaged learning rates at `steps`. S1 is 1 at the step `now`."""
    widths = np.diff(path.steps)
    area = np.concatenate([[0.0], np.cumsum(0.5 * (path.rates[1:] + path.rates[:-1]) * widths)])
    area_now = max(float(np.interp(now, path.steps, area)), MIN_S1)
    length = max(float(path.steps[-1]), 1.0)
    remembered = [_remembered(path, memory * length) for memory in MEMORIES]
    remembered.append(path.rates**ROOT)
    summed = np.maximum(np.interp(steps, path.steps, area) / area_now, MIN_S1)
    return CurveBasis(summed, np.stack([np.interp(steps, path.steps, row) for row in remembered]))


def _remembered(path: LearningRatePath, memory: float) -> CurveArray:
    """The exponential moving average of the rate over `memory` steps, from the peak of the warm-up on."""
    if memory <= 0:
        return path.rates
    rates = path.rates.tolist()
    keeps = np.exp(-np.diff(path.steps) / memory).tolist()
    start = int(np.argmax(path.rates))
    average, averages = rates[start], rates[: start + 1]
    for keep, rate in zip(keeps[start:], rates[start + 1 :], strict=True):
        average = keep * average + (1.0 - keep) * rate
        averages.append(average)
    return np.array(averages)


def design_matrices(at: CurveBasis, evaluations: npt.NDArray[np.bool_]) -> CurveArray:
    """The linear model of every cell of the grid, [cells, N, PARAMETERS]."""
    powers = [_power(at.summed, exponent, offset) for exponent in EXPONENTS for offset in OFFSETS]
    shapes = np.stack(powers + [np.expm1(-decay * (at.summed - 1.0)) / decay for decay in DECAY_LIFETIMES])
    drifts = np.stack([at.summed - 1.0, np.log(at.summed)])
    shape = (len(shapes), NOISE_TERMS, DRIFT_TERMS, len(at.summed))
    design = np.empty((*shape, PARAMETERS))
    design[..., 0] = 1.0
    design[..., 1] = shapes[:, None, None, :]
    design[..., 2] = at.remembered[None, :, None, :]
    design[..., 3] = evaluations
    design[..., 4] = drifts[None, None, :, :] * evaluations
    return design.reshape(-1, len(at.summed), PARAMETERS)


def _power(summed: CurveArray, exponent: float, offset: float) -> CurveArray:
    """0 where S1 is 1, with slope -1 over the logarithm of S1 + offset; logarithmic for exponents near 0."""
    power: CurveArray = (((summed + offset) / (1.0 + offset)) ** -exponent - 1.0) / exponent
    return power


def _solve(design: CurveArray, seen: LossObservations, summed: CurveArray) -> tuple[CurveArray, CurveArray, CurveArray]:
    """Posterior means [cells, P], covariances [cells, P, P] and log weights [cells], for losses near 1."""
    spread = np.array([LEVEL_SPREAD, SLOPE_SPREAD, NOISE_SPREAD, GAP_SPREAD, DRIFT_SPREAD])
    prior_mean = np.array([1.0 - NOISE_MEAN, 0.3, NOISE_MEAN, 0.0, 0.0])
    error = CURVE_ERROR + AGEING * np.log(summed) ** 2
    precision = 1.0 / (seen.noise**2 + error**2) / CORRELATED
    weighted = design * precision[None, :, None]
    information = np.einsum("cnp,cnq->cpq", weighted, design, optimize=True)
    residual = seen.losses[None, :] - design @ prior_mean
    inverse = np.linalg.inv(information + np.diag(1.0 / spread**2))
    shift = np.einsum("cpq,cnq,cn->cp", inverse, weighted, residual, optimize=True)
    left = residual - np.einsum("cnp,cp->cn", design, shift)
    misfit = (left**2 * precision).sum(axis=1) + (shift**2 / spread**2).sum(axis=1)
    # If even the best curve fits worse than the errors allow, the errors were assumed too small.
    scale = max(1.0, float(misfit.min()) * CORRELATED / max(1, len(seen.losses) - PARAMETERS))
    log_weights = -0.5 * misfit / scale + 0.5 * np.linalg.slogdet(inverse)[1]
    log_weights[prior_mean[1] + shift[:, 1] <= 0] -= 50.0  # a curve that only rises is not a learning curve
    return prior_mean + shift, inverse * scale, log_weights


def _draw(design: CurveArray, means: CurveArray, covariances: CurveArray, weights: CurveArray) -> CurveArray:
    """Curves [DRAWS, N] from the cells in proportion to their weights."""
    generator = np.random.default_rng(0)
    cells = np.searchsorted(np.cumsum(weights), (np.arange(DRAWS) + 0.5) / DRAWS).clip(0, len(weights) - 1)
    used, index = np.unique(cells, return_inverse=True)
    values, vectors = np.linalg.eigh(covariances[used])
    roots = vectors * np.sqrt(np.maximum(values, 0.0))[:, None, :]
    normal = generator.standard_normal((DRAWS, PARAMETERS))
    coefficients = means[cells] + np.einsum("dpq,dq->dp", roots[index], normal)
    curves: CurveArray = np.einsum("dnp,dp->dn", design[cells], coefficients)
    return curves


def _with_path_error(curves: CurveArray) -> CurveArray:
    """The curves [DRAWS, 1 + F] without the present, with random errors of the formula added: [DRAWS, F]."""
    generator = np.random.default_rng(1)
    fall = curves[:, :1] - curves[:, 1:]
    path = generator.standard_normal((DRAWS, 1)) * PATH_ERROR * np.abs(fall)
    noise = generator.standard_normal((DRAWS, 1)) * CURVE_ERROR
    return curves[:, 1:] + path + noise
