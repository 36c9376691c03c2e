"""How the vitals pane is filled: a row of layouts from everything to one line, of which the first that fits is taken.

Pure functions. The computer gives way before the cards do, and the details of the bill before either.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from babytrain.runs.events import Vitals
from babytrain.tui.widgets import gpu_lines, host_lines
from babytrain.tui.widgets.canvas import Charset
from babytrain.tui.widgets.gauges import wrapped_words
from babytrain.tui.widgets.spans import Line, printable, shortened

Layout: TypeAlias = Callable[[], list[Line]]


@dataclass(frozen=True)
class Extras:
    """What stands below the sensors: the lines of the bill by importance, and a warning or a kind word.

    `kind` is a kind word beside what holds the run back, for a pane with a line to spare. `slowed` are for each card by
    number the seconds spent slowed down, by reason.
    """

    bill: tuple[Line, ...] = ()
    measured: bool = False  # whether the bill has a number, or only says why it has none
    status: tuple[Line, ...] = ()
    kind: tuple[Line, ...] = ()
    slowed: Mapping[int, Mapping[str, float]] = field(default_factory=dict)


NO_EXTRAS = Extras()
# Lines of the bill, and whether blank lines part the blocks: what it will come to is worth more than blank lines.
_BILLS = ((6, True), (3, True), (2, True), (2, False), (1, True), (1, False))


@dataclass(frozen=True)
class Plan:
    """What stands above and below, how many lines of the bill, whether blank lines part them, whether a kind word."""

    upper: Layout
    lower: Layout
    bill: int
    spaced: bool = False
    kind: bool = False


def vitals_lines(
    vitals: Sequence[Vitals],
    width: int,
    height: int,
    charset: Charset,
    *,
    title: bool = True,
    extras: Extras = NO_EXTRAS,
) -> list[Line]:
    """The richest layout that fits; with `title` each card's name has a line of its own."""
    if width <= 0 or height <= 0:
        return []
    if not vitals:
        return [((shortened("Feeling for a pulse.", width), "label"),)]
    has_cards = bool(vitals[-1].gpus)
    plans = (
        _with_cards(vitals, width, charset, title, extras)
        if has_cards
        else _without_card(vitals, width, charset, extras)
    )
    lines: list[Line] = []
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


def _with_cards(vitals: Sequence[Vitals], width: int, charset: Charset, title: bool, extras: Extras) -> Iterator[Plan]:
    """Layouts in order of preference."""
    cards = gpu_lines.gpu_histories(vitals, extras.slowed)
    among = len(cards)
    title = title or among > 1
    host = _HostLayouts(vitals, width, charset)

    def full(*, detail: bool = False, merge: bool = False) -> list[Line]:
        parts = [
            gpu_lines.full_lines(card, width, charset, title=title, merge_fans=merge, among=among, detail=detail)
            for card in cards
        ]
        return _stacked(parts, spaced=not merge)

    def detailed() -> list[Line]:
        return full(detail=True)

    def merged() -> list[Line]:
        return full(merge=True)

    def compact() -> list[Line]:
        return _stacked(
            [gpu_lines.compact_lines(card, width, title=title, among=among) for card in cards], spaced=False
        )

    def rows() -> list[Line]:
        return [gpu_lines.row_line(card, width, among) for card in cards]

    def summary() -> list[Line]:
        return [gpu_lines.summary_line(cards, width)]

    yield Plan(detailed, host.detailed, 6, spaced=True, kind=True)
    for bill, spaced in _BILLS:
        yield Plan(full, host.full, bill, spaced=spaced, kind=True)
    for lower, bill in ((host.compact, 3), (host.compact, 1), (host.row, 1), (_nothing, 1)):
        yield Plan(full, lower, bill, kind=True)
    least = 1 if extras.measured else 0
    for upper in (full, merged, compact, rows, summary):
        for lower in (host.compact, host.row, _nothing):
            yield Plan(upper, lower, least)
        if least:
            # A number more about the card is worth more than the bill where there is hardly a line.
            yield Plan(upper, _nothing, 0)


def _without_card(vitals: Sequence[Vitals], width: int, charset: Charset, extras: Extras) -> Iterator[Plan]:
    """Layouts without a card: the calm sentence, and the computer."""
    sentence = printable(vitals[-1].gpu_note)
    host = _HostLayouts(vitals, width, charset)

    def note(most: int = 3) -> list[Line]:
        return [((line, "label"),) for line in wrapped_words(sentence, width, most)]

    def short_note() -> list[Line]:
        return note(1)

    yield Plan(note, host.detailed, 6, spaced=True, kind=True)
    for bill, spaced in _BILLS:
        yield Plan(note, host.full, bill, spaced=spaced, kind=True)
    yield Plan(short_note, host.full, 1, kind=True)
    least = 1 if extras.measured else 0
    yield Plan(short_note, host.full, least)
    yield Plan(_nothing, host.full, least)
    for upper in (note, short_note, _nothing):
        yield Plan(upper, host.compact, least)
    yield Plan(_nothing, host.compact, 0)
    yield Plan(_nothing, host.row if host.row() else short_note, 0)


class _HostLayouts:
    """The computer in every detail, in full, in two lines, in one."""

    def __init__(self, vitals: Sequence[Vitals], width: int, charset: Charset) -> None:
        self._vitals, self._width, self._charset = vitals, width, charset

    def detailed(self) -> list[Line]:
        return host_lines.full_lines(self._vitals, self._width, self._charset, detail=True)

    def full(self) -> list[Line]:
        return host_lines.full_lines(self._vitals, self._width, self._charset)

    def compact(self) -> list[Line]:
        return host_lines.compact_lines(self._vitals[-1].host, self._width, self._charset)

    def row(self) -> list[Line]:
        line = host_lines.row_line(self._vitals[-1].host, self._width)
        return [line] if line else []


def _nothing() -> list[Line]:
    return []


def _stacked(parts: Sequence[list[Line]], spaced: bool) -> list[Line]:
    """Blocks of lines one under the other, with or without a blank line between them."""
    lines: list[Line] = []
    for part in parts:
        if lines and part and spaced:
            lines.append(())
        lines.extend(part)
    return lines
