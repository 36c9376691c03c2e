"""The last line of the vitals pane: what is wrong with the machine or holds the run back, else a kind word."""

from __future__ import annotations

from babytrain.runs.events import HostReading
from babytrain.runs.rests import holding_now
from babytrain.runs.state import Moment
from babytrain.tui.encouragement import encouragement
from babytrain.tui.widgets.gauges import wrapped_words
from babytrain.tui.widgets.host_lines import is_disk_low
from babytrain.tui.widgets.spans import Line, printable
from babytrain.tui.widgets.stretches import StretchBook
from babytrain.tui.widgets.units import format_bytes, format_percent

MOST_STATUS_LINES = 2
LOW_BATTERY_PERCENT = 15.0


def status_lines(moment: Moment, stretches: StretchBook, width: int) -> list[Line]:
    """One or two lines; none when there is nothing to say."""
    text, style = _warning(moment, stretches) or (encouragement(moment, width), "kind")
    return [((line, style),) for line in wrapped_words(text, width, MOST_STATUS_LINES)]


def _warning(moment: Moment, stretches: StretchBook) -> tuple[str, str] | None:
    """The most important thing that is not as it should be, with its style."""
    if moment.ended is not None:
        return None
    slow = stretches.newest(moment)
    if slow is not None and slow.kind == "throttled" and slow.ongoing:
        return slow.full, "bad"
    restraint = holding_now(moment)
    if restraint is not None:
        return printable(restraint.text), "resting"
    host = moment.vitals.host if moment.vitals is not None else HostReading()
    if is_disk_low(host):
        return f"Only {format_bytes(host.disk_free_bytes)} free where the runs are kept.", "heat-warm"
    if host.plugged_in is False and host.battery_percent is not None and host.battery_percent <= LOW_BATTERY_PERCENT:
        return f"The battery is at {format_percent(host.battery_percent)}: plug it in.", "heat-warm"
    return None
