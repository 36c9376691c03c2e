"""The graphics processor of a Mac, as far as macOS tells it without root: load and memory, from `ioreg`.

Heat, power and clocks are told to root alone (`powermetrics`), so they are missing with that reason. `ioreg` is a
program of its own, so it is run every few seconds at most, with a limit of time, in the thread that talks to drivers.
"""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Callable

from babytrain.engine.telemetry.nvml_queries import printable_line
from babytrain.runs.events import GpuReading

COMMAND = ("/usr/sbin/ioreg", "-r", "-d1", "-w0", "-c", "IOAccelerator")
EVERY_SECONDS = 5.0
LIMIT_SECONDS = 2.0
ROOT_ONLY = "macOS tells it to root only"
_ROOT_ONLY = ("temperature_celsius", "slowdown_celsius", "fans", "power_watts", "power_limit_watts", "clock_mhz")


class AppleBackend:
    """The one card of a Mac. `run` gives the text of ioreg, and may raise OSError or subprocess.SubprocessError."""

    note = ""

    def __init__(
        self, run: Callable[[], str] | None = None, index: int = 0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._run = run or _run_ioreg
        self._index = index
        self._clock = clock
        self._kept: tuple[float, GpuReading] | None = None  # until when, and what

    def read(self) -> tuple[GpuReading, ...]:
        """The look of now, or the last one while that is young."""
        now = self._clock()
        if self._kept is None or now >= self._kept[0]:
            self._kept = (now + EVERY_SECONDS, self._look())
        return (self._kept[1],)

    def close(self) -> None:
        """Nothing is held open."""

    def _look(self) -> GpuReading:
        try:
            return parse_ioreg(self._run(), self._index)
        except subprocess.TimeoutExpired:
            reason = "ioreg did not answer in time"
        except (OSError, subprocess.SubprocessError) as error:
            reason = f"ioreg could not be run ({type(error).__name__})"
        return _reading(self._index, "Apple GPU", None, None, reason)


def parse_ioreg(text: str, index: int = 0) -> GpuReading:
    """A reading from what ioreg says about the first accelerator that tells its load; bytes and percent as told."""
    name = re.search(r'"model" = "([^"]+)"', text)
    return _reading(
        index,
        printable_line(name.group(1), 80) if name else "Apple GPU",
        _number(text, "Device Utilization %"),
        _number(text, "In use system memory"),
        "ioreg does not tell it",
    )


def _reading(index: int, name: str, percent: int | None, memory: int | None, reason: str) -> GpuReading:
    missing = dict.fromkeys(_ROOT_ONLY, ROOT_ONLY)
    missing["memory_total_bytes"] = "it shares the computer's memory"
    if percent is None:
        missing["utilization_percent"] = reason
    if memory is None:
        missing["memory_used_bytes"] = reason
    return GpuReading(
        index=index,
        name=name,
        uuid="APPLE",  # there is only one
        utilization_percent=None if percent is None else float(min(100, percent)),
        memory_used_bytes=memory,
        missing=missing,
    )


def _number(text: str, key: str) -> int | None:
    found = re.search(rf'"{re.escape(key)}"\s*=\s*(\d{{1,18}})\b', text)
    return int(found.group(1)) if found else None


def _run_ioreg() -> str:
    done = subprocess.run(COMMAND, capture_output=True, timeout=LIMIT_SECONDS, check=True, stdin=subprocess.DEVNULL)
    return done.stdout.decode("utf-8", "replace")
