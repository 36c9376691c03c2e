"""The power policy: from dials, time of day and sensor samples to the limits of a run. Pure: time is an argument.

Choices:

- Quiet hours are exact to the second. The battery has a delay, because plugs are seen to flicker.
- The lowest duty cycle counts. An overruled rule stays so until its period ends or its dial changes.
- Without new readings of a temperature or power the mean duty cycle of the last minute is kept while the sensor is
  silent: full speed could break the ceiling. The log says it once, and a dial lifts it. A quantity that was never
  measured limits nothing, which is logged once too.
- A battery that is silent for five minutes no longer pauses: the run would wait for ever, and if the battery runs out
  the newest checkpoint is there.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from babytrain.engine.training.power_policy import messages
from babytrain.engine.training.power_policy.controllers import PowerController, ThermalController
from babytrain.runs.dials.dial_state import DialState
from babytrain.runs.energy.measurement import training_power
from babytrain.runs.events import GpuReading, HostReading, PolicyCause
from babytrain.runs.time_of_day import DayWindow, minute_of_day, parse_windows

UNPLUGGED_SECONDS = 2.0
PLUGGED_SECONDS = 5.0
BATTERY_SILENT_SECONDS = 300.0
SENSOR_SILENT_SECONDS = 30.0
AVERAGED_DUTY_SECONDS = 60.0  # the mean over these is kept when a sensor falls silent


@dataclass(frozen=True)
class PolicySettings:
    """The dials of the power policy. A ceiling (°C) or budget (watts) of 0 is none."""

    quiet_hours: tuple[DayWindow, ...] = ()
    quiet_duty: float = 0.0
    temperature_ceiling_celsius: float = 0.0
    power_budget_watts: float = 0.0
    pause_on_battery: bool = False

    @property
    def lifted(self) -> frozenset[PolicyCause]:
        """The causes that no rule is set for."""
        rules: dict[PolicyCause, object] = {
            "quiet hours": self.quiet_hours,
            "battery": self.pause_on_battery,
            "heat": self.temperature_ceiling_celsius,
            "power": self.power_budget_watts,
        }
        return frozenset(cause for cause, rule in rules.items() if not rule)

    @classmethod
    def of(cls, dials: DialState) -> PolicySettings:
        """The settings in the dials of a run."""
        return cls(
            quiet_hours=parse_windows(dials.quiet_hours),
            quiet_duty=dials.quiet_duty,
            temperature_ceiling_celsius=dials.temperature_ceiling_celsius,
            power_budget_watts=dials.power_budget_watts,
            pause_on_battery=dials.on_battery == "pause",
        )


@dataclass(frozen=True)
class SensorSample:
    """The measurements that the rules need, at `at` (monotonic seconds); None where nothing was measured.

    `working`: the run was not paused.
    """

    at: float
    celsius: float | None = None
    watts: float | None = None
    plugged_in: bool | None = None
    name: str = ""  # of the card, empty for the processor
    who_draws: str = ""  # the watts, such as "The processor draws"
    working: bool = True


def take_sensor_sample(
    at: float, host: HostReading, gpus: tuple[GpuReading, ...], *, on_card: bool, working: bool = True
) -> SensorSample:
    """Temperature of the card or processor that trains; power of the card, else processor, else battery."""
    card = next((gpu for gpu in gpus if gpu.trains), None)
    celsius, name = (None, "") if on_card else (host.temperature_celsius, "")
    if card is not None:
        celsius, name = card.temperature_celsius, card.nickname or card.name
    who_draws, watts = training_power(card, host) or ("", None)
    return SensorSample(at, celsius, watts, host.plugged_in, name, who_draws, working)


@dataclass(frozen=True)
class PolicyLimit:
    """A rule that limits the run: its duty cycle, 0 for a pause, and a sentence."""

    cause: PolicyCause
    duty_cycle: float
    text: str = field(compare=False)


@dataclass(frozen=True)
class PolicyDecision:
    """Every limit that applies. `lifted`: the causes without a rule."""

    limits: tuple[PolicyLimit, ...] = ()
    lifted: frozenset[PolicyCause] = frozenset()

    @property
    def duty_cycle(self) -> float:
        """The lowest duty cycle of all limits, 0 for a pause."""
        return min((limit.duty_cycle for limit in self.limits), default=1.0)

    @property
    def working_duty(self) -> float:
        """The lowest duty cycle of the limits that do not pause."""
        return min((limit.duty_cycle for limit in self.limits if limit.duty_cycle > 0), default=1.0)

    @property
    def pauses(self) -> bool:
        """Whether a limit pauses the run."""
        return self.duty_cycle == 0.0


NO_LIMITS = PolicyDecision()


class _LimitedQuantity:
    """A quantity held by a controller, with its newest value and what to do when its sensor is silent."""

    def __init__(self, controller: ThermalController | PowerController, name: str, setting: str) -> None:
        self.newest: float | None = None
        self._controller, self._name, self._setting = controller, name, setting
        self._silence_reported = False
        self._first_at: float | None = None  # of the samples without a value
        self._last_at: float | None = None  # of the values
        self._recent: deque[tuple[float, float]] = deque()  # when, duty cycle

    def take(self, at: float, value: float | None, limit: float, *, working: bool) -> None:
        if value is None:
            self._first_at = at if self._first_at is None else self._first_at
            return
        seconds = 0.0 if self._last_at is None else at - self._last_at
        duty_cycle = self._controller.take(value, limit, seconds, working=working)
        self.newest, self._last_at, self._silence_reported = value, at, False
        if working:
            self._recent.append((at, duty_cycle))
            while self._recent[0][0] < at - AVERAGED_DUTY_SECONDS:
                self._recent.popleft()

    def duty_cycle(self, now: float, sentences: list[str]) -> float | None:
        """The duty cycle; None while nothing was measured. A silent sensor is added to `sentences` once."""
        since = self._last_at if self._last_at is not None else self._first_at
        if since is None or now - since <= SENSOR_SILENT_SECONDS:
            return None if self.newest is None else self._controller.duty_cycle
        recent = [duty_cycle for _, duty_cycle in self._recent]
        average = sum(recent) / len(recent) if recent else 1.0
        if not self._silence_reported:
            self._silence_reported = True
            sentences.append(messages.silent_sensor_message(self._name, self._setting, average))
        return None if self.newest is None else average


def _temperature() -> _LimitedQuantity:
    return _LimitedQuantity(ThermalController(), "temperature", "temperature_ceiling_celsius")


def _power() -> _LimitedQuantity:
    return _LimitedQuantity(PowerController(), "power", "power_budget_watts")


class PowerPolicy:
    """Takes sensor samples, oldest first, and decides which limits apply."""

    def __init__(self) -> None:
        self.sentences: list[str] = []  # for the log; the caller writes them and clears the list
        self._settings = PolicySettings()
        self._temperature, self._power = _temperature(), _power()
        self._card_name, self._who_draws = "", ""
        self._on_battery = False
        self._plug: tuple[bool | None, float] = (None, 0.0)  # plugged in, and since when
        self._overruled: set[PolicyCause] = set()

    def set_settings(self, settings: PolicySettings) -> None:
        """Replace the rules. A rule whose dial changed is no longer overruled."""
        old, self._settings = self._settings, settings
        if (settings.quiet_hours, settings.quiet_duty) != (old.quiet_hours, old.quiet_duty):
            self._overruled.discard("quiet hours")
        if settings.pause_on_battery != old.pause_on_battery:
            self._overruled.discard("battery")
        if not settings.temperature_ceiling_celsius:
            self._temperature = _temperature()
        if not settings.power_budget_watts:
            self._power = _power()

    def take_sample(self, sample: SensorSample) -> None:
        """Take a sample."""
        settings = self._settings
        self._take_plug(sample)
        self._card_name, self._who_draws = sample.name, sample.who_draws or self._who_draws
        if settings.temperature_ceiling_celsius:
            self._temperature.take(
                sample.at, sample.celsius, settings.temperature_ceiling_celsius, working=sample.working
            )
        if settings.power_budget_watts:
            self._power.take(sample.at, sample.watts, settings.power_budget_watts, working=sample.working)

    def decide(self, now: float, wall_time: float) -> PolicyDecision:
        """The limits at `now` (monotonic seconds) and `wall_time` (Unix seconds)."""
        settings, minute = self._settings, minute_of_day(wall_time)
        quiet = any(window.contains(minute) for window in settings.quiet_hours)
        on_battery = settings.pause_on_battery and self._on_battery
        if not quiet:
            self._overruled.discard("quiet hours")
        if not on_battery:
            self._overruled.discard("battery")
        limits: list[PolicyLimit] = []
        if quiet and settings.quiet_duty < 1 and "quiet hours" not in self._overruled:
            text = messages.quiet_hours_message(settings.quiet_hours, minute, settings.quiet_duty)
            limits.append(PolicyLimit("quiet hours", settings.quiet_duty, text))
        if on_battery and "battery" not in self._overruled:
            limits.append(PolicyLimit("battery", 0.0, messages.ON_BATTERY))
        ceiling, budget = settings.temperature_ceiling_celsius, settings.power_budget_watts
        if ceiling and (duty_cycle := self._temperature.duty_cycle(now, self.sentences)) is not None:
            celsius = self._temperature.newest or 0.0
            text = messages.temperature_message(self._card_name, celsius, ceiling, duty_cycle)
            limits.append(PolicyLimit("heat", duty_cycle, text))
        if budget and (duty_cycle := self._power.duty_cycle(now, self.sentences)) is not None:
            text = messages.power_message(self._who_draws, self._power.newest or 0.0, budget, duty_cycle)
            limits.append(PolicyLimit("power", duty_cycle, text))
        return PolicyDecision(tuple(limits), settings.lifted)

    def overrule(self, now: float, wall_time: float) -> list[tuple[PolicyCause, str]]:
        """Overrule the limits that pause the run; returns their causes, each with a sentence."""
        causes = [limit.cause for limit in self.decide(now, wall_time).limits if limit.duty_cycle == 0]
        self._overruled.update(causes)
        return [(cause, messages.OVERRULED[cause]) for cause in causes]

    def _take_plug(self, sample: SensorSample) -> None:
        plugged_in, since = self._plug
        if sample.plugged_in != plugged_in:
            plugged_in, since = self._plug = (sample.plugged_in, sample.at)
        seconds = sample.at - since
        if plugged_in is False and seconds >= UNPLUGGED_SECONDS:
            self._on_battery = True
        elif plugged_in is True and seconds >= PLUGGED_SECONDS:
            self._on_battery = False
        elif plugged_in is None and seconds >= BATTERY_SILENT_SECONDS and self._on_battery:
            self._on_battery = False
            if self._settings.pause_on_battery:
                self.sentences.append(messages.BATTERY_SILENT)
