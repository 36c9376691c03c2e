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

from babytrain.engine.restraint import words
from babytrain.engine.restraint.duty import HeatKeeper, PowerKeeper
from babytrain.runs.day_times import DayWindow, minute_of_day, parse_windows
from babytrain.runs.dials.state import DialState
from babytrain.runs.events import GpuReading, HostReading, RestraintCause

UNPLUGGED_SECONDS = 2.0
PLUGGED_SECONDS = 5.0
BATTERY_SILENT_SECONDS = 300.0
SILENT_SECONDS = 30.0
HELD_SECONDS = 60.0  # of which the mean duty is kept when a sensor falls silent


@dataclass(frozen=True)
class HouseRules:
    """Where the dials of the house stand. A ceiling (°C) or budget (watts) of 0 is none."""

    quiet_hours: tuple[DayWindow, ...] = ()
    quiet_duty: float = 0.0
    temperature_ceiling: float = 0.0
    power_budget: float = 0.0
    pause_on_battery: bool = False

    @property
    def lifted(self) -> frozenset[RestraintCause]:
        """What there is no rule for."""
        rules: dict[RestraintCause, object] = {
            "quiet hours": self.quiet_hours,
            "battery": self.pause_on_battery,
            "heat": self.temperature_ceiling,
            "power": self.power_budget,
        }
        return frozenset(cause for cause, rule in rules.items() if not rule)

    @classmethod
    def of(cls, dials: DialState) -> HouseRules:
        """The rules that the dials of a run make."""
        return cls(
            quiet_hours=parse_windows(dials.quiet_hours),
            quiet_duty=dials.quiet_duty,
            temperature_ceiling=dials.temperature_ceiling,
            power_budget=dials.power_budget,
            pause_on_battery=dials.on_battery == "pause",
        )


@dataclass(frozen=True)
class Sight:
    """What the sensors said about what the rules need, at `at` (monotonic seconds). None: nothing.

    `working`: whether the run worked then, or was paused.
    """

    at: float
    celsius: float | None = None
    watts: float | None = None
    plugged_in: bool | None = None
    name: str = ""  # of the card, empty for the processor
    working: bool = True


def sight_of(
    at: float, host: HostReading, gpus: tuple[GpuReading, ...], *, on_card: bool, working: bool = True
) -> Sight:
    """The temperature of the card that trains, else of the processor if that does; power of the nearest thing known."""
    card = next((gpu for gpu in gpus if gpu.trains), None)
    celsius, name = (None, "") if on_card else (host.temperature_celsius, "")
    watts = card.power_watts if card is not None else None
    if card is not None:
        celsius, name = card.temperature_celsius, card.nickname or card.name
    if watts is None:
        watts = host.processor_watts if host.processor_watts is not None else host.battery_watts
    return Sight(at, celsius, watts, host.plugged_in, name, working)


@dataclass(frozen=True)
class Hold:
    """One rule that holds: the share of the time it leaves, 0 for none, and why in a sentence."""

    cause: RestraintCause
    duty: float
    text: str = field(compare=False)


@dataclass(frozen=True)
class Decision:
    """Every rule that holds; without any the run is free."""

    holds: tuple[Hold, ...] = ()
    lifted: frozenset[RestraintCause] = frozenset()  # what there is no rule for

    @property
    def duty(self) -> float:
        """The share of the time the run may work, 0 when it is to pause."""
        return min((hold.duty for hold in self.holds), default=1.0)

    @property
    def working_duty(self) -> float:
        """The share of the time while it works: what rules that pause say does not count."""
        return min((hold.duty for hold in self.holds if hold.duty > 0), default=1.0)

    @property
    def pauses(self) -> bool:
        """Whether it may not work at all."""
        return self.duty == 0.0


FREE = Decision()


class _Governed:
    """A quantity held by a duty: the newest value, and what to do when none comes any more."""

    def __init__(self) -> None:
        self.newest: float | None = None
        self.silent_said = False
        self._first_at: float | None = None
        self._last_at: float | None = None
        self._held: deque[tuple[float, float]] = deque()  # when, duty

    def seconds_since_last(self, at: float) -> float:
        return 0.0 if self._last_at is None else at - self._last_at

    def told(self, at: float, value: float, duty: float | None) -> None:
        """A value, and the duty that is to hold it; None while the run does not work."""
        self.newest, self._last_at, self.silent_said = value, at, False
        if duty is None:
            return
        self._held.append((at, duty))
        while self._held[0][0] < at - HELD_SECONDS:
            self._held.popleft()

    def not_told(self, at: float) -> None:
        if self._first_at is None:
            self._first_at = at

    def is_silent(self, at: float) -> bool:
        since = self._last_at if self._last_at is not None else self._first_at
        return since is not None and at - since > SILENT_SECONDS

    @property
    def held_duty(self) -> float:
        """The duty that held it of late; free when nothing was ever told."""
        return sum(duty for _, duty in self._held) / len(self._held) if self._held else 1.0


