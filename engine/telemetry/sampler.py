"""Reads all sensors once a second in a daemon thread and publishes the readings.

Choices:

- A second thread (`GpuThread`) reads the cards and is waited for at most `hang_seconds`: a driver that hangs never
  blocks the host's readings or a stop. Its old readings are not published again; the note says since when it is silent.
- Two readings in a row that take more than 50 ms each, of processor time or driver time, double the interval (up to
  10 s); cheap ones shorten it. A single expensive reading is ignored.
- Errors of a sensor or of `publish` become notes.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeAlias

from babytrain.engine.telemetry.gpu_backend import GpuBackend
from babytrain.engine.telemetry.gpu_thread import GpuPoll, GpuThread, describe_error
from babytrain.engine.telemetry.host import HostSensors
from babytrain.engine.telemetry.nvml_cards import open_gpu_backend
from babytrain.runs.events import GpuReading, HostReading
from babytrain.runs.formatting import format_whole_seconds

Publish: TypeAlias = Callable[[HostReading, tuple[GpuReading, ...], str], None]

EXPENSIVE_POLL_SECONDS = 0.05
CHEAP_POLL_SECONDS = 0.025
EXPENSIVE_POLLS = 2  # in a row
LONGEST_SAMPLING_INTERVAL_SECONDS = 10.0
WAITING_NOTE = "waiting for the graphics driver"


class TelemetrySampler:
    """Calls `publish(host, gpus, gpu_note)` about every `interval_seconds` from its own thread, until stopped.

    `read_host` defaults to the real sensors. `hang_seconds` is how long a reading may take before the driver counts as
    hung.
    """

    def __init__(
        self,
        publish: Publish,
        *,
        open_gpu: Callable[[], GpuBackend] = open_gpu_backend,
        read_host: Callable[[], HostReading] | None = None,
        interval_seconds: float = 1.0,
        hang_seconds: float = 2.5,
    ) -> None:
        self._publish = publish
        self._read_host = read_host or HostSensors().read
        self._base_interval = interval_seconds
        self._interval = interval_seconds
        self._hang_seconds = hang_seconds
        self._trouble = ""  # error since the last note
        self._hung = False
        self._expensive_polls = 0  # in a row
        self._stop = threading.Event()
        self._gpu = GpuThread(open_gpu)
        self._thread = threading.Thread(target=self._run, name="babytrain-telemetry", daemon=True)

    @property
    def hung(self) -> bool:
        """Whether the graphics driver has exceeded `hang_seconds`."""
        return self._hung

    @property
    def interval_seconds(self) -> float:
        """The current time between readings; longer while readings are expensive."""
        return self._interval

    def start(self) -> None:
        """Start both threads. Once only."""
        self._gpu.start()
        self._thread.start()

    def stop(self, timeout: float = 2.0) -> bool:
        """End both threads; nothing is published after a True. False when one still runs after `timeout` seconds.

        A driver known to hang is not waited for: its thread is a daemon.
        """
        deadline = time.monotonic() + timeout
        self._stop.set()
        self._gpu.request_stop()
        if self._thread.ident is not None:
            self._thread.join(timeout)
        released = self._gpu.join(0.0 if self._hung else max(0.0, deadline - time.monotonic()))
        return released and not self._thread.is_alive()

    def _run(self) -> None:
        while not self._stop.is_set():
            started = time.monotonic()
            self._tick()
            elapsed = time.monotonic() - started
            # A poll longer than the interval is followed by a full pause.
            pause = self._interval - elapsed if elapsed < self._interval else self._interval
            silent = self._gpu.silent_seconds
            if silent and not self._hung:  # poll again at the driver's deadline
                pause = min(pause, max(0.0, self._hang_seconds - silent))
            self._stop.wait(pause)

    def _tick(self) -> None:
        started = time.thread_time()
        notes = [self._trouble] if self._trouble else []
        self._trouble = ""
        host = self._host_reading(notes)
        self._gpu.ask()
        answer = self._gpu.take(self._driver_wait_seconds())
        if self._stop.is_set():
            return
        silent = self._gpu.silent_seconds
        self._hung = answer is None and silent >= self._hang_seconds
        notes.insert(0, self._gpu_note(answer, silent))
        try:
            self._publish(host, answer.gpus if answer else (), "; ".join(note for note in notes if note))
        except Exception as error:  # noqa: BLE001 - top of a thread: only one reading is lost
            self._trouble = f"a reading could not be passed on ({describe_error(error)})"
        cpu_seconds = time.thread_time() - started + (answer.cpu_seconds if answer else 0.0)
        self._adapt(max(cpu_seconds, answer.driver_seconds if answer else 0.0))

    def _driver_wait_seconds(self) -> float:
        """How long to wait for the cards; while the driver opens, at most half an interval."""
        limit = self._hang_seconds if self._gpu.opened else min(self._hang_seconds, self._interval / 2)
        return max(0.0, limit - self._gpu.silent_seconds)

    def _gpu_note(self, answer: GpuPoll | None, silent_seconds: float) -> str:
        if answer is not None:
            return answer.note
        if self._hung:
            return f"the driver has not answered for {format_whole_seconds(silent_seconds)}"
        return WAITING_NOTE

    def _host_reading(self, notes: list[str]) -> HostReading:
        try:
            return self._read_host()
        except Exception as error:  # noqa: BLE001 - top of a thread: sensors must not end a run
            notes.append(f"this computer's sensors could not be read ({describe_error(error)})")
            return HostReading()

    def _adapt(self, poll_seconds: float) -> None:
        self._expensive_polls = self._expensive_polls + 1 if poll_seconds > EXPENSIVE_POLL_SECONDS else 0
        if self._expensive_polls >= EXPENSIVE_POLLS:
            longest = max(self._base_interval, LONGEST_SAMPLING_INTERVAL_SECONDS)
            self._interval = min(longest, self._interval * 2)
        elif poll_seconds < CHEAP_POLL_SECONDS:
            self._interval = max(self._base_interval, self._interval / 2)
