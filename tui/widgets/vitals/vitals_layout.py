"""The layout of the vitals pane: a list from everything to one line, of which the first that fits is used.

The computer is shortened before the graphics cards, and the details of the bill before either. The last lines are a
warning or the reason for throttling, or else an encouragement.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Literal, TypeAlias

from babytrain.runs.energy.measurement import training_power
from babytrain.runs.events import HostReading, PolicyEvent, Vitals
from babytrain.runs.formatting import format_bytes, format_percent, format_watts
from babytrain.runs.state.elapsed_time import policy_in_force
from babytrain.runs.state.run_state import RunSnapshot
from babytrain.tui.charts.canvas import ChartCharset
from babytrain.tui.text.encouragement import encouragement
from babytrain.tui.text.styled_lines import StyledLine, replace_unprintable, shorten_to_columns
from babytrain.tui.widgets.loss.event_marks import IntervalTracker
from babytrain.tui.widgets.vitals import gpu_gauges, host_gauges
from babytrain.tui.widgets.vitals.gauge_lines import wrapped_words
from babytrain.tui.widgets.vitals.host_gauges import is_disk_low

DetailLevel: TypeAlias = Literal["detailed", "full", "merged", "compact", "row", "summary", "none"]
_CARD_LEVELS: tuple[DetailLevel, ...] = ("full", "merged", "compact", "row", "summary")
_NOTE_LEVELS: tuple[DetailLevel, ...] = ("full", "compact", "none")
_BRIEF_HOST: tuple[DetailLevel, ...] = ("compact", "row", "none")
# How much of the computer is shown below full cards, and how many lines of the bill.
_HOST_BELOW_CARDS: tuple[tuple[DetailLevel, int], ...] = (("compact", 3), ("compact", 1), ("row", 1), ("none", 1))


@dataclass(frozen=True)
class PaneFooter:
    """What is shown below the sensors: lines of the bill by importance, the one line that stands for them where there
    is room for one, and a warning or an encouragement. `kind` is an encouragement in addition to a warning, if there is
    a spare line. `slowed` has for each card index the seconds of throttling by reason."""

    bill: tuple[StyledLine, ...] = ()
    bill_summary: tuple[StyledLine, ...] = ()
    measured: bool = False  # whether the bill has a number, or only a reason why not
    status: tuple[StyledLine, ...] = ()
    kind: tuple[StyledLine, ...] = ()
    slowed: Mapping[int, Mapping[str, float]] = field(default_factory=dict)
    on_processor: bool = False  # no card takes part in the run


NO_FOOTER = PaneFooter()
# Lines of the bill, and whether blank lines separate the blocks: the projected total is preferred to blank lines.
_BILL_OPTIONS = ((6, True), (3, True), (2, True), (2, False), (1, True), (1, False))


@dataclass(frozen=True)
class LayoutOption:
    """Detail of the cards (or of the note on their absence) and of the computer, lines of the bill, whether blank lines
    separate them, and whether an encouragement has its own line."""

    cards: DetailLevel
    host: DetailLevel
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
    """The richest layout that fits; with `title` each card's name has its own line."""
    if width <= 0 or height <= 0:
        return []
    if not vitals:
        return [((shorten_to_columns("Waiting for the first reading of the sensors.", width), "label"),)]
    host = cache(partial(_host_lines, vitals, width, charset))
    least = 1 if extras.measured else 0
    if vitals[-1].gpus:
        histories = gpu_gauges.gpu_histories(vitals, extras.slowed, on_processor=extras.on_processor)
        cards = cache(partial(_card_lines, histories, width, charset, title or len(histories) > 1))
        options = _options_with_cards(least)
    else:
        cards = cache(partial(_note_lines, replace_unprintable(vitals[-1].gpu_note), width))
        options = _options_without_card(least, last="compact" if not host("row") else "none")
    lines: list[StyledLine] = []
    for option in options:
        status = list(extras.status) if option.kind else []
        bill = extras.bill_summary if option.bill == 1 else extras.bill[: option.bill]
        blocks = [cards(option.cards), host(option.host), list(bill)]
        lines = [*_stacked(blocks, option.spaced), *status]
        if len(lines) <= height:
            # What a roomier layout left out may still fit below it.
            rest = [] if status else extras.status
            if len(lines) + len(rest) > height:
                return lines
            lines += rest
            return [*lines, *extras.kind] if len(lines) + len(extras.kind) <= height else lines
    return lines[:height]


def _options_with_cards(least: int) -> Iterator[LayoutOption]:
    """Layouts in order of preference; `least` is the fewest lines of the bill."""
    yield LayoutOption("detailed", "detailed", 6, spaced=True, kind=True)
    for bill, spaced in _BILL_OPTIONS:
        yield LayoutOption("full", "full", bill, spaced=spaced, kind=True)
    for host, bill in _HOST_BELOW_CARDS:
        yield LayoutOption("full", host, bill, kind=True)
    for cards in _CARD_LEVELS:
        for host in _BRIEF_HOST:
            yield LayoutOption(cards, host, least)
        if least:
            # With hardly any lines one more number of the card is preferred to the bill.
            yield LayoutOption(cards, "none", 0)


