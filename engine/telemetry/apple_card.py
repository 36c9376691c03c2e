"""The GPU of a Mac: utilization and memory from `ioreg`.

Temperature, power and clocks need root (`powermetrics`), so they are missing with that reason. `ioreg` is a process, so
it runs every five seconds at most, with a timeout, in the thread that talks to drivers.
"""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Callable

from babytrain.engine.telemetry.gpu_backend import GpuBackend, MissingValue, gpu_reading, printable_line
from babytrain.engine.telemetry.rate_limit import RateLimited
from babytrain.runs.errors import error_reason
from babytrain.runs.events import GpuReading

COMMAND = ("/usr/sbin/ioreg", "-r", "-d1", "-w0", "-c", "IOAccelerator")
EVERY_SECONDS = 5.0
LIMIT_SECONDS = 2.0
ROOT_ONLY = MissingValue("macOS tells it to root only")
SHARED_MEMORY = MissingValue("it shares the computer's memory")
_ROOT_ONLY = ("temperature_celsius", "slowdown_celsius", "fans", "power_watts", "power_limit_watts", "clock_mhz")


class AppleBackend(GpuBackend):
    """The card of a Mac. `run` returns the output of ioreg; it may raise OSError or subprocess.SubprocessError."""

    def __init__(self, run: Callable[[], str] | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._run = run or _run_ioreg
        self._read = RateLimited(self._read_now, EVERY_SECONDS, clock=clock, cost=lambda: 0.0)

    def read(self) -> tuple[GpuReading, ...]:
        """The reading, at most five seconds old."""
        return (self._read(),)

    def _read_now(self) -> GpuReading:
        try:
            return parse_ioreg(self._run())
        except subprocess.TimeoutExpired:
            reason = "ioreg did not answer in time"
        except (OSError, subprocess.SubprocessError) as error:
            reason = f"ioreg could not be run ({error_reason(error)})"
        return parse_ioreg("", reason)


def parse_ioreg(text: str, reason: str = "ioreg does not tell it") -> GpuReading:
    """A reading from the output of ioreg; `reason` for missing quantities."""
    name = re.search(r'"model" = "([^"]+)"', text)
    percent, memory = _number(text, "Device Utilization %"), _number(text, "In use system memory")
    return gpu_reading(
        0,
        printable_line(name.group(1), 80) if name else "Apple GPU",
        "APPLE",  # there is only one
        **dict.fromkeys(_ROOT_ONLY, ROOT_ONLY),
        memory_total_bytes=SHARED_MEMORY,
        utilization_percent=MissingValue(reason) if percent is None else float(min(100, percent)),
        memory_used_bytes=MissingValue(reason) if memory is None else memory,
    )


def _number(text: str, key: str) -> int | None:
    found = re.search(rf'"{re.escape(key)}"\s*=\s*(\d{{1,18}})\b', text)
    return int(found.group(1)) if found else None


def _run_ioreg() -> str:
    done = subprocess.run(COMMAND, capture_output=True, timeout=LIMIT_SECONDS, check=True, stdin=subprocess.DEVNULL)
    return done.stdout.decode("utf-8", "replace")
