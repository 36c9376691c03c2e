"""Whether an update still points downhill for the next batch: the sign of what a larger learning rate would change.

Measured is the cosine between an update and the descent direction, the negative gradient, of the batch after it. The
derivative of that batch's loss by the learning rate is minus their product (Baydin et al., "Online Learning Rate
Adaptation with Hypergradient Descent", 2018, arXiv 1703.04782). Well above zero the steps are short: the next one goes
on in the same direction. Below zero they overshoot. What is usual is decided in `engine/diagnosis`, from real runs.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

ALIGNMENTS_PER_RUN = 250
MOST_STEPS_BETWEEN = 12  # a measurement takes about a tenth of a step of a small model


def alignment_interval(total_steps: int) -> int:
    """An update in how many is followed, in a run of `total_steps`."""
    return min(MOST_STEPS_BETWEEN, max(2, total_steps // ALIGNMENTS_PER_RUN))


class UpdateAlignment:
    """Compares chosen updates with the gradient after them, for parts of the flat buffers. Never waits for the device.

    `parts` are ranges of `values` and `gradients`, the flat buffers of the parameters.
    """

    def __init__(self, values: Tensor, gradients: Tensor, parts: tuple[slice, ...]) -> None:
        self._values, self._gradients, self._parts = values, gradients, parts
        self._update: Tensor | None = None  # made when first needed
        self._comparable = False
        self._cosines: list[Tensor] = []  # [parts] each

    def compare(self) -> None:
        """Compare the update that was followed, if any, with the gradients now."""
        if self._comparable and self._update is not None:
            self._comparable = False
            found = [torch.cosine_similarity(self._gradients[p], self._update[p], dim=0) for p in self._parts]
            self._cosines.append(-torch.stack(found))

    def before_update(self) -> None:
        """Remember the values, to follow the update that comes now."""
        if self._update is None:
            self._update = torch.empty_like(self._values)
        self._update.copy_(self._values)

    def after_update(self) -> None:
        """The update is made."""
        assert self._update is not None
        torch.sub(self._values, self._update, out=self._update)
        self._comparable = True

    def take(self) -> list[tuple[float, ...]]:
        """The cosines since the last call, by part, where all are numbers; waits for the device.

        An update that was not compared yet is forgotten, so that a resumed run measures the same.
        """
        self._comparable = False
        taken, self._cosines = self._cosines, []
        rows = torch.stack(taken).tolist() if taken else []
        return [tuple(row) for row in rows if all(map(math.isfinite, row))]
