"""The sentences that say why a run rests or slows down, and when that ends."""

from __future__ import annotations

from collections.abc import Sequence

from babytrain.runs.events import PolicyCause
from babytrain.runs.formatting import format_watts
from babytrain.runs.time_of_day import DayWindow, clock_text

NEARLY_FULL_DUTY = 0.9
ON_BATTERY = "On battery: training waits for mains power and goes on by itself."
BATTERY_SILENT = "Nothing tells any more whether there is mains power: training no longer waits for it."
_OVER: dict[PolicyCause, str] = {
    "quiet hours": "Quiet hours are over",
    "battery": "Mains power is back",
    "heat": "Cool enough again",
    "power": "Within the power budget again",
}
_LIFTED: dict[PolicyCause, str] = {
    "quiet hours": "No more quiet hours",
    "battery": "No more waiting for mains power",
    "heat": "No more temperature ceiling",
    "power": "No more power budget",
}
# The user continues the run against a limit that pauses it.
OVERRULED: dict[PolicyCause, str] = {
    "quiet hours": "Overruled by hand until the quiet hours are over: training goes on.",
    "battery": "Overruled by hand for as long as there is no mains power: training goes on.",
}


def limit_ended_message(cause: PolicyCause, duty_cycle: float, *, lifted: bool) -> str:
    """A limit has ended, `lifted` when by its dial; `duty_cycle` is what the other limits allow."""
    why = _LIFTED[cause] if lifted else _OVER[cause]
    if duty_cycle == 0:
        return f"{why}, and the run still rests."
    if cause in OVERRULED:
        return f"{why}: training goes on."
    return f"{why}{': training at full speed' if duty_cycle > NEARLY_FULL_DUTY else ''}."


def quiet_hours_message(windows: Sequence[DayWindow], minute: float, duty_cycle: float) -> str:
    """The quiet hours around `minute` of the day."""
    end = quiet_hours_end(windows, minute)
    when = "all day" if end is None else f"until {clock_text(end)}"
    if duty_cycle > 0:
        return f"Quiet hours {when}: training {_share(duty_cycle)} of the time."
    if end is None:
        return "Quiet hours all day: the fan may sleep. Training goes on when the dial quiet_hours is turned."
    return f"Quiet hours {when}: the fan may sleep. Training goes on by itself."


def temperature_message(name: str, celsius: float, ceiling: float, duty_cycle: float) -> str:
    """A temperature ceiling is held; `name` of the card, empty for the processor."""
    what = f"{name or 'The processor'} is at {celsius:.0f} °C"
    return f"{what}, the ceiling is {ceiling:g} °C: training {_share(duty_cycle)} of the time."


def power_message(who_draws: str, watts: float, budget: float, duty_cycle: float) -> str:
    """A power budget is held; `who_draws` is such as "The processor draws"."""
    what = f"{who_draws} {format_watts(watts)}"
    return f"{what}, the budget is {format_watts(budget)}: training {_share(duty_cycle)} of the time."


def silent_sensor_message(what: str, setting: str, duty_cycle: float) -> str:
    """A sensor that a limit needs has been silent for a while."""
    if duty_cycle >= 1.0:
        return f"Nothing here tells the {what}, so {setting} cannot be held: training goes on at full speed."
    return (
        f"Nothing tells the {what} any more: training stays at {_share(duty_cycle)} of the time, "
        f"which held it until now. The dial {setting} at 0 lifts that."
    )


def quiet_hours_end(windows: Sequence[DayWindow], minute: float) -> int | None:
    """The minute at which the quiet around `minute` ends, through adjoining windows; None for never."""
    end = None
    for _ in range(2 * len(windows) + 1):
        window = next((window for window in windows if window.contains(minute if end is None else end)), None)
        if window is None:
            return end
        if window.start == window.end:
            break
        end = window.end
    return None


def _share(duty_cycle: float) -> str:
    return f"{duty_cycle:.0%}"
