"""The only thread that talks to a graphics driver, so that a driver that hangs stops nothing else.

A driver call releases Python's interpreter lock and waits to get it back, five milliseconds per call beside a thread
that computes in Python. That wait is measured before every reading and subtracted for each call.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from babytrain.engine.telemetry.gpu_backend import GpuBackend, NoGpu, printable_line
from babytrain.runs.errors import error_reason
from babytrain.runs.events import GpuReading

_LOCK_MEMORY = 0.5  # weight of earlier lock waits in their average


@dataclass(frozen=True)
class GpuPoll:
    """One reading of every card, its note, and its processor time.

    `driver_seconds` is its wall time without waiting for the interpreter lock. `mean_seconds` is the mean wall time of
    all readings but the first, which queries more. `slowest_call` is the driver's slowest function so far and its
    seconds.
    """

    gpus: tuple[GpuReading, ...]
    note: str
    cpu_seconds: float
    driver_seconds: float = 0.0
    mean_seconds: float = 0.0
    slowest_call: tuple[str, float] | None = None


class GpuThread:
    """Every method returns within its timeout."""

    def __init__(self, open_gpu: Callable[[], GpuBackend]) -> None:
        self._open_gpu = open_gpu
        self._condition = threading.Condition()
        self._asked_at: float | None = None  # monotonic seconds of the pending request
        self._poll: GpuPoll | None = None
        self._stopping = False
        self._opened = False
        self._thread = threading.Thread(target=self._run, name="babytrain-gpu", daemon=True)

    @property
    def opened(self) -> bool:
        """Whether opening the driver has finished, also without success."""
        return self._opened

    @property
    def silent_seconds(self) -> float:
        """Age of the pending request; 0 without one."""
        with self._condition:
            return 0.0 if self._asked_at is None else time.monotonic() - self._asked_at

    def start(self) -> None:
        """Start the thread, which opens the driver."""
        self._thread.start()

    def ask(self) -> None:
        """Request a reading, unless one is pending or not yet taken."""
        with self._condition:
            if self._asked_at is None and self._poll is None:
                self._asked_at = time.monotonic()
                self._condition.notify_all()

    def take(self, timeout: float) -> GpuPoll | None:
        """The reading, waited for at most `timeout` seconds; None when there is none or the thread stops."""
        with self._condition:
            self._condition.wait_for(lambda: self._poll is not None or self._stopping, timeout)
            answer, self._poll = self._poll, None
            return answer

    def request_stop(self) -> None:
        """Wake all waiting threads, and close the driver when it returns."""
        with self._condition:
            self._stopping = True
            self._condition.notify_all()

    def join(self, timeout: float) -> bool:
        """Wait for the thread to end; False when it has not."""
        if self._thread.ident is not None:
            self._thread.join(timeout)
        return not self._thread.is_alive()

    def _run(self) -> None:
        backend = self._open()
        self._opened = True
        polls, total, waiting = 0, 0.0, 0.0
        while self._wait_for_question():
            waiting = _LOCK_MEMORY * waiting + (1.0 - _LOCK_MEMORY) * _wait_for_lock()
            calls = backend.costs.calls
            cpu, wall = time.thread_time(), time.perf_counter()
            gpus, note = _read(backend)
            cpu, wall = time.thread_time() - cpu, time.perf_counter() - wall
            total += wall if polls else 0.0  # the first is not counted
            mean = total / polls if polls else wall
            polls += 1
            driver = max(0.0, wall - (backend.costs.calls - calls) * waiting)
            poll = GpuPoll(gpus, note, cpu, driver, mean, backend.costs.slowest)
            with self._condition:
                self._poll, self._asked_at = poll, None
                self._condition.notify_all()
        with contextlib.suppress(Exception):  # a traceback would break the screen
            backend.close()

    def _open(self) -> GpuBackend:
        try:
            return self._open_gpu()
        except Exception as error:  # noqa: BLE001 - top of a thread: any driver error becomes a note
            return NoGpu(f"the graphics driver cannot be opened ({describe_error(error)})")

    def _wait_for_question(self) -> bool:
        with self._condition:
            self._condition.wait_for(lambda: self._asked_at is not None or self._stopping)
            return not self._stopping


def _wait_for_lock() -> float:
    """Seconds to release the interpreter lock and get it back."""
    started = time.perf_counter()
    time.sleep(0)
    return time.perf_counter() - started


def _read(backend: GpuBackend) -> tuple[tuple[GpuReading, ...], str]:
    try:
        return backend.read(), backend.note
    except Exception as error:  # noqa: BLE001 - top of a thread: the next reading may work again
        return (), f"the graphics cards could not be read ({describe_error(error)})"


def describe_error(error: Exception) -> str:
    """An exception as a short printable text."""
    return printable_line(error_reason(error))