class Rules:
    """Decides. `see` takes readings in, oldest first; `decide` says what holds now."""

    def __init__(self) -> None:
        self.sentences: list[str] = []  # what is to be said besides decisions; whoever says it empties the list
        self._house = HouseRules()
        self._heat, self._heat_keeper = _Governed(), HeatKeeper()
        self._power, self._power_keeper = _Governed(), PowerKeeper()
        self._name = ""
        self._on_battery = False
        self._plug: tuple[bool | None, float] = (None, 0.0)  # what it says, and since when
        self._overruled: set[RestraintCause] = set()

    def adopt(self, house: HouseRules) -> None:
        """Other rules hold from now on. One whose dial was turned is in force again, and begins anew."""
        old, self._house = self._house, house
        if (house.quiet_hours, house.quiet_duty) != (old.quiet_hours, old.quiet_duty):
            self._overruled.discard("quiet hours")
        if house.pause_on_battery != old.pause_on_battery:
            self._overruled.discard("battery")
        if not house.temperature_ceiling:
            self._heat, self._heat_keeper = _Governed(), HeatKeeper()
        if not house.power_budget:
            self._power, self._power_keeper = _Governed(), PowerKeeper()

    def see(self, sight: Sight) -> None:
        """Take one reading in."""
        house, at = self._house, sight.at
        self._see_plug(sight)
        self._name = sight.name
        if house.temperature_ceiling:
            heat = self._heat
            if sight.celsius is None:
                heat.not_told(at)
            else:
                duty = self._heat_keeper.take(
                    sight.celsius, house.temperature_ceiling, heat.seconds_since_last(at), working=sight.working
                )
                heat.told(at, sight.celsius, duty if sight.working else None)
        if house.power_budget:
            power = self._power
            if sight.watts is None:
                power.not_told(at)
            elif not sight.working:  # what a paused run draws says nothing about a working one
                power.told(at, sight.watts, None)
            else:
                duty = self._power_keeper.take(sight.watts, house.power_budget, power.seconds_since_last(at))
                power.told(at, sight.watts, duty)

    def decide(self, now: float, wall_time: float) -> Decision:
        """What holds at `now` (monotonic seconds), which is `wall_time` (Unix seconds) on the wall."""
        house, minute = self._house, minute_of_day(wall_time)
        quiet = any(window.contains(minute) for window in house.quiet_hours)
        on_battery = house.pause_on_battery and self._on_battery
        if not quiet:
            self._overruled.discard("quiet hours")
        if not on_battery:
            self._overruled.discard("battery")
        holds: list[Hold] = []
        if quiet and house.quiet_duty < 1:
            text = words.quiet(house.quiet_hours, minute, house.quiet_duty)
            holds.append(Hold("quiet hours", house.quiet_duty, text))
        if on_battery:
            holds.append(Hold("battery", 0.0, words.battery()))
        holds = [hold for hold in holds if hold.cause not in self._overruled]
        if house.temperature_ceiling and (duty := self._heat_duty(now)) is not None:
            text = words.heat(self._name, self._heat.newest or 0.0, house.temperature_ceiling, duty)
            holds.append(Hold("heat", duty, text))
        if house.power_budget and (duty := self._power_duty(now)) is not None:
            holds.append(Hold("power", duty, words.power(self._power.newest or 0.0, house.power_budget, duty)))
        return Decision(tuple(holds), house.lifted)

    def overrule(self, now: float, wall_time: float) -> list[tuple[RestraintCause, str]]:
        """Have the run go on against the rules that pause it; returns which those were, and what to say."""
        causes = [hold.cause for hold in self.decide(now, wall_time).holds if hold.duty == 0]
        self._overruled.update(causes)
        return [(cause, words.overruled(cause)) for cause in causes]

    def _heat_duty(self, now: float) -> float | None:
        return self._governed_duty(now, self._heat, self._heat_keeper.duty, "temperature", "temperature_ceiling")

    def _power_duty(self, now: float) -> float | None:
        return self._governed_duty(now, self._power, self._power_keeper.duty, "power", "power_budget")

    def _governed_duty(self, now: float, governed: _Governed, duty: float, what: str, setting: str) -> float | None:
        """The duty that holds a quantity, None while nothing was told of it: then there is nothing to hold."""
        silent = governed.is_silent(now)
        if silent and not governed.silent_said:
            governed.silent_said = True
            self.sentences.append(words.silent(what, setting, governed.held_duty))
        if governed.newest is None:
            return None
        return governed.held_duty if silent else duty

    def _see_plug(self, sight: Sight) -> None:
        says, since = self._plug
        if sight.plugged_in != says:
            says, since = self._plug = (sight.plugged_in, sight.at)
        seconds = sight.at - since
        if says is False and seconds >= UNPLUGGED_SECONDS:
            self._on_battery = True
        elif says is True and seconds >= PLUGGED_SECONDS:
            self._on_battery = False
        elif says is None and seconds >= BATTERY_SILENT_SECONDS and self._on_battery:
            self._on_battery = False
            if self._house.pause_on_battery:
                self.sentences.append(words.battery_silent())
