"""The housekeeper of a run: hears the sensors, counts the electricity, and has the run rest as the rules say.

Choices:

- The sensors' thread only leaves what it saw; the rules are judged in the training thread, which alone writes the
  journal. So there is no lock, and quiet hours are kept even when the sensors hang.
- A rest is slept in slices of at most 50 ms and gives way at once when a person asks for something; what is left of it
  comes after that. Rests shorter than a timer can sleep are saved up: a tenth of a second of work at a time is paid
  for.
- On a CUDA card steps are queued, so the queue is waited for before a rest begins; the card would work through it else.
- Nothing here touches a weight, a gradient or a random state: a restrained run ends in the same bits, later.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Protocol

import torch

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
from babytrain.runs.dials.state import DialState
from babytrain.runs.events import Energy, GpuReading, HostReading, PolicyEvent
from babytrain.runs.state.elapsed_time import PAUSED_PHASES
from babytrain.runs.state.live_feed import LiveFeed

REST_SLICE_SECONDS = 0.05
SHORTEST_REST_SECONDS = 1e-6
WORK_PER_REST_SECONDS = 0.1
DECISION_INTERVAL_SECONDS = 0.25
MOST_WAITING_SAMPLES = 120  # readings that wait for the training thread
CARD_LOST_PREFIX = "GPU lost"  # how the reason of a card that fell off the bus begins


class ElectricityMeter(Protocol):
    """Counts electricity."""

    def look(
        self,
        *,
        monotonic: float,
        boottime: float,
        wall_time: float,
        host: HostReading,
        gpus: tuple[GpuReading, ...],
        t: float,
        step: int,
        held: bool,
    ) -> Energy:
        """The electricity of the run so far, this reading included."""


class DutyCycleController:
    """`look` is for the sensors' thread, `lost_card` and `rested_seconds` for both, all else for the training one."""

    def __init__(
        self,
        recorder: Recorder,
        feed: LiveFeed,
        meter: ElectricityMeter,
        *,
        device: torch.device,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._recorder, self._feed, self._meter, self._device = recorder, feed, meter, device
        self._clock, self._wall_clock, self._sleep = clock, wall_clock, sleep
        self._unseen: deque[SensorSample] = deque(maxlen=MOST_WAITING_SAMPLES)
        self._rules, self._herald = PowerPolicy(), PolicyReporter()
        self._dials: DialState | None = None
        self._decision: PolicyDecision = NO_LIMITS
        self._judged_at = float("-inf")
        self._worked = self._rested = 0.0  # seconds of work that are being paid for, and of rest since
        self._rested_in_all = 0.0  # between two steps, since the session began
        self._trains_on_card = False
        self._looks = 0  # of the sensors so far
        self._lost = threading.Event()
        self._lost_card = ""

    # -- the sensors' thread -----------------------------------------------------------------------------------

    def look(self, host: HostReading, gpus: tuple[GpuReading, ...], note: str) -> None:
        """Take in what the sensors say: shown, counted, and left for the rules."""
        recorder = self._recorder
        recorder.publish_vitals(host, gpus, note)
        now = self._clock()
        phase = recorder.phase
        working = phase != "loading" and phase not in PAUSED_PHASES
        self._unseen.append(take_sensor_sample(now, host, gpus, on_card=self._device.type == "cuda", working=working))
        card = next((gpu for gpu in gpus if gpu.trains), None)
        if card is not None:
            self._trains_on_card = True
            if card.missing.get("card", "").startswith(CARD_LOST_PREFIX):
                self._lost_card = card.nickname or card.name
                self._lost.set()
        self._looks += 1
        energy = self._meter.look(
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

    # -- either ------------------------------------------------------------------------------------------------

    def lost_card(self, patience: float = 0.0) -> str:
        """The name of the card the run trains on once it is lost, else nothing.

        With `patience`, and a card that trains, the sensors get so many seconds to notice, but no more than two looks:
        the one under way may have begun before there was anything to see.
        """
        if patience and self._trains_on_card:
            enough, deadline = self._looks + 2, time.monotonic() + patience
            while not self._lost.wait(REST_SLICE_SECONDS) and self._looks < enough and time.monotonic() < deadline:
                pass
        return self._lost_card

    def rested_seconds(self) -> float:
        """For how long the run has not worked in this session: paused, in quiet hours, at rest between two steps."""
        return self._rested_in_all + self._recorder.held_seconds()

    # -- the training thread -----------------------------------------------------------------------------------

    @property
    def pausing(self) -> bool:
        """Whether a rule holds the run back altogether, as of the last time that was judged."""
        return self._decision.pauses

    def judge(self, dials: DialState) -> PolicyDecision:
        """What the rules say now. What has changed is told; the same as a moment ago costs next to nothing."""
        now = self._clock()
        if dials is self._dials and not self._unseen and now - self._judged_at < DECISION_INTERVAL_SECONDS:
            return self._decision
        self._judged_at = now
        if dials is not self._dials:
            self._dials = dials
            self._rules.set_settings(PolicySettings.of(dials))
        while self._unseen:
            self._rules.take_sample(self._unseen.popleft())
        self._decision = self._rules.decide(now, self._wall_clock())
        for change in self._herald.hear(self._decision, now):
            self._tell(change)
        for sentence in self._rules.sentences:
            self._recorder.note(sentence, "warning")
        self._rules.sentences.clear()
        return self._decision

    def overrule(self, dials: DialState) -> None:
        """A person has the run go on: the rules that pause it now give way until their stretch ends."""
        if not self.judge(dials).pauses:
            return
        for cause, text in self._rules.overrule(self._clock(), self._wall_clock()):
            self._tell(self._herald.overruled(cause, text))
        self._judged_at = float("-inf")
        self.judge(dials)

    def rest_between_steps(self, dials: DialState, worked_seconds: float) -> bool:
        """Rest after `worked_seconds` of work as the duty says. True when it was cut short, to be called again.

        It is as soon as a person asks for something, training is to stop or the card is lost. Rules that pause are not
        its business: whoever steps in spite of one was told to.
        """
        if self.judge(dials).working_duty >= 1.0:
            self._worked = self._rested = 0.0
            return False
        self._worked += worked_seconds
        if self._worked < WORK_PER_REST_SECONDS:
            return False
        if self._device.type == "cuda" and not self._rested:
            began = self._clock()
            torch.cuda.synchronize(self._device)
            self._worked += self._clock() - began
        # Asked again before each slice: a card that has cooled down need not rest as long as was thought.
        while (
            owed := rest_seconds(self._worked, self.judge(dials).working_duty) - self._rested
        ) > SHORTEST_REST_SECONDS:
            if self._is_called():
                return True
            began = self._clock()
            self._sleep(min(owed, REST_SLICE_SECONDS))
            rested = self._clock() - began
            self._rested += rested
            self._rested_in_all += rested
            self._recorder.file_handed_over()
        self._worked = self._rested = 0.0
        return False

    def _is_called(self) -> bool:
        return not self._feed.requests.empty() or self._feed.stop_requested.is_set() or self._lost.is_set()

    def _tell(self, change: PolicyChange) -> None:
        recorder = self._recorder
        recorder.emit(
            PolicyEvent(
                t=recorder.now(),
                step=recorder.step,
                cause=change.cause,
                action=change.action,
                text=change.text,
                duty_cycle=change.duty_cycle,
            )
        )


def _boottime() -> float:
    """Seconds that go on while the computer sleeps, where the system counts those."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()
