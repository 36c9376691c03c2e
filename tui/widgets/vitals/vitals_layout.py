"""How the vitals pane is filled: a list of layouts from everything to one line, of which the first that fits is taken.

Pure functions. The computer gives way before the graphics cards, and the details of the bill before either. The
last lines say what is wrong with the machine or holds the run back, or else an encouragement.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from babytrain.runs.events import HostReading, PolicyEvent, Vitals
from babytrain.runs.state.elapsed_time import policy_in_force
from babytrain.runs.state.run_state import RunSnapshot
from babytrain.tui.charts.canvas import ChartCharset
from babytrain.tui.text.encouragement import encouragement
from babytrain.tui.text.formatting import format_bytes, format_percent
from babytrain.tui.text.styled_lines import StyledLine, replace_unprintable, shorten_to_columns
from babytrain.tui.widgets.loss.event_marks import IntervalTracker
from babytrain.tui.widgets.vitals import gpu_gauges, host_gauges
from babytrain.tui.widgets.vitals.gauge_lines import wrapped_words
from babytrain.tui.widgets.vitals.host_gauges import is_disk_low
from babytrain.tui.widgets.vitals.sensor_curves import training_gpu

LinesBuilder: TypeAlias = Callable[[], list[StyledLine]]


@dataclass(frozen=True)
class PaneFooter:
    """What stands below the sensors: the lines of the bill by importance, and a warning or a kind word.

    `kind` is a kind word beside what holds the run back, for a pane with a line to spare. `slowed` are for each card by
    number the seconds spent slowed down, by reason.
    """

    bill: tuple[StyledLine, ...] = ()
    measured: bool = False  # whether the bill has a number, or only says why it has none
    status: tuple[StyledLine, ...] = ()
    kind: tuple[StyledLine, ...] = ()
    slowed: Mapping[int, Mapping[str, float]] = field(default_factory=dict)


NO_FOOTER = PaneFooter()
# Lines of the bill, and whether blank lines part the blocks: what it will come to is worth more than blank lines.
_BILL_OPTIONS = ((6, True), (3, True), (2, True), (2, False), (1, True), (1, False))


@dataclass(frozen=True)
class LayoutOption:
    """What stands above and below, how many lines of the bill, whether blank lines part them, whether a kind word."""

    upper: LinesBuilder
    lower: LinesBuilder
    bill: int
    spaced: bool = False
    kind: bool = False


def vitals_lines(
    vitals: Sequence[Vitals],
    width: int,
    height: int,
    charset: ChartCharset,
    *,
    title: bool = True,
    extras: PaneFooter = NO_FOOTER,
) -> list[StyledLine]:
    """The richest layout that fits; with `title` each card's name has a line of its own."""
    if width <= 0 or height <= 0:
        return []
    if not vitals:
        return [((shorten_to_columns("Feeling for a pulse.", width), "label"),)]
    has_cards = bool(vitals[-1].gpus)
    plans = (
        _with_cards(vitals, width, charset, title, extras)
        if has_cards
        else _without_card(vitals, width, charset, extras)
    )
    lines: list[StyledLine] = []
    for plan in plans:
        bill = list(extras.bill[: plan.bill])
        status = list(extras.status) if plan.kind else []
        lines = [*_stacked([plan.upper(), plan.lower(), bill], plan.spaced), *status]
        if len(lines) <= height:
            # What was left out for the sake of a roomier layout may still fit below it.
            rest = list(extras.status) if not status else []
            if len(lines) + len(rest) > height:
                return lines
            lines += rest
            return [*lines, *extras.kind] if len(lines) + len(extras.kind) <= height else lines
    return lines[:height]


def _with_cards(
    vitals: Sequence[Vitals], width: int, charset: ChartCharset, title: bool, extras: PaneFooter
) -> Iterator[LayoutOption]:
    """Layouts in order of preference."""
    cards = gpu_gauges.gpu_histories(vitals, extras.slowed)
    among = len(cards)
    title = title or among > 1
    host = _HostLayouts(vitals, width, charset)

    def full(*, detail: bool = False, merge: bool = False) -> list[StyledLine]:
        parts = [
            gpu_gauges.gpu_full_lines(card, width, charset, title=title, merge_fans=merge, among=among, detail=detail)
            for card in cards
        ]
        return _stacked(parts, spaced=not merge)

    def detailed() -> list[StyledLine]:
        return full(detail=True)

    def merged() -> list[StyledLine]:
        return full(merge=True)

    def compact() -> list[StyledLine]:
        return _stacked(
            [gpu_gauges.gpu_compact_lines(card, width, title=title, among=among) for card in cards], spaced=False
        )

    def rows() -> list[StyledLine]:
        return [gpu_gauges.gpu_row_line(card, width, among) for card in cards]

    def summary() -> list[StyledLine]:
        return [gpu_gauges.gpu_summary_line(cards, width)]

    yield LayoutOption(detailed, host.detailed, 6, spaced=True, kind=True)
    for bill, spaced in _BILL_OPTIONS:
        yield LayoutOption(full, host.full, bill, spaced=spaced, kind=True)
    for lower, bill in ((host.compact, 3), (host.compact, 1), (host.row, 1), (_nothing, 1)):
        yield LayoutOption(full, lower, bill, kind=True)
    least = 1 if extras.measured else 0
    for upper in (full, merged, compact, rows, summary):
        for lower in (host.compact, host.row, _nothing):
            yield LayoutOption(upper, lower, least)
        if least:
            # A number more about the card is worth more than the bill where there is hardly a line.
            yield LayoutOption(upper, _nothing, 0)


