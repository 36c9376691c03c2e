"""The dials pane: the learning rate and its origin, all other dials, and the newest command.

A changed dial shows its first position as well. A click asks to change a dial; in a run that takes commands up and
down select one, which the screen's keys change.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.binding import BindingType
from textual.content import Content
from textual.geometry import Region
from textual.message import Message

from babytrain.runs.dials.dial_state import DialState
from babytrain.runs.dials.spec import NO_HOURS
from babytrain.runs.events import Command, Request
from babytrain.runs.formatting import UNKNOWN, format_count, format_factor, format_learning_rate, format_loss
from babytrain.runs.state.run_state import RunSnapshot
from babytrain.tui.dials.dial_steps import LEARNING_RATE_DIAL
from babytrain.tui.terminal.charset import CharsetName
from babytrain.tui.terminal.safe_text import safe_content, safe_line
from babytrain.tui.text.wording import describe_command, format_dial_value
from babytrain.tui.widgets.common.full_text import READ_BINDING, wrap_hanging
from babytrain.tui.widgets.common.line_widget import DIM
from babytrain.tui.widgets.common.text_pane import TextPane

_LABEL_WIDTH = 6
_WIDE_COLUMNS = 26
_MAX_VALUE_TEXT = 16  # characters of a setting from a recorded config, which may be any text
_UNSET = (0, *NO_HOURS)  # values of a power policy dial that is off


@dataclass(frozen=True)
class DialRow:
    """A label and its facts; a fact may belong to a dial, which a click on it changes."""

    label: str
    facts: tuple[tuple[str, Content], ...]  # name of the dial or "", text


class DialsPane(TextPane):
    """Pane 3."""

    BINDINGS: ClassVar[list[BindingType]] = [READ_BINDING]

    @dataclass
    class Chosen(Message):
        """A dial was clicked; `dial` is its name, or `lr`."""

        dial: str

    def __init__(self, charset: CharsetName) -> None:
        self._snapshot: RunSnapshot | None = None
        self._pending: Request | None = None
        self._positions: dict[int, list[tuple[int, str]]] = {}  # by line: the end column of each dial
        self._dials = self._first = DialState()  # at present, and at the start of the run
        self.can_choose = False
        self._chosen = ""
        super().__init__("3 dials", id="dials", charset=charset, classes="pane")

    def show(self, snapshot: RunSnapshot, pending: Request | None) -> None:
        """Show the dials; `pending` is a command sent from here that is unanswered."""
        self._snapshot = snapshot
        self._pending = pending
        row = self._row_of.get(self.chosen)
        self.rebuild()
        if row is not None and self._row_of.get(self.chosen) != row:  # the newest command takes lines above it
            self.call_after_refresh(self._scroll_to_chosen)

    @property
    def _row_of(self) -> dict[str, int]:
        """The last line of each dial."""
        return {dial: row for row, positions in self._positions.items() for _, dial in positions}

    def _scroll_to_chosen(self) -> None:
        row = self._row_of.get(self.chosen)
        if row is not None:
            self.scroll_to_region(Region(0, row, 1, 1), animate=False, immediate=True)

    @property
    def chosen(self) -> str:
        """The selected dial while the pane has the focus, else empty."""
        return self._chosen if self.has_focus else ""

    def on_focus(self) -> None:
        """Show the selection."""
        self.rebuild()

    def on_blur(self) -> None:
        """Hide the selection."""
        self.rebuild()

    def action_scroll_lines(self, lines: int) -> None:
        """Select the next or previous dial, where dials can be selected."""
        dials = list(self._row_of)
        if not self.can_choose or not dials:
            super().action_scroll_lines(lines)
            return
        at = dials.index(self._chosen) + lines if self._chosen in dials else 0
        self._chosen = dials[min(len(dials) - 1, max(0, at))]
        self.rebuild()
        self._scroll_to_chosen()

    def on_click(self, event: events.Click) -> None:
        """Ask to change the clicked dial; beside the text, the nearest dial on the line."""
        offset = event.get_content_offset(self)
        positions = self._positions.get(self.scroll_offset.y + offset.y, []) if offset is not None else []
        if offset is not None and positions:
            self.post_message(self.Chosen(next((dial for end, dial in positions if offset.x < end), positions[-1][1])))

    def build(self, width: int) -> list[Content]:
        """The learning rate first, then the newest command, then the other dials; cut at the edge."""
        snapshot = self._snapshot
        self._positions = {}
        if snapshot is None or snapshot.started is None:
            return []
        self._dials, self._first = snapshot.dials, snapshot.state.dials.first
        lines = self._learning_rate(snapshot, width)
        self._positions = {number: [(width, LEARNING_RATE_DIAL)] for number in range(len(lines))}
        lines += self._last_command(snapshot, width)
        rows = zip(self._rows(snapshot, brief=width < _WIDE_COLUMNS), self._rows(snapshot, brief=True), strict=True)
        for row, brief in rows:
            line, positions = self._line_of(row)
            if line.cell_length > width:
                line, positions = self._line_of(brief, width)
            if positions:
                self._positions[len(lines)] = positions
            lines.append(line)
        return [line.truncate(width, ellipsis=True) for line in lines]

    def in_full(self) -> list[Content]:
        """The newest command with its answer, and every dial by its name."""
        snapshot = self._snapshot
        if snapshot is None or snapshot.started is None:
            return []
        rate = format_learning_rate(snapshot.learning_rate)
        lines = [*self._last_command(snapshot, 10_000), Content(f"lr {rate}, {self._schedule(snapshot)}")]
        for name, now in self._dials.positions().items():
            if now is not None:
                before = f", {format_dial_value(self._first.position(name))} at the start"
                lines.append(Content(f"{name} {format_dial_value(now)}{before if self._is_changed(name) else ''}"))
        return lines

    def _rows(self, snapshot: RunSnapshot, *, brief: bool) -> list[DialRow]:
        """All dials but the learning rate, changed ones first; `brief` omits the first positions."""

        def at(dial: str, name: str = "") -> tuple[str, Content]:
            return dial, Content.assemble(f"{name} " if name else "", self._position(snapshot, dial, brief=brief))

        dials = self._dials
        tokens = f" {self.glyphs.times} {self._setting(snapshot, 'context')} tokens"
        batch = [("batch_size", Content.assemble(self._position(snapshot, "batch_size", brief=brief), tokens))]
        if dials.position("accumulate") not in (1, None) or self._is_changed("accumulate"):
            batch.append(at("accumulate", "passes"))
        norm = "" if brief else "norm "
        rows = [
            DialRow("grad", (("clip", Content(norm + format_loss(snapshot.gradient_norm))), at("clip", "clip"))),
            DialRow("batch", tuple(batch)),
            DialRow("decay", (at("weight_decay"), at("dropout", "dropout"))),
            DialRow("optim", (("schedule", Content(self._setting(snapshot, "optimizer"))), at("schedule"))),
            DialRow("betas", (at("beta1"), at("beta2"))),
            DialRow("loss", (at("label_smoothing", "label smoothing"),)),
            DialRow("data", (at("window_shift", "shift"), at("token_noise", "noise"))),
            DialRow("eval", (at("eval_every"), at("sample_every", "sample"))),
        ]
        policy = [
            ("quiet_hours", "quiet"),
            ("temperature_ceiling_celsius", "ceiling °C"),
            ("power_budget_watts", "budget W"),
        ]
        kept = tuple(
            at(dial, name) for dial, name in policy if dials.position(dial) not in _UNSET or self._is_changed(dial)
        )
        rows += [DialRow("power", kept)] if kept else []
        return [row for row in rows if any(dials.position(dial) is not None for dial, _ in row.facts)]

    def _position(self, snapshot: RunSnapshot, dial: str, *, brief: bool) -> Content:
        """The position of a dial, preceded by the first one if different."""
        now = self._setting(snapshot, dial)
        if not self._is_changed(dial):
            return Content(now)
        if brief:
            return Content.assemble((now, "bold $accent"))
        start = self._first.position(dial)
        before = UNKNOWN if start is None else safe_line(format_dial_value(start), _MAX_VALUE_TEXT)
        return Content.assemble((f"{before}{self.glyphs.arrow}", DIM), (now, "bold $accent"))

    def _setting(self, snapshot: RunSnapshot, name: str) -> str:
        value = self._dials.position(name)
        if value is None:
            value = snapshot.settings.get(name)
        return safe_line(format_dial_value(value), _MAX_VALUE_TEXT) if isinstance(value, int | float | str) else UNKNOWN

    def _is_changed(self, dial: str) -> bool:
        now, start = getattr(self._dials, dial), getattr(self._first, dial)
        return now != start and not (now in NO_HOURS and start in NO_HOURS)

    def _line_of(self, row: DialRow, width: int | None = None) -> tuple[Content, list[tuple[int, str]]]:
        """A row as a line, and the end column of each of its dials. If wider than `width`, facts before the selected
        dial are dropped."""
        chosen = max((number for number, (dial, _) in enumerate(row.facts) if dial and dial == self.chosen), default=-1)
        first = 0
        if width is not None:
            dots = len(f" {self.glyphs.dot} ")
            while first < chosen and _reach(row, first, chosen, dots) > width:
                first += 1
        parts: list[Content | str | tuple[str, str]] = [(f"{row.label:<{_LABEL_WIDTH}}", DIM)]
        positions: list[tuple[int, str]] = []
        end = _LABEL_WIDTH
        for number, (dial, shown) in enumerate(row.facts):
            if number >= first:
                before = f" {self.glyphs.dot} " if number > first else f"{self.glyphs.ellipsis} " if first else ""
                parts += [before, shown.stylize("reverse") if number == chosen else shown]
                end += len(before) + shown.cell_length
            if dial:
                positions.append((end, dial))
        return Content.assemble(*parts), positions

    def _learning_rate(self, snapshot: RunSnapshot, width: int) -> list[Content]:
        schedule = self._schedule(snapshot)
        rate = format_learning_rate(snapshot.learning_rate)
        value = Content.assemble((f"{'lr':<{_LABEL_WIDTH}}", DIM), (rate, "bold $accent"))
        if self.chosen == LEARNING_RATE_DIAL:
            value = value.stylize("reverse", _LABEL_WIDTH)
        if value.cell_length + 2 + len(schedule) <= width:
            return [Content.assemble(value, "  ", schedule)]
        return [value, Content.assemble(" " * _LABEL_WIDTH, schedule)]

    def _schedule(self, snapshot: RunSnapshot) -> str:
        dials = self._dials
        climbed, steps = snapshot.step - dials.rewarm_step, dials.rewarm_steps
        if 0 <= climbed < steps:
            return f"re-warm {format_count(climbed)}/{format_count(steps)}"
        if dials.lr_hold is not None:
            return f"held at {format_learning_rate(dials.lr_hold)}"
        warmup = snapshot.settings.get("warmup")
        schedule = self._setting(snapshot, "schedule")
        if isinstance(warmup, (int, float)) and snapshot.step < warmup:
            schedule = f"warm-up {format_count(snapshot.step)}/{format_count(warmup)}"
        factor = "" if dials.lr_scale == 1.0 else f" {self.glyphs.times}{format_factor(dials.lr_scale)}"
        return schedule + factor

    def _last_command(self, snapshot: RunSnapshot, width: int) -> list[Content]:
        newest = next(
            (command for command in snapshot.state.commands.newest_first(snapshot.t) if _is_shown(command)), None
        )
        asked: Request | Command | None = self._pending or newest
        if asked is None:
            return []
        words = describe_command(asked.action, asked.value, asked.text, self.glyphs, asked.dial)
        command = Content.assemble((f"{self.glyphs.arrow} ", "$secondary"), (words, "bold"))
        answer = Content.assemble((f"asked{self.glyphs.ellipsis}", "$warning"))
        if isinstance(asked, Command) and asked.status == "refused":
            reason = safe_content(f"refused: {asked.reason}", "$error", one_line=True).wrap(max(8, width - 2))
            return [*wrap_hanging(command, 2, width), *(Content.assemble("  ", line) for line in reason)]
        if isinstance(asked, Command) and asked.status == "applied":
            answer = Content.assemble((f"applied at step {format_count(asked.step)}", "$success"))
            rescue, now = snapshot.state.guard_events.last_until(snapshot.t), snapshot.dials
            since = rescue is not None and rescue.action == "rolled back" and rescue.t >= asked.t
            if since and asked.dials and all(now.position(name) != was for name, was in asked.dials.items()):
                return [command, Content.assemble("  ", ("taken back by the guard", "$warning"))]
        if command.cell_length + 2 + answer.cell_length <= width:
            return [Content.assemble(command, "  ", answer)]
        return [command, Content.assemble("  ", answer)]


def _reach(row: DialRow, first: int, last: int, dots: int) -> int:
    """Columns from one fact of a row to another, including its label and the mark for omitted facts."""
    shown = row.facts[first : last + 1]
    return _LABEL_WIDTH + (2 if first else 0) + sum(fact.cell_length + dots for _, fact in shown) - dots


def _is_shown(command: Command) -> bool:
    """Whether a command is shown here: sent by a person, and not with every letter typed in the chat."""
    return command.command_id != 0 and (command.action != "predict" or command.status == "refused")