def _options_without_card(least: int, last: DetailLevel) -> Iterator[LayoutOption]:
    """Layouts of the note on the absence of a card, and of the computer."""
    yield LayoutOption("full", "detailed", 6, spaced=True, kind=True)
    for bill, spaced in _BILL_OPTIONS:
        yield LayoutOption("full", "full", bill, spaced=spaced, kind=True)
    yield LayoutOption("compact", "full", 1, kind=True)
    yield LayoutOption("compact", "full", least)
    yield LayoutOption("none", "full", least)
    for note in _NOTE_LEVELS:
        yield LayoutOption(note, "compact", least)
    yield LayoutOption("none", "compact", 0)
    yield LayoutOption(last, "row", 0)


def _card_lines(
    cards: Sequence[gpu_gauges.GpuHistory], width: int, charset: ChartCharset, title: bool, level: DetailLevel
) -> list[StyledLine]:
    among = len(cards)
    match level:
        case "none":
            return []
        case "summary":
            return [gpu_gauges.gpu_summary_line(cards, width)]
        case "row":
            return [gpu_gauges.gpu_row_line(card, width, among) for card in cards]
        case "compact":
            blocks = [gpu_gauges.gpu_compact_lines(card, width) for card in cards]
        case _:
            merged, detail = level == "merged", level == "detailed"
            blocks = [
                gpu_gauges.gpu_full_lines(card, width, charset, merge_fans=merged, detail=detail) for card in cards
            ]
    if title:
        titles = [gpu_gauges.gpu_title_line(card, width, among) for card in cards]
        blocks = [[line, *block] for line, block in zip(titles, blocks, strict=True)]
    return _stacked(blocks, spaced=level in ("full", "detailed"))


def _host_lines(vitals: Sequence[Vitals], width: int, charset: ChartCharset, level: DetailLevel) -> list[StyledLine]:
    host = vitals[-1].host
    match level:
        case "none":
            return []
        case "row":
            line = host_gauges.host_row_line(host, width)
            return [line] if line else []
        case "compact":
            return host_gauges.host_compact_lines(host, width, charset)
    return host_gauges.host_full_lines(vitals, width, charset, detail=level == "detailed")


def _note_lines(note: str, width: int, level: DetailLevel) -> list[StyledLine]:
    most = {"full": 3, "compact": 1}.get(level, 0)
    return [((line, "label"),) for line in wrapped_words(note, width, most)] if most else []


def _stacked(blocks: Sequence[list[StyledLine]], spaced: bool) -> list[StyledLine]:
    lines: list[StyledLine] = []
    for block in blocks:
        if lines and block and spaced:
            lines.append(())
        lines.extend(block)
    return lines


LOW_BATTERY_PERCENT = 15.0


def status_lines(snapshot: RunSnapshot, intervals: IntervalTracker, width: int) -> list[StyledLine]:
    """One or two lines; none when there is nothing to say."""
    text, style = _warning(snapshot, intervals) or (encouragement(snapshot, width), "kind")
    return [((line, style),) for line in wrapped_words(text, width, 2)]


def encouragement_line(snapshot: RunSnapshot, intervals: IntervalTracker, width: int) -> list[StyledLine]:
    """An encouragement below the reason for resting or throttling, if there is a line for it."""
    warning = _warning(snapshot, intervals)
    words = encouragement(snapshot, width) if warning is not None and warning[1] == "resting-text" else ""
    return [((words, "kind"),)] if words and len(words) <= width else []


def _warning(snapshot: RunSnapshot, intervals: IntervalTracker) -> tuple[str, str] | None:
    if snapshot.ended is not None:
        return None
    slow = intervals.newest(snapshot)
    if slow is not None and slow.kind == "throttled" and slow.ongoing:
        return slow.full, "bad"
    policy = policy_in_force(snapshot)
    # A paused run is not slowed.
    if policy is not None and not (policy.action == "slowed" and snapshot.phase == "paused"):
        return replace_unprintable(_policy_text(snapshot, policy)), "resting-text"
    host = snapshot.vitals.host if snapshot.vitals is not None else HostReading()
    if is_disk_low(host):
        return f"Only {format_bytes(host.disk_free_bytes)} free where the runs are kept.", "heat-warm"
    if host.plugged_in is False and host.battery_percent is not None and host.battery_percent <= LOW_BATTERY_PERCENT:
        return f"The battery is at {format_percent(host.battery_percent)}: plug it in.", "heat-warm"
    return None


def _policy_text(snapshot: RunSnapshot, policy: PolicyEvent) -> str:
    """The reason for resting or throttling, with the present temperature or power instead of the reported one."""
    if policy.action != "slowed" or snapshot.vitals is None:
        return policy.text
    card, host, dials = snapshot.vitals.training_gpu, snapshot.vitals.host, snapshot.dials
    share = f"training about {policy.duty_cycle:.0%} of the time."
    if policy.cause == "heat":
        name = (card.nickname or card.name) if card else "The processor"
        celsius = card.temperature_celsius if card else host.temperature_celsius
        if celsius is not None and dials.position("temperature_ceiling_celsius") is not None:
            return f"{name} is at {celsius:.0f} °C, the ceiling is {dials.temperature_ceiling_celsius:g} °C: {share}"
    if policy.cause == "power":
        drawn = training_power(card, host)
        if drawn is not None and dials.position("power_budget_watts") is not None:
            who_draws, watts = drawn
            budget = format_watts(dials.power_budget_watts)
            return f"{who_draws} {format_watts(watts)}, the budget is {budget}: {share}"
    return policy.text
