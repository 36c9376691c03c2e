"""Sensors once a second, whatever the sensors do: readings are published from a daemon thread until it is stopped.

Choices:

- Two threads. One reads the host and publishes; the other (`GpuThread`) talks to the graphics driver, and is waited for
  at most `hang_seconds`. A driver that hangs costs the card's readings, never the host's, and never a stop.
- While the driver is silent nothing old is published as new: the reading has no cards and a note that says since when.
- Sensors must not cost training: two readings in a row that take more than 50 ms each, of processor time or of waiting
  for the graphics driver, double the interval (up to 10 s); cheap ones bring it back. A single expensive reading is a
  hiccup of a busy computer.
- Whatever breaks, in a sensor or in `publish`, ends up in a note. The thread goes on.
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

Publish: TypeAlias = Callable[[HostReading, tuple[GpuReading, ...], str], None]

EXPENSIVE_POLL_SECONDS = 0.05
CHEAP_POLL_SECONDS = 0.025
EXPENSIVE_POLLS = 2  # in a row
LONGEST_SAMPLING_INTERVAL_SECONDS = 10.0
WAITING_NOTE = "waiting for the graphics driver"


class TelemetrySampler:
    """Calls `publish(host, gpus, gpu_note)` every `interval_seconds` or so, from its own thread, until stopped.

    `read_host` defaults to the real sensors. `hang_seconds` is how long a driver may take for one reading before it
    counts as hung; it is said as soon as that has passed, so within three seconds as it stands.
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
        self._trouble = ""  # what went wrong here since the last note
        self._hung = False
        self._expensive_polls = 0  # in a row
        self._stop = threading.Event()
        self._gpu = GpuThread(open_gpu)
        self._thread = threading.Thread(target=self._run, name="babytrain-telemetry", daemon=True)

    @property
    def hung(self) -> bool:
        """Whether the graphics driver owes an answer for longer than it may take."""
        return self._hung

    @property
    def interval_seconds(self) -> float:
        """The time between readings as it is now; longer than asked for while readings are expensive."""
        return self._interval

    def start(self) -> None:
        """Begin. Once only."""
        self._gpu.start()
        self._thread.start()

    def stop(self, timeout: float = 2.0) -> bool:
        """End both threads; nothing is published after a True. False when one is still stuck after `timeout` seconds.

        A driver known to hang is not waited for: its thread is a daemon and goes down with the program.
        """
        deadline = time.monotonic() + timeout
        self._stop.set()
        self._gpu.request_stop()
        if self._thread.ident is not None:
            self._thread.join(timeout)
        patience = 0.0 if self._hung else max(0.0, deadline - time.monotonic())
        released = self._gpu.join(patience)
        return released and not self._thread.is_alive()

    def _run(self) -> None:
        while not self._stop.is_set():
            started = time.monotonic()
            self._tick()
            elapsed = time.monotonic() - started
            # After a poll that outlasted the interval the driver gets a pause, not the next question at once.
            pause = self._interval - elapsed if elapsed < self._interval else self._interval
            silent = self._gpu.silent_seconds
            if silent and not self._hung:  # poll again as soon as the driver has used up its time
                pause = min(pause, max(0.0, self._hang_seconds - silent))
            self._stop.wait(pause)

    def _tick(self) -> None:
        started = time.thread_time()
        notes = [self._trouble] if self._trouble else []
        self._trouble = ""
        host = self._host_reading(notes)
        self._gpu.ask()
        answer = self._gpu.take(self._patience())
        if self._stop.is_set():
            return
        silent = self._gpu.silent_seconds
        self._hung = answer is None and silent >= self._hang_seconds
        notes.insert(0, self._gpu_note(answer, silent))
        try:
            self._publish(host, answer.gpus if answer else (), "; ".join(note for note in notes if note))
        except Exception as error:  # noqa: BLE001 - the edge of a thread: one reading is lost, the next may not be
            self._trouble = f"a reading could not be passed on ({describe_error(error)})"
        cpu_seconds = time.thread_time() - started + (answer.cpu_seconds if answer else 0.0)
        self._adapt(max(cpu_seconds, answer.driver_seconds if answer else 0.0))

    def _patience(self) -> float:
        """How long to wait for the cards: all the time they may take, but the opening keeps nobody waiting."""
        limit = self._hang_seconds if self._gpu.opened else min(self._hang_seconds, self._interval / 2)
        return max(0.0, limit - self._gpu.silent_seconds)

    def _gpu_note(self, answer: GpuPoll | None, silent_seconds: float) -> str:
        if answer is not None:
            return answer.note
        if self._hung:
            return f"the driver has not answered for {silent_seconds:.0f} s"
        return WAITING_NOTE

    def _host_reading(self, notes: list[str]) -> HostReading:
        try:
            return self._read_host()
        except Exception as error:  # noqa: BLE001 - the edge of a thread: sensors are not worth a run
            notes.append(f"this computer's sensors could not be read ({describe_error(error)})")
            return HostReading()

    def _adapt(self, poll_seconds: float) -> None:
        self._expensive_polls = self._expensive_polls + 1 if poll_seconds > EXPENSIVE_POLL_SECONDS else 0
        if self._expensive_polls >= EXPENSIVE_POLLS:
            longest = max(self._base_interval, LONGEST_SAMPLING_INTERVAL_SECONDS)
            self._interval = min(longest, self._interval * 2)
        elif poll_seconds < CHEAP_POLL_SECONDS:
            self._interval = max(self._base_interval, self._interval / 2)
