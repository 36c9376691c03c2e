"""The two header lines: run, state and progress. Facts that do not fit are dropped, the least important first.

The estimate of the end is never dropped: a long state is cut before it. A click reads everything in full.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from textual.content import Content

from babytrain.runs.forecast.eta import Eta
from babytrain.runs.forecast.final_loss_forecast import is_paused_indefinitely
from babytrain.runs.formatting import (
    format_compact,
    format_count,
    format_learning_rate,
    format_rate,
    format_whole_seconds,
)
from babytrain.runs.state.run_state import RunSnapshot
from babytrain.tui.terminal.charset import CharsetName
from babytrain.tui.terminal.glyphs import Glyphs
from babytrain.tui.terminal.safe_text import safe_content, safe_line
from babytrain.tui.text.wording import StatusLabel, range_text
from babytrain.tui.widgets.common.line_widget import DIM, LineWidget, fit_columns, labelled

_MAX_NAME = 28
_MAX_CORPUS = 20
_MIN_BAR_COLUMNS = 8
_MIN_STATE_COLUMNS = 12  # with less room the estimate goes after all
_WIDE_COLUMNS = 100
_NARROW_COLUMNS = 60


@dataclass(frozen=True)
class HeaderFacts:
    """What the header shows. `advice` replaces the estimate when a run is over or takes no commands; `no_eta` says why
    there is none while it lasts."""

    snapshot: RunSnapshot
    state: StatusLabel
    eta: Eta | None = None
    advice: str = ""
    title: str = ""  # until the run's name is known
    no_eta: str = ""
    machine: str = ""  # watts and fan, where the pane of the sensors is hidden


class ProgressHeader(LineWidget):
    """Two lines, or one on a very low screen."""

    DEFAULT_CSS = "ProgressHeader { height: 2; }"

    def __init__(self, charset: CharsetName, program: str) -> None:
        super().__init__("header", charset)
        self._program = program
        self._facts: HeaderFacts | None = None

    def show(self, facts: HeaderFacts) -> None:
        """Show these facts."""
        self._facts = facts
        self.redraw()

    def in_full(self) -> list[Content]:
        """Everything about the run, uncut."""
        return header_in_full(self._facts, self.glyphs) if self._facts else []

    def build(self, width: int, height: int) -> list[Content]:
        """The lines."""
        return header_lines(self._facts, width, height, self.glyphs, self._program) if self._facts else []


def header_lines(
    facts: HeaderFacts, width: int, height: int, glyphs: Glyphs, program: str = "babytrain"
) -> list[Content]:
    """`height` (1 or 2) lines of exactly `width` columns. `program` is the mode: babytrain, replay, watching."""
    inner = max(1, width - 2)
    if height == 1:
        lines = [_state_and_end(facts, glyphs, inner)]
    elif width < _NARROW_COLUMNS and facts.advice:
        advice = safe_content(facts.advice, one_line=True)
        lines = [_spread(_state(facts), [_percent(facts)], [_speed(facts)], inner), advice]
    elif width < _NARROW_COLUMNS:
        below = [Content(facts.machine), _learning_rate(facts)]
        lines = [_state_and_end(facts, glyphs, inner), _spread(_steps(facts), below, [_speed(facts)], inner)]
    else:
        shown = program if width >= _WIDE_COLUMNS or program != "babytrain" else ""
        name = _identity(facts, glyphs, program=shown, room=inner - 40)
        right = [_state(facts), Content(facts.machine), _speed(facts), _elapsed(facts)]
        kept = sum(part.cell_length + 2 for part in right[:2] if part)
        name = name.truncate(max(1, inner - kept), ellipsis=True)
        lines = [_spread(name, [], right, inner), _progress(facts, glyphs, inner)]
    return [Content.assemble(" ", fit_columns(line, inner), " ") for line in lines]


def header_in_full(facts: HeaderFacts, glyphs: Glyphs) -> list[Content]:
    """Everything about the run that the header says or leaves out."""
    started = facts.snapshot.started
    name = started.name if started is not None else facts.title
    lines = [safe_content(name, "bold", one_line=True)]
    if started is not None:
        lines.append(safe_content(f"text {started.corpus.name}", one_line=True))
        device = " ".join(part for part in (started.device, started.device_name) if part)
        words = f"{format_compact(started.parameters)} params {glyphs.dot} {device} {glyphs.dot} {started.run_id}"
        lines.append(safe_content(words, one_line=True))
    more = [_state(facts), _steps(facts), _percent(facts), _epochs(facts), _eta(facts, glyphs, reason=True)]
    more += [_learning_rate(facts), _speed(facts), _elapsed(facts), Content(facts.machine)]
    return [*lines, *(part for part in more if part)]


def progress_bar(fraction: float, width: int, glyphs: Glyphs) -> Content:
    """A bar of `width` columns with half-column resolution."""
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
    started = facts.snapshot.started
    name = safe_line(started.name if started else facts.title, _MAX_NAME) or "babytrain"
    parts = [(program, "bold $primary"), ("  ", "")] if program else []
    parts.append((name, "bold"))
    length = sum(len(text) for text, _ in parts)
    if started is not None:
        corpus, device = safe_line(started.corpus.name, _MAX_CORPUS), safe_line(started.device, 12)
        for fact in (corpus, f"{format_compact(started.parameters)} params", device):
            length += len(fact) + 3
            if length > room:
                break
            parts += [(f" {glyphs.dot} ", DIM), (fact, DIM)]
    return Content.assemble(*parts)


def _progress(facts: HeaderFacts, glyphs: Glyphs, width: int) -> Content:
    snapshot = facts.snapshot
    total = snapshot.total_steps
    if not total:
        return safe_content(facts.advice or facts.state.word + glyphs.ellipsis, DIM, one_line=True)
    full, after = (
        Content("   ").join([part for part in (_percent(facts), _eta(facts, glyphs, reason=reason)) if part])
        for reason in (True, False)
    )
    epochs, steps = _epochs(facts), _steps(facts)
    both = [epochs, steps] if epochs else [steps]
    for before, end in ((both, full), ([steps], full), (both, after), ([steps], after)):
        line = Content("   ").join(before)
        room = width - line.cell_length - end.cell_length - 4
        if room >= _MIN_BAR_COLUMNS:
            return Content.assemble(line, "  ", progress_bar(snapshot.step / total, room, glyphs), "  ", end)
    if facts.advice:
        return Content.assemble(steps, "  ", after.truncate(max(1, width - steps.cell_length - 2), ellipsis=True))
    room = max(1, width - steps.cell_length - 2)
    end = after if after.cell_length <= room else _eta(facts, glyphs).truncate(room, ellipsis=True)
    return _spread(steps, [], [end], width)


def _state_and_end(facts: HeaderFacts, glyphs: Glyphs, width: int) -> Content:
    """The state on the left, the estimate on the right, between them how much is done if there is room."""
    end = _eta(facts, glyphs).truncate(max(1, width // 2 if facts.advice else width - 3), ellipsis=True)
    state = _state(facts).truncate(
        max(_MIN_STATE_COLUMNS, width - end.cell_length - 2 if end else width), ellipsis=True
    )
    done = _percent(facts)
    taken = end.cell_length + 2 if state.cell_length + 2 + end.cell_length <= width else 0
    return _spread(state, [done] if state.cell_length + 2 + done.cell_length + taken <= width else [], [end], width)


def _spread(left: Content, middle: Sequence[Content], right: Sequence[Content], width: int) -> Content:
    """`left` and `middle` at the left end, `right` at the right end; parts that do not fit are left out."""
    gap = Content("  ")
    line = left
    for part in middle:
        if part and line.cell_length + 2 + part.cell_length <= width:
            line = gap.join([line, part])
    tail = Content()
    for part in right:
        longer = gap.join([tail, part]) if tail else part
        if part and line.cell_length + 2 + longer.cell_length <= width:
            tail = longer
    if not tail:
        return line
    return Content.assemble(line, " " * max(1, width - line.cell_length - tail.cell_length), tail)


def eta_text(eta: Eta, glyphs: Glyphs) -> str:
    """`2h05m–2h30m`, or `about 5s` if both ends read the same."""
    return range_text(format_whole_seconds(eta.low), format_whole_seconds(eta.high), glyphs.range)


def _state(facts: HeaderFacts) -> Content:
    return Content.assemble((f"{facts.state.symbol} {facts.state.word}", facts.state.style))


def _steps(facts: HeaderFacts) -> Content:
    step, total = facts.snapshot.step, facts.snapshot.total_steps
    return labelled("step", f"{format_count(step)}/{format_count(total)}") if total else Content()


def _epochs(facts: HeaderFacts) -> Content:
    """Passes over the text as `3/12`: the present one, of the planned ones."""
    snapshot, started = facts.snapshot, facts.snapshot.started
    if started is None or started.steps_per_epoch <= 0 or not snapshot.total_steps:
        return Content()
    total = math.ceil(snapshot.total_steps / started.steps_per_epoch)
    current = min(total, math.floor(snapshot.epoch) + 1)
    return labelled("epoch", f"{format_count(current)}/{format_count(total)}")


def _percent(facts: HeaderFacts) -> Content:
    step, total = facts.snapshot.step, facts.snapshot.total_steps
    # Never 100% before the last step is done.
    return Content.assemble((f"{math.floor(min(1.0, step / total) * 100)}%", "bold")) if total else Content()


def _eta(facts: HeaderFacts, glyphs: Glyphs, *, reason: bool = False) -> Content:
    """The estimate, with the `reason` where it is wide."""
    if facts.advice:
        return safe_content(facts.advice, DIM, one_line=True)
    if facts.eta is None:
        return labelled("ETA", facts.no_eta) if facts.no_eta else Content()
    # The estimate counts running time, which a pause stops.
    when = " when resumed" if is_paused_indefinitely(facts.snapshot) else ""
    why = f" ({facts.eta.reason})" if reason and facts.eta.reason else ""
    return Content.assemble(labelled("ETA", eta_text(facts.eta, glyphs)), (when + why, DIM))


def _speed(facts: HeaderFacts) -> Content:
    speed = facts.snapshot.tokens_per_second()
    return Content("" if speed is None else format_rate(speed))


def _elapsed(facts: HeaderFacts) -> Content:
    snapshot = facts.snapshot
    return Content.assemble((format_whole_seconds(snapshot.t), DIM)) if snapshot.rows else Content()


def _learning_rate(facts: HeaderFacts) -> Content:
    """The learning rate, shown here when the dials pane is hidden."""
    rate = facts.snapshot.learning_rate
    return Content() if rate is None else labelled("lr", format_learning_rate(rate))
