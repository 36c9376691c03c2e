"""The two lines on top: which run this is and how it is doing, and how far it has come.

One widget that lays its facts out for the width it has, the least important ones first to go. What it shows is made
by the pure function `header_lines`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from textual.content import Content
from textual.widget import Widget

from babytrain.runs.forecast.eta import SecondsRange
from babytrain.runs.forecast.forecast import is_paused_indefinitely
from babytrain.runs.state.run_state import RunSnapshot
from babytrain.tui.terminal.charset import CharsetName
from babytrain.tui.terminal.glyphs import GLYPHS, Glyphs
from babytrain.tui.terminal.safe_text import safe_content, safe_line
from babytrain.tui.text.formatting import (
    format_compact,
    format_count,
    format_learning_rate,
    format_rate,
    format_whole_seconds,
)
from babytrain.tui.text.wording import StatusLabel

_MAX_NAME = 28
_MAX_CORPUS = 20
_MIN_BAR_COLUMNS = 8
_WIDE_COLUMNS = 100
_NARROW_COLUMNS = 60


@dataclass(frozen=True)
class HeaderFacts:
    """What the header says. `advice` takes the place of the estimate when a run is over or cannot be steered."""

    snapshot: RunSnapshot
    state: StatusLabel
    eta: SecondsRange | None = None
    advice: str = ""
    title: str = ""  # until the run has said its name


class ProgressHeader(Widget):
    """Two lines, or one where the screen is very low."""

    DEFAULT_CSS = "ProgressHeader { height: 2; width: 1fr; }"
    ALLOW_SELECT = False

    def __init__(self, charset: CharsetName = "braille", program: str = "babytrain") -> None:
        super().__init__(id="header")
        self._program = program
        self._glyphs = GLYPHS[charset]
        self._facts: HeaderFacts | None = None
        self._shown: tuple[str, ...] = ()

    def show(self, facts: HeaderFacts) -> None:
        """Show these facts; draws only if a letter changed."""
        self._facts = facts
        shown = (facts.state.style, *(line.plain for line in self._lines()))
        if shown != self._shown:
            self._shown = shown
            self.refresh()

    def render(self) -> Content:
        """The lines for the size it has now."""
        return Content("\n").join(self._lines())

    def _lines(self) -> list[Content]:
        if self._facts is None or self.size.width <= 0:
            return []
        return header_lines(self._facts, self.size.width, max(1, self.size.height), self._glyphs, self._program)


def header_lines(
    facts: HeaderFacts, width: int, height: int, glyphs: Glyphs, program: str = "babytrain"
) -> list[Content]:
    """`height` (1 or 2) lines of exactly `width` columns. `program` is who we are: babytrain, replay, watching."""
    inner = max(1, width - 2)
    if height == 1:
        lines = [_spread(_state(facts), [_percent(facts), _eta(facts, glyphs)], [], inner)]
    elif width < _NARROW_COLUMNS and facts.advice:
        advice = safe_content(facts.advice, one_line=True)
        lines = [_spread(_state(facts), [_percent(facts)], [_speed(facts)], inner), advice]
    elif width < _NARROW_COLUMNS:
        lines = [
            _spread(_state(facts), [_percent(facts)], [_eta(facts, glyphs)], inner),
            _spread(_steps(facts), [_learning_rate(facts)], [_speed(facts)], inner),
        ]
    else:
        name = _identity(
            facts, glyphs, program=program if width >= _WIDE_COLUMNS or program != "babytrain" else "", room=inner - 40
        )
        status = [_state(facts)]
        lines = [
            _spread(name, [], [*status, _speed(facts), _elapsed(facts)], inner),
            _progress(facts, glyphs, inner),
        ]
    return [Content.assemble(" ", fit_columns(line, inner), " ") for line in lines]


def fit_columns(line: Content, width: int) -> Content:
    """The line cut or filled to `width` columns."""
    line = line.truncate(width, ellipsis=True)
    return line.pad_right(width - line.cell_length)


def progress_bar(fraction: float, width: int, glyphs: Glyphs) -> Content:
    """A bar of `width` columns, half columns counted."""
    if width <= 0:
        return Content()
    fraction = min(1.0, max(0.0, fraction)) if math.isfinite(fraction) else 0.0
    halves = int(fraction * width * 2)
    full, tip = divmod(halves, 2)
    rest = width - full - tip
    return Content.assemble(
        (glyphs.bar_full * full + glyphs.bar_tip * tip, "$primary"), (glyphs.bar_rest * rest, "$foreground 20%")
    )


def _identity(facts: HeaderFacts, glyphs: Glyphs, *, program: str, room: int) -> Content:
    """Program, name, corpus, size and device; what does not fit goes from the right."""
    started = facts.snapshot.started
    name = safe_line(started.name if started else facts.title, _MAX_NAME) or "babytrain"
    parts = [(program, "bold $primary"), ("  ", "")] if program else []
    parts.append((name, "bold"))
    length = sum(len(text) for text, _ in parts)
    if started is not None:
        facts_after = (
            safe_line(started.corpus.name, _MAX_CORPUS),
            f"{format_compact(started.parameters)} params",
            safe_line(started.device, 12),
        )
        for fact in facts_after:
            length += len(fact) + 3
            if length > room:
                break
            parts += [(f" {glyphs.dot} ", "$foreground 60%"), (fact, "$foreground 60%")]
    return Content.assemble(*parts)


def _progress(facts: HeaderFacts, glyphs: Glyphs, width: int) -> Content:
    snapshot = facts.snapshot
    total = snapshot.total_steps
    if not total:
        return safe_content(facts.advice or facts.state.word + glyphs.ellipsis, "$foreground 60%", one_line=True)
    left = [_epochs(facts), _steps(facts)]
    right = [_percent(facts), _eta(facts, glyphs)]
    before = Content("   ").join([part for part in left if part])
    after = Content("   ").join([part for part in right if part])
    room = width - before.cell_length - after.cell_length - 4
    if room < _MIN_BAR_COLUMNS and len(left) > 1:
        before = left[1]
        room = width - before.cell_length - after.cell_length - 4
    if room < _MIN_BAR_COLUMNS and facts.advice:
        before = _steps(facts)
        return Content.assemble(before, "  ", after.truncate(max(1, width - before.cell_length - 2), ellipsis=True))
    if room < _MIN_BAR_COLUMNS:
        return _spread(before, [], [after], width)
    bar = progress_bar(snapshot.step / total, room, glyphs)
    return Content.assemble(before, "  ", bar, "  ", after)


def _spread(left: Content, middle: Sequence[Content], right: Sequence[Content], width: int) -> Content:
    """`left` and `middle` at the left end, `right` at the right end; parts that do not fit are left out."""
    gap = Content("  ")
    line = left
    for part in middle:
        if part and line.cell_length + 2 + part.cell_length <= width:
            line = gap.join([line, part])
    tail = Content()
    for part in right:
        if part and line.cell_length + 2 + tail.cell_length + 2 + part.cell_length <= width:
            tail = gap.join([tail, part]) if tail else part
    if not tail:
        return line
    return Content.assemble(line, " " * max(1, width - line.cell_length - tail.cell_length), tail)


def _state(facts: HeaderFacts) -> Content:
    return Content.assemble((f"{facts.state.symbol} {facts.state.word}", facts.state.style))


def _steps(facts: HeaderFacts) -> Content:
    snapshot = facts.snapshot
    if not snapshot.total_steps:
        return Content()
    numbers = f"{format_count(snapshot.step)}/{format_count(snapshot.total_steps)}"
    return Content.assemble(("step ", "$foreground 60%"), (numbers, "bold"))


def _epochs(facts: HeaderFacts) -> Content:
    """Passes over the text as `3/12`: the one being made, out of those the plan comes to."""
    snapshot, started = facts.snapshot, facts.snapshot.started
    if started is None or started.steps_per_epoch <= 0 or not snapshot.total_steps:
        return Content()
    total = math.ceil(snapshot.total_steps / started.steps_per_epoch)
    current = min(total, math.floor(snapshot.epoch) + 1)
    return Content.assemble(("epoch ", "$foreground 60%"), (f"{format_count(current)}/{format_count(total)}", "bold"))


def _percent(facts: HeaderFacts) -> Content:
    snapshot = facts.snapshot
    if not snapshot.total_steps:
        return Content()
    share = min(1.0, snapshot.step / snapshot.total_steps)
    # Never 100% before the last step is done.
    return Content.assemble((f"{math.floor(share * 100)}%", "bold"))


def _eta(facts: HeaderFacts, glyphs: Glyphs) -> Content:
    if facts.advice:
        return safe_content(facts.advice, "$foreground 60%", one_line=True)
    if facts.eta is None:
        return Content()
    low, high = format_whole_seconds(facts.eta.low), format_whole_seconds(facts.eta.high)
    text = low if low == high else f"{low}{glyphs.range}{high}"
    # The estimate counts running time, which a pause stops.
    after = " when resumed" if is_paused_indefinitely(facts.snapshot) else ""
    return Content.assemble(("ETA ", "$foreground 60%"), (text, "bold"), (after, "$foreground 60%"))


def _speed(facts: HeaderFacts) -> Content:
    speed = facts.snapshot.tokens_per_second()
    return Content.assemble((format_rate(speed), "")) if speed is not None else Content()


def _elapsed(facts: HeaderFacts) -> Content:
    snapshot = facts.snapshot
    return Content.assemble((format_whole_seconds(snapshot.t), "$foreground 60%")) if snapshot.rows else Content()


def _learning_rate(facts: HeaderFacts) -> Content:
    """Where the dials have no place, a key that turns one still has to show."""
    rate = facts.snapshot.learning_rate
    if rate is None:
        return Content()
    return Content.assemble(("lr ", "$foreground 60%"), (format_learning_rate(rate), "bold"))
