"""The last lines of the vitals pane: what is wrong with the machine or holds the run back, else a kind word."""

from __future__ import annotations

from babytrain.runs.events import HostReading, Restraint
from babytrain.runs.rests import holding_now
from babytrain.runs.state import Moment
from babytrain.tui.encouragement import encouragement
from babytrain.tui.widgets.gauges import wrapped_words
from babytrain.tui.widgets.host_lines import is_disk_low
from babytrain.tui.widgets.spans import Line, printable
from babytrain.tui.widgets.stretches import StretchBook
from babytrain.tui.widgets.units import format_bytes, format_percent
from babytrain.tui.widgets.vitals_history import training_card

MOST_STATUS_LINES = 2
LOW_BATTERY_PERCENT = 15.0


def status_lines(moment: Moment, stretches: StretchBook, width: int) -> list[Line]:
    """One or two lines; none when there is nothing to say."""
    text, style = _warning(moment, stretches) or (encouragement(moment, width), "kind")
    return [((line, style),) for line in wrapped_words(text, width, MOST_STATUS_LINES)]


def kind_line(moment: Moment, stretches: StretchBook, width: int) -> list[Line]:
    """A kind word for whoever reads that the run holds itself back, where there is a line for it."""
    told = _warning(moment, stretches)
    words = encouragement(moment, width) if told is not None and told[1] == "resting" else ""
    return [((words, "kind"),)] if words and len(words) <= width else []


def _warning(moment: Moment, stretches: StretchBook) -> tuple[str, str] | None:
    """The most important thing that is not as it should be, with its style."""
    if moment.ended is not None:
        return None
    slow = stretches.newest(moment)
    if slow is not None and slow.kind == "throttled" and slow.ongoing:
        return slow.full, "bad"
    restraint = holding_now(moment)
    # Nobody is slowed down who does not work.
    if restraint is not None and not (restraint.deed == "slowed" and moment.phase == "paused"):
        return printable(_held_words(moment, restraint)), "resting"
    host = moment.vitals.host if moment.vitals is not None else HostReading()
    if is_disk_low(host):
        return f"Only {format_bytes(host.disk_free_bytes)} free where the runs are kept.", "heat-warm"
    if host.plugged_in is False and host.battery_percent is not None and host.battery_percent <= LOW_BATTERY_PERCENT:
        return f"The battery is at {format_percent(host.battery_percent)}: plug it in.", "heat-warm"
    return None


def _held_words(moment: Moment, restraint: Restraint) -> str:
    """What holds the run back. A temperature or a power is the one of now, not that of when the rule was last told."""
    if restraint.deed != "slowed" or moment.vitals is None:
        return restraint.text
    card, host, dials = training_card(moment.vitals), moment.vitals.host, moment.dials
    card = card if card is not None and card.trains else None
    share = f"training about {restraint.duty:.0%} of the time."
    if restraint.cause == "heat":
        name = (card.nickname or card.name) if card else "The processor"
        celsius = card.temperature_celsius if card else host.temperature_celsius
        if celsius is not None and dials.position("temperature_ceiling") is not None:
            return f"{name} is at {celsius:.0f} °C, the ceiling is {dials.temperature_ceiling:g}: {share}"
    if restraint.cause == "power":
        watts = card.power_watts if card else host.processor_watts
        if watts is not None and dials.position("power_budget") is not None:
            return f"{watts:.0f} W of a budget of {dials.power_budget:g}: {share}"
    return restraint.text
