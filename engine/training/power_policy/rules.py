"""The rules of the house: from the dials, the time of day and what the sensors say to how much the run may work.

Pure: time comes in as an argument, nothing is read and nothing is said. Choices:

- Quiet hours follow the clock to the second. The battery has a little patience, because a plug is seen to flicker.
- The lowest duty counts.
- A rule that a person overruled stays so until its stretch ends, or until its dial is turned.
- A temperature or power that nobody tells any more keeps the duty that last held it (the mean of a minute), for as long
  as it stays silent. To go free would be to bet somebody's ceiling on hope, and it costs speed only: the log says it
  once, and a dial lifts it. One that was never told at all binds nobody, and that is said once too.
- A battery that says nothing for five minutes no longer pauses: a run that waits for what cannot come never ends, and
  when the battery is empty after all the newest checkpoint is there.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from babytrain.engine.training.power_policy import messages
from babytrain.engine.training.power_policy.controllers import PowerController, ThermalController
from babytrain.runs.dials.state import DialState
from babytrain.runs.events import GpuReading, HostReading, PolicyCause
from babytrain.runs.time_of_day import DayWindow, minute_of_day, parse_windows

UNPLUGGED_SECONDS = 2.0
PLUGGED_SECONDS = 5.0
BATTERY_SILENT_SECONDS = 300.0
SENSOR_SILENT_SECONDS = 30.0
AVERAGED_DUTY_SECONDS = 60.0  # of which the mean duty is kept when a sensor falls silent


@dataclass(frozen=True)
class PolicySettings:
    """Where the dials of the house stand. A ceiling (°C) or budget (watts) of 0 is none."""

    quiet_hours: tuple[DayWindow, ...] = ()
    quiet_duty: float = 0.0
    temperature_ceiling_celsius: float = 0.0
    power_budget_watts: float = 0.0
    pause_on_battery: bool = False

    @property
    def lifted(self) -> frozenset[PolicyCause]:
        """What there is no rule for."""
        rules: dict[PolicyCause, object] = {
            "quiet hours": self.quiet_hours,
            "battery": self.pause_on_battery,
            "heat": self.temperature_ceiling_celsius,
            "power": self.power_budget_watts,
        }
        return frozenset(cause for cause, rule in rules.items() if not rule)

    @classmethod
    def of(cls, dials: DialState) -> PolicySettings:
        """The rules that the dials of a run make."""
        return cls(
            quiet_hours=parse_windows(dials.quiet_hours),
            quiet_duty=dials.quiet_duty,
            temperature_ceiling_celsius=dials.temperature_ceiling_celsius,
            power_budget_watts=dials.power_budget_watts,
            pause_on_battery=dials.on_battery == "pause",
        )


@dataclass(frozen=True)
class SensorSample:
    """What the sensors said about what the rules need, at `at` (monotonic seconds). None: nothing.

    `working`: whether the run worked then, or was paused.
    """

    at: float
    celsius: float | None = None
    watts: float | None = None
    plugged_in: bool | None = None
    name: str = ""  # of the card, empty for the processor
    working: bool = True


def take_sensor_sample(
    at: float, host: HostReading, gpus: tuple[GpuReading, ...], *, on_card: bool, working: bool = True
) -> SensorSample:
    """The temperature of the card that trains, else of the processor if that does; power of the nearest thing known."""
    card = next((gpu for gpu in gpus if gpu.trains), None)
    celsius, name = (None, "") if on_card else (host.temperature_celsius, "")
    watts = card.power_watts if card is not None else None
    if card is not None:
        celsius, name = card.temperature_celsius, card.nickname or card.name
    if watts is None:
        watts = host.processor_watts if host.processor_watts is not None else host.battery_watts
    return SensorSample(at, celsius, watts, host.plugged_in, name, working)


@dataclass(frozen=True)
class PolicyLimit:
    """One rule that holds: the share of the time it leaves, 0 for none, and why in a sentence."""

    cause: PolicyCause
    duty_cycle: float
    text: str = field(compare=False)


@dataclass(frozen=True)
class PolicyDecision:
    """Every rule that holds; without any the run is free."""

    holds: tuple[PolicyLimit, ...] = ()
    lifted: frozenset[PolicyCause] = frozenset()  # what there is no rule for

    @property
    def duty_cycle(self) -> float:
        """The share of the time the run may work, 0 when it is to pause."""
        return min((hold.duty_cycle for hold in self.holds), default=1.0)

    @property
    def working_duty(self) -> float:
        """The share of the time while it works: what rules that pause say does not count."""
        return min((hold.duty_cycle for hold in self.holds if hold.duty_cycle > 0), default=1.0)

    @property
    def pauses(self) -> bool:
        """Whether it may not work at all."""
        return self.duty_cycle == 0.0


NO_LIMITS = PolicyDecision()


class _LimitedQuantity:
    """A quantity held by a duty: the newest value, and what to do when none comes any more."""

    def __init__(self) -> None:
        self.newest: float | None = None
        self.silence_reported = False
        self._first_at: float | None = None
        self._last_at: float | None = None
        self._held: deque[tuple[float, float]] = deque()  # when, duty

    def seconds_since_last(self, at: float) -> float:
        return 0.0 if self._last_at is None else at - self._last_at

    def told(self, at: float, value: float, duty_cycle: float | None) -> None:
        """A value, and the duty that is to hold it; None while the run does not work."""
        self.newest, self._last_at, self.silence_reported = value, at, False
        if duty_cycle is None:
            return
        self._held.append((at, duty_cycle))
        while self._held[0][0] < at - AVERAGED_DUTY_SECONDS:
            self._held.popleft()

    def not_told(self, at: float) -> None:
        if self._first_at is None:
            self._first_at = at

    def is_silent(self, at: float) -> bool:
        since = self._last_at if self._last_at is not None else self._first_at
        return since is not None and at - since > SENSOR_SILENT_SECONDS

    @property
    def average_duty(self) -> float:
        """The duty that held it of late; free when nothing was ever told."""
        return sum(duty_cycle for _, duty_cycle in self._held) / len(self._held) if self._held else 1.0


class PowerPolicy:
    """Decides. `see` takes readings in, oldest first; `decide` says what holds now."""

    def __init__(self) -> None:
        self.sentences: list[str] = []  # what is to be said besides decisions; whoever says it empties the list
        self._house = PolicySettings()
        self._heat, self._heat_keeper = _LimitedQuantity(), ThermalController()
        self._power, self._power_keeper = _LimitedQuantity(), PowerController()
        self._name = ""
        self._on_battery = False
        self._plug: tuple[bool | None, float] = (None, 0.0)  # what it says, and since when
        self._overruled: set[PolicyCause] = set()

    def set_settings(self, settings: PolicySettings) -> None:
        """Other rules hold from now on. One whose dial was turned is in force again, and begins anew."""
        old, self._house = self._house, settings
        if (settings.quiet_hours, settings.quiet_duty) != (old.quiet_hours, old.quiet_duty):
            self._overruled.discard("quiet hours")
        if settings.pause_on_battery != old.pause_on_battery:
            self._overruled.discard("battery")
        if not settings.temperature_ceiling_celsius:
            self._heat, self._heat_keeper = _LimitedQuantity(), ThermalController()
        if not settings.power_budget_watts:
            self._power, self._power_keeper = _LimitedQuantity(), PowerController()

    def take_sample(self, sample: SensorSample) -> None:
        """Take one reading in."""
        settings, at = self._house, sample.at
        self._see_plug(sample)
        self._name = sample.name
        if settings.temperature_ceiling_celsius:
            heat = self._heat
            if sample.celsius is None:
                heat.not_told(at)
            else:
                duty_cycle = self._heat_keeper.take(
                    sample.celsius,
                    settings.temperature_ceiling_celsius,
                    heat.seconds_since_last(at),
                    working=sample.working,
                )
                heat.told(at, sample.celsius, duty_cycle if sample.working else None)
        if settings.power_budget_watts:
            power = self._power
            if sample.watts is None:
                power.not_told(at)
            elif not sample.working:  # what a paused run draws says nothing about a working one
                power.told(at, sample.watts, None)
            else:
                duty_cycle = self._power_keeper.take(
                    sample.watts, settings.power_budget_watts, power.seconds_since_last(at)
                )
                power.told(at, sample.watts, duty_cycle)

    def decide(self, now: float, wall_time: float) -> PolicyDecision:
        """What holds at `now` (monotonic seconds), which is `wall_time` (Unix seconds) on the wall."""
        settings, minute = self._house, minute_of_day(wall_time)
        quiet = any(window.contains(minute) for window in settings.quiet_hours)
        on_battery = settings.pause_on_battery and self._on_battery
        if not quiet:
            self._overruled.discard("quiet hours")
        if not on_battery:
            self._overruled.discard("battery")
        holds: list[PolicyLimit] = []
        if quiet and settings.quiet_duty < 1:
            text = messages.quiet_hours_message(settings.quiet_hours, minute, settings.quiet_duty)
            holds.append(PolicyLimit("quiet hours", settings.quiet_duty, text))
        if on_battery:
            holds.append(PolicyLimit("battery", 0.0, messages.battery_message()))
        holds = [hold for hold in holds if hold.cause not in self._overruled]
        if settings.temperature_ceiling_celsius and (duty_cycle := self._heat_duty(now)) is not None:
            text = messages.temperature_message(
                self._name, self._heat.newest or 0.0, settings.temperature_ceiling_celsius, duty_cycle
            )
            holds.append(PolicyLimit("heat", duty_cycle, text))
        if settings.power_budget_watts and (duty_cycle := self._power_duty(now)) is not None:
            holds.append(
                PolicyLimit(
                    "power",
                    duty_cycle,
                    messages.power_message(self._power.newest or 0.0, settings.power_budget_watts, duty_cycle),
                )
            )
        return PolicyDecision(tuple(holds), settings.lifted)

    def overrule(self, now: float, wall_time: float) -> list[tuple[PolicyCause, str]]:
        """Have the run go on against the rules that pause it; returns which those were, and what to say."""
        causes = [hold.cause for hold in self.decide(now, wall_time).holds if hold.duty_cycle == 0]
        self._overruled.update(causes)
        return [(cause, messages.overruled_message(cause)) for cause in causes]

    def _heat_duty(self, now: float) -> float | None:
        return self._governed_duty(
            now, self._heat, self._heat_keeper.duty_cycle, "temperature", "temperature_ceiling_celsius"
        )

    def _power_duty(self, now: float) -> float | None:
        return self._governed_duty(now, self._power, self._power_keeper.duty_cycle, "power", "power_budget_watts")

    def _governed_duty(
        self, now: float, governed: _LimitedQuantity, duty_cycle: float, what: str, setting: str
    ) -> float | None:
        """The duty that holds a quantity, None while nothing was told of it: then there is nothing to hold."""
        silent = governed.is_silent(now)
        if silent and not governed.silence_reported:
            governed.silence_reported = True
            self.sentences.append(messages.silent_sensor_message(what, setting, governed.average_duty))
        if governed.newest is None:
            return None
        return governed.average_duty if silent else duty_cycle

    def _see_plug(self, sample: SensorSample) -> None:
        says, since = self._plug
        if sample.plugged_in != says:
            says, since = self._plug = (sample.plugged_in, sample.at)
        seconds = sample.at - since
        if says is False and seconds >= UNPLUGGED_SECONDS:
            self._on_battery = True
        elif says is True and seconds >= PLUGGED_SECONDS:
            self._on_battery = False
        elif says is None and seconds >= BATTERY_SILENT_SECONDS and self._on_battery:
            self._on_battery = False
            if self._house.pause_on_battery:
                self.sentences.append(messages.battery_silent_message())
