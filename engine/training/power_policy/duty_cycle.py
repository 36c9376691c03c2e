"""The duty cycle of a run: receives sensor readings, meters energy, and rests as the power policy decides.

Choices:

- The sensors' thread only appends samples; the policy decides in the training thread, which alone writes the journal.
  So there is no lock, and quiet hours are kept even when the sensors hang.
- A rest is slept in slices of at most 50 ms and interrupted by requests; the remainder follows later. Rests too short
  for a timer are saved up over 0.1 s of work.
- CUDA steps are queued, so the device is synchronised before a rest; it would work through the rest otherwise.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import asdict

import torch

from babytrain.engine.telemetry.energy_meter import EnergyMeter
from babytrain.engine.training.power_policy.controllers import rest_seconds
from babytrain.engine.training.power_policy.reporter import PolicyChange, PolicyReporter
from babytrain.engine.training.power_policy.rules import (
    NO_LIMITS,
    PolicyDecision,
    PolicySettings,
    PowerPolicy,
    SensorSample,
    take_sensor_sample,
)
from babytrain.engine.training.recorder import Recorder
from babytrain.runs.dials.dial_state import DialState
from babytrain.runs.events import GpuReading, HostReading, PolicyEvent
from babytrain.runs.state.elapsed_time import PAUSED_PHASES
from babytrain.runs.state.live_feed import LiveFeed

REST_SLICE_SECONDS = 0.05
SHORTEST_REST_SECONDS = 1e-6
WORK_PER_REST_SECONDS = 0.1
DECISION_INTERVAL_SECONDS = 0.25
MOST_WAITING_SAMPLES = 120  # waiting for the training thread
CARD_LOST_PREFIX = "GPU lost"  # first words of the reason of a card that fell off the bus


class DutyCycleController:
    """`take_reading` is for the sensors' thread, `lost_card` and `rested_seconds` for any, the rest for training."""

    def __init__(
        self,
        recorder: Recorder,
        feed: LiveFeed,
        meter: EnergyMeter,
        *,
        device: torch.device,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._recorder, self._feed, self._meter, self._device = recorder, feed, meter, device
        self._clock, self._wall_clock, self._sleep = clock, wall_clock, sleep
        self._samples: deque[SensorSample] = deque(maxlen=MOST_WAITING_SAMPLES)
        self._policy, self._reporter = PowerPolicy(), PolicyReporter()
        self._dials: DialState | None = None
        self._decision: PolicyDecision = NO_LIMITS
        self._decided_at = float("-inf")
        self._worked = self._rested = 0.0  # seconds of work to rest for, and of rest since
        self._rested_in_all = 0.0  # between two steps, since the session began
        self._trains_on_card = False
        self._readings = 0  # of the sensors so far
        self._lost = threading.Event()
        self._lost_card = ""

    def take_reading(self, host: HostReading, gpus: tuple[GpuReading, ...], note: str) -> None:
        """Publish a sensor reading, meter its energy, and append a sample for the policy."""
        recorder = self._recorder
        recorder.publish_vitals(host, gpus, note)
        now = self._clock()
        phase = recorder.phase
        working = phase != "loading" and phase not in PAUSED_PHASES
        self._samples.append(take_sensor_sample(now, host, gpus, on_card=self._device.type == "cuda", working=working))
        card = next((gpu for gpu in gpus if gpu.trains), None)
        if card is not None:
            self._trains_on_card = True
            if card.missing.get("card", "").startswith(CARD_LOST_PREFIX):
                self._lost_card = card.nickname or card.name
                self._lost.set()
        self._readings += 1
        energy = self._meter.take_reading(
            monotonic=now,
            boottime=_boottime(),
            wall_time=self._wall_clock(),
            host=host,
            gpus=gpus,
            t=recorder.now(),
            step=recorder.step,
            held=phase in PAUSED_PHASES,
        )
        recorder.publish(energy)

    def lost_card(self, wait_seconds: float = 0.0) -> str:
        """The name of the training card once it is lost, else an empty string.

        Waits up to `wait_seconds` for the sensors to notice, where a card trains, but at most two readings: the one in
        progress may have begun before the loss.
        """
        if wait_seconds and self._trains_on_card:
            enough, deadline = self._readings + 2, time.monotonic() + wait_seconds
            while not self._lost.wait(REST_SLICE_SECONDS) and self._readings < enough and time.monotonic() < deadline:
                pass
        return self._lost_card

    def rested_seconds(self) -> float:
        """Seconds of this session without work: paused, in quiet hours, or resting between steps."""
        return self._rested_in_all + self._recorder.held_seconds()

    @property
    def pausing(self) -> bool:
        """Whether a limit paused the run at the last decision."""
        return self._decision.pauses

    def decide(self, dials: DialState) -> PolicyDecision:
        """The limits now; changes become events. Cached for a quarter of a second while nothing changes."""
        now = self._clock()
        if dials is self._dials and not self._samples and now - self._decided_at < DECISION_INTERVAL_SECONDS:
            return self._decision
        self._decided_at = now
        if dials is not self._dials:
            self._dials = dials
            self._policy.set_settings(PolicySettings.of(dials))
        while self._samples:
            self._policy.take_sample(self._samples.popleft())
        self._decision = self._policy.decide(now, self._wall_clock())
        for change in self._reporter.changes(self._decision, now):
            self._emit(change)
        for sentence in self._policy.sentences:
            self._recorder.note(sentence, "warning")
        self._policy.sentences.clear()
        return self._decision

    def overrule(self, dials: DialState) -> None:
        """Override the limits that pause the run now, until their period ends."""
        if not self.decide(dials).pauses:
            return
        for cause, text in self._policy.overrule(self._clock(), self._wall_clock()):
            self._emit(self._reporter.overruled(cause, text))
        self._decided_at = float("-inf")
        self.decide(dials)

    def rest_between_steps(self, dials: DialState, worked_seconds: float) -> bool:
        """Rest after `worked_seconds` of work as the duty cycle says. True when interrupted: call again.

        A request, a stop or a lost card interrupts. Limits that pause are ignored: such a step was requested.
        """
        if self.decide(dials).working_duty >= 1.0:
            self._worked = self._rested = 0.0
            return False
        self._worked += worked_seconds
        if self._worked < WORK_PER_REST_SECONDS:
            return False
        if self._device.type == "cuda" and not self._rested:
            began = self._clock()
            torch.cuda.synchronize(self._device)
            self._worked += self._clock() - began
        # Decided again before each slice: a card that has cooled down may rest less.
        while (
            owed := rest_seconds(self._worked, self.decide(dials).working_duty) - self._rested
        ) > SHORTEST_REST_SECONDS:
            if self._is_interrupted():
                return True
            began = self._clock()
            self._sleep(min(owed, REST_SLICE_SECONDS))
            rested = self._clock() - began
            self._rested += rested
            self._rested_in_all += rested
            self._recorder.write_handed_over()
        self._worked = self._rested = 0.0
        return False

    def _is_interrupted(self) -> bool:
        return not self._feed.requests.empty() or self._feed.stop_requested.is_set() or self._lost.is_set()

    def _emit(self, change: PolicyChange) -> None:
        recorder = self._recorder
        recorder.emit(PolicyEvent(t=recorder.now(), step=recorder.step, **asdict(change)))


def _boottime() -> float:
    """Monotonic seconds that include sleep of the computer, where the system counts them."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()
