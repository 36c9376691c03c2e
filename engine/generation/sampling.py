"""Which token comes next: the settings of a draw, and the draw itself.

A draw takes these steps in this order, each on what the one before has left:

1. Repetition penalty (CTRL, Keskar et al. 2019, arXiv 1909.05858, section 4.1): the logits of tokens that stand among
   the newest 64 of the text are divided by the penalty where they are positive and multiplied where they are negative.
   64 characters are two lines of a poem: enough to notice a line that is written again, and not yet the whole alphabet.
   The prompt counts, because in a conversation most of it was written by the model.
2. Temperature: the logits are divided by it.
3. Top-k: only the k likeliest.
4. Top-p (nucleus sampling, Holtzman et al. 2020, arXiv 1904.09751): only the fewest likeliest tokens whose shares
   together reach p.
5. Min-p (Nguyen et al. 2024, arXiv 2407.01082): only tokens at least this share as likely as the likeliest one.

Tokens as likely as the last one that is kept are kept too, so no step depends on how a vocabulary is numbered, and the
likeliest token is always kept. With the defaults a draw costs nothing more than a draw from the whole distribution.
Arithmetic is in fp64. No torch here: settings are checked before it is loaded.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from babytrain.engine.config.build import check_value
from babytrain.engine.config.errors import ConfigError, EngineError
from babytrain.engine.config.settings import SampleSettings

REPETITION_WINDOW = 64  # tokens of the text so far, newest last, that the repetition penalty looks at
# A temperature below this takes the likeliest token: the others' chances would be below what fp32 logits can tell.
_COLDEST = 1e-6


class DamagedWeightsError(EngineError):
    """A model whose predictions are NaN or infinite, in one sentence."""

    def __init__(self, purpose: str) -> None:
        super().__init__(
            [f"The model's weights are damaged (its predictions are not numbers), so it cannot {purpose}."]
        )


@dataclass(frozen=True)
class SamplingSettings:
    """How tokens are drawn; the fields are the settings of a run with the same names, with the same limits.

    Raises ConfigError, a ValueError, with one sentence for each value outside its limits.
    """

    temperature: float = 0.8
    top_k: int = 0
    top_p: float = 1.0
    min_p: float = 0.0
    repetition_penalty: float = 1.0

    def __post_init__(self) -> None:
        checked = (check_value(field.name, getattr(self, field.name)) for field in dataclasses.fields(self))
        if problems := [problem for problem in checked if problem]:
            raise ConfigError(problems)

    @classmethod
    def of(cls, config: SampleSettings) -> SamplingSettings:
        """The settings of a run's own samples."""
        return cls(config.temperature, config.top_k, config.top_p, config.min_p, config.repetition_penalty)


def sample_token(
    logits: NDArray[np.floating], settings: SamplingSettings, random: np.random.Generator, recent: Sequence[int] = ()
) -> int:
    """Draw a token id from `logits` [vocabulary], with one number from `random` unless the temperature is 0.

    `recent` are the newest tokens of the text, for the repetition penalty. Raises DamagedWeightsError when the
    logits are not numbers.
    """
    if settings.repetition_penalty != 1.0 and len(recent):
        logits = _penalised(logits, recent, settings.repetition_penalty)
    likeliest = int(logits.argmax())  # or the first that is no number
    largest = float(logits[likeliest])
    if not math.isfinite(largest):
        raise DamagedWeightsError("write")
    if settings.temperature < _COLDEST:
        return likeliest
    # Subtracting the largest first keeps a tiny temperature from overflowing.
    odds = np.subtract(logits, largest, dtype=np.float64)
    odds /= settings.temperature
    if 0 < settings.top_k < odds.size:
        odds[odds < np.partition(odds, -settings.top_k)[-settings.top_k]] = -np.inf
    np.exp(odds, odds)
    if settings.top_p < 1.0:
        odds[odds < _least_of_nucleus(odds, settings.top_p)] = 0.0
    if settings.min_p > 0.0:
        odds[odds < settings.min_p] = 0.0  # the likeliest one's are 1
    below = odds.cumsum()
    # fp32 has 24 bits: the product stays below the total in fp64, so that the search ends at a token with a chance.
    return int(below.searchsorted(float(random.random(dtype=np.float32)) * below[-1], side="right"))


def _penalised(logits: NDArray[np.floating], recent: Sequence[int], penalty: float) -> NDArray[np.float64]:
    """A copy of `logits` in which the tokens `recent` are less likely; how often they occur makes no difference."""
    changed = logits.astype(np.float64)
    seen = np.asarray(recent)
    old = changed[seen]
    changed[seen] = np.where(old > 0.0, old / penalty, old * penalty)
    return changed


def _least_of_nucleus(odds: NDArray[np.float64], top_p: float) -> float:
    """The odds of the least likely of the fewest tokens that together have the share `top_p` of all `odds`."""
    descending = np.sort(odds)[::-1]
    reached = descending.cumsum()
    return float(descending[reached.searchsorted(top_p * reached[-1], side="left")])
