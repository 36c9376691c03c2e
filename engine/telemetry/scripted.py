"""Graphics cards that exist only in a script, for tests and demonstrations.

`ScriptedGpu` plays a timeline of readings and errors against a clock. `warming_card` writes a short one: a card that is
put to work, warms up, and whose fan follows. `mishaps.py` makes things go wrong in one; `house_card.py` is a whole
evening.
"""

from __future__ import annotations

import math
import time
from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import TypeAlias

from babytrain.engine.telemetry.nvml_calls import AT_POWER_LIMIT, HOT
from babytrain.engine.telemetry.thermal import fan_at
from babytrain.runs.events import GpuReading

Beat: TypeAlias = tuple[GpuReading, ...] | Exception

_GIB = 1024**3


class ScriptedGpu:
    """A backend that answers with the latest beat of `timeline` (seconds since it was made, beat), raising exceptions.

    Before the first beat there is no card; the last beat stays.
    """

    def __init__(
        self, timeline: Sequence[tuple[float, Beat]], *, clock: Callable[[], float] = time.monotonic, note: str = ""
    ) -> None:
        self.note = note
        self.closed = False
        self._timeline = sorted(timeline, key=lambda entry: entry[0])
        self._times = [seconds for seconds, _ in self._timeline]
        self._clock = clock
        self._origin = clock()

    def read(self) -> tuple[GpuReading, ...]:
        """What the script says is there now. Raises what the script says goes wrong now."""
        position = bisect_right(self._times, self._clock() - self._origin)
        beat: Beat = self._timeline[position - 1][1] if position else ()
        if isinstance(beat, Exception):
            raise beat
        return beat

    def close(self) -> None:
        """Remember that it was closed."""
        self.closed = True


def warming_card(
    *,
    seconds: float = 180.0,
    name: str = "Scripted GPU",
    ambient_celsius: float = 32.0,
    load_celsius: float = 88.0,
    slowdown_celsius: float = 83.0,
    time_constant_seconds: float = 40.0,
) -> list[tuple[float, Beat]]:
    """A timeline, one beat a second: the card goes from idle to full load at t = 0 and warms up exponentially.

    The fan stands still below 45 degrees, then rises in a straight line to 100% at 90; above the slowdown temperature
    the clock drops and the card says it is hot.
    """
    beats: list[tuple[float, Beat]] = []
    for second in range(int(seconds) + 1):
        warmed = 1.0 - math.exp(-second / time_constant_seconds)
        celsius = ambient_celsius + (load_celsius - ambient_celsius) * warmed
        reading = _working_card(name, round(celsius, 1), slowdown_celsius, memory_share=min(1.0, second / 5))
        beats.append((float(second), (reading,)))
    return beats


def _working_card(name: str, celsius: float, slowdown_celsius: float, memory_share: float) -> GpuReading:
    hot = celsius >= slowdown_celsius
    return GpuReading(
        index=0,
        name=name,
        uuid="GPU-scripted",
        utilization_percent=98.0,
        memory_used_bytes=int((0.4 + 2.7 * memory_share) * _GIB),
        memory_total_bytes=12 * _GIB,
        temperature_celsius=celsius,
        slowdown_celsius=slowdown_celsius,
        fans=(fan_at(celsius),),
        power_watts=168.0 if hot else 199.0,
        power_limit_watts=200.0,
        clock_mhz=1905.0 if hot else 2475.0,
        throttle_reasons=(HOT,) if hot else (AT_POWER_LIMIT,),
    )
