"""What every way of measuring has come to over the sessions of a run: one line a source, as it goes on record.

A source that made up the total for some stretches and only cross-checked another for others has a line for each, so
that the lines that count always add up.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from babytrain.runs.energy import Stretch
from babytrain.runs.events import Energy, EnergyQuality, EnergyScope, EnergySource

Line: TypeAlias = tuple[str, EnergyScope, EnergyQuality, bool]  # name, scope, quality, counted


@dataclass
class _Sums:
    joules: float = 0.0
    measured_seconds: float = 0.0
    unmeasured_before: float = 0.0  # in earlier sessions


class EnergyLedger:
    """Goes on from what `before` has on record."""

    def __init__(self, before: Energy | None = None) -> None:
        self._lines: dict[Line, _Sums] = {}
        for source in before.sources if before else ():
            sums = self._sums((source.name, source.scope, source.quality, source.counted))
            sums.joules += source.joules
            sums.measured_seconds += source.measured_seconds
            sums.unmeasured_before += source.unmeasured_seconds

    def add(self, line: Line, stretch: Stretch) -> None:
        """Put measured energy on a line."""
        sums = self._sums(line)
        sums.joules += stretch.joules
        sums.measured_seconds += stretch.seconds

    @property
    def counts_anything(self) -> bool:
        """Whether any part of the total was measured."""
        return any(counted and sums.measured_seconds > 0 for (_, _, _, counted), sums in self._lines.items())

    def sources(self, missed: Mapping[Line, float]) -> tuple[EnergySource, ...]:
        """Every line, those of earlier sessions first; `missed` are the unmeasured seconds of this session."""
        nothing = _Sums()
        lines = self._lines | {line: nothing for line, seconds in missed.items() if seconds and line not in self._lines}
        return tuple(
            EnergySource(
                name=line[0],
                scope=line[1],
                quality=line[2],
                counted=line[3],
                joules=sums.joules,
                measured_seconds=sums.measured_seconds,
                unmeasured_seconds=sums.unmeasured_before + missed.get(line, 0.0),
            )
            for line, sums in lines.items()
        )

    def _sums(self, line: Line) -> _Sums:
        return self._lines.setdefault(line, _Sums())
