"""Which part of a run a chart shows: all of it, the newest stretch, or a stretch that stays where it is.

A view is kept in steps, whatever unit the axis is in, so that changing the axis does not change what is looked at.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

_NARROWEST = 8.0  # steps; closer there is nothing to see


@dataclass(frozen=True)
class View:
    """`width` None: the whole run. `end` None: the newest `width` steps, following. Both given: standing still."""

    width: float | None = None
    end: float | None = None

    @property
    def is_whole(self) -> bool:
        """Whether everything is shown."""
        return self.width is None

    @property
    def follows(self) -> bool:
        """Whether the picture moves along with the newest step."""
        return self.end is None

    def span(self, newest: float, columns: int) -> tuple[float, float]:
        """First and last step shown, for a view that is not whole.

        A following view moves in whole columns: else the points would fall into other buckets every frame, and the
        picture would shimmer.
        """
        width = self.width if self.width is not None else max(newest, _NARROWEST)
        if self.end is not None:
            return self.end - width, self.end
        column = width / max(1, columns)
        end = max(width, newest, math.ceil(newest / column) * column)
        return end - width, end

    def zoomed(self, factor: float, newest: float, whole: float, anchor: float | None) -> View:
        """This view `factor` times closer (less than 1: farther away), `anchor` keeping its place on the screen.

        `whole` is the width of the whole run in steps; from there on out everything is shown.
        """
        width = whole if self.width is None else self.width
        wanted = max(_NARROWEST, width / factor)
        if wanted >= whole:
            return View()
        if anchor is None:
            if self.end is None:
                return View(wanted, None)
            anchor = self.end - width / 2
        end = whole if self.is_whole else self.span(newest, 0)[1]
        share = min(1.0, max(0.0, (end - anchor) / width))
        return View(wanted, max(wanted, min(anchor + share * wanted, whole)))

    def following(self, newest: float) -> View:
        """The newest stretch at this closeness; of the whole run, its newest fifth."""
        return View(self.width if self.width is not None else max(50.0, newest / 5), None)

    def containing(self, step: float, newest: float) -> View:
        """Moved just far enough to show `step`."""
        if self.width is None:
            return self
        first, last = self.span(newest, 0)
        if first <= step <= last:
            return self
        air = 0.02 * self.width
        return View(self.width, max(self.width, step + air if step > last else step + self.width - air))