def _without_card(
    vitals: Sequence[Vitals], width: int, charset: ChartCharset, extras: PaneFooter
) -> Iterator[LayoutOption]:
    """Layouts without a card: the calm sentence, and the computer."""
    sentence = replace_unprintable(vitals[-1].gpu_note)
    host = _HostLayouts(vitals, width, charset)

    def note(most: int = 3) -> list[StyledLine]:
        return [((line, "label"),) for line in wrapped_words(sentence, width, most)]

    def short_note() -> list[StyledLine]:
        return note(1)

    yield LayoutOption(note, host.detailed, 6, spaced=True, kind=True)
    for bill, spaced in _BILL_OPTIONS:
        yield LayoutOption(note, host.full, bill, spaced=spaced, kind=True)
    yield LayoutOption(short_note, host.full, 1, kind=True)
    least = 1 if extras.measured else 0
    yield LayoutOption(short_note, host.full, least)
    yield LayoutOption(_nothing, host.full, least)
    for upper in (note, short_note, _nothing):
        yield LayoutOption(upper, host.compact, least)
    yield LayoutOption(_nothing, host.compact, 0)
    yield LayoutOption(_nothing, host.row if host.row() else short_note, 0)


class _HostLayouts:
    """The computer in every detail, in full, in two lines, in one."""

    def __init__(self, vitals: Sequence[Vitals], width: int, charset: ChartCharset) -> None:
        self._vitals, self._width, self._charset = vitals, width, charset

    def detailed(self) -> list[StyledLine]:
        return host_gauges.host_full_lines(self._vitals, self._width, self._charset, detail=True)

    def full(self) -> list[StyledLine]:
        return host_gauges.host_full_lines(self._vitals, self._width, self._charset)

    def compact(self) -> list[StyledLine]:
        return host_gauges.host_compact_lines(self._vitals[-1].host, self._width, self._charset)

    def row(self) -> list[StyledLine]:
        line = host_gauges.host_row_line(self._vitals[-1].host, self._width)
        return [line] if line else []


def _nothing() -> list[StyledLine]:
    return []


def _stacked(parts: Sequence[list[StyledLine]], spaced: bool) -> list[StyledLine]:
    """Blocks of lines one under the other, with or without a blank line between them."""
    lines: list[StyledLine] = []
    for part in parts:
        if lines and part and spaced:
            lines.append(())
        lines.extend(part)
    return lines


MOST_STATUS_LINES = 2
LOW_BATTERY_PERCENT = 15.0


def status_lines(snapshot: RunSnapshot, intervals: IntervalTracker, width: int) -> list[StyledLine]:
    """One or two lines; none when there is nothing to say."""
    text, style = _warning(snapshot, intervals) or (encouragement(snapshot, width), "kind")
    return [((line, style),) for line in wrapped_words(text, width, MOST_STATUS_LINES)]


def encouragement_line(snapshot: RunSnapshot, intervals: IntervalTracker, width: int) -> list[StyledLine]:
    """A kind word for whoever reads that the run holds itself back, where there is a line for it."""
    told = _warning(snapshot, intervals)
    words = encouragement(snapshot, width) if told is not None and told[1] == "resting" else ""
    return [((words, "kind"),)] if words and len(words) <= width else []


def _warning(snapshot: RunSnapshot, intervals: IntervalTracker) -> tuple[str, str] | None:
    """The most important thing that is not as it should be, with its style."""
    if snapshot.ended is not None:
        return None
    slow = intervals.newest(snapshot)
    if slow is not None and slow.kind == "throttled" and slow.ongoing:
        return slow.full, "bad"
    restraint = policy_in_force(snapshot)
    # Nobody is slowed down who does not work.
    if restraint is not None and not (restraint.action == "slowed" and snapshot.phase == "paused"):
        return replace_unprintable(_policy_text(snapshot, restraint)), "resting"
    host = snapshot.vitals.host if snapshot.vitals is not None else HostReading()
    if is_disk_low(host):
        return f"Only {format_bytes(host.disk_free_bytes)} free where the runs are kept.", "heat-warm"
    if host.plugged_in is False and host.battery_percent is not None and host.battery_percent <= LOW_BATTERY_PERCENT:
        return f"The battery is at {format_percent(host.battery_percent)}: plug it in.", "heat-warm"
    return None


def _policy_text(snapshot: RunSnapshot, restraint: PolicyEvent) -> str:
    """What holds the run back. A temperature or a power is the one of now, not that of when the rule was last told."""
    if restraint.action != "slowed" or snapshot.vitals is None:
        return restraint.text
    card, host, dials = training_gpu(snapshot.vitals), snapshot.vitals.host, snapshot.dials
    card = card if card is not None and card.trains else None
    share = f"training about {restraint.duty_cycle:.0%} of the time."
    if restraint.cause == "heat":
        name = (card.nickname or card.name) if card else "The processor"
        celsius = card.temperature_celsius if card else host.temperature_celsius
        if celsius is not None and dials.position("temperature_ceiling_celsius") is not None:
            return f"{name} is at {celsius:.0f} °C, the ceiling is {dials.temperature_ceiling_celsius:g}: {share}"
    if restraint.cause == "power":
        watts = card.power_watts if card else host.processor_watts
        if watts is not None and dials.position("power_budget_watts") is not None:
            return f"{watts:.0f} W of a budget of {dials.power_budget_watts:g}: {share}"
    return restraint.text
