"""The dials: what the learning rate is and how it comes about, the other settings, and what became of a command."""

from __future__ import annotations

from typing import Any

from textual.content import Content

from babytrain.runs.events import Command, Request
from babytrain.runs.state import Moment
from babytrain.tui.charset import CharsetName
from babytrain.tui.safe_text import safe_line
from babytrain.tui.widgets.text_pane import TextPane
from babytrain.tui.widgets.units import UNKNOWN, format_count, format_factor, format_learning_rate, format_loss
from babytrain.tui.wording import LearningRateDial, describe_command, learning_rate_dial

LABEL_WIDTH = 6
WIDE = 26
LONGEST_WORD = 16  # of a setting; a recorded config is only text


class DialsPane(TextPane):
    """Pane 3."""

    def __init__(self, *, number: str = "3", charset: CharsetName = "braille") -> None:
        self._moment: Moment | None = None
        self._pending: Request | None = None
        super().__init__(f"{number} dials", id="dials", charset=charset, classes="pane")

    def show(self, moment: Moment, pending: Request | None) -> None:
        """Show the settings; `pending` is a command sent from here that has no answer yet."""
        self._moment = moment
        self._pending = pending
        self.rebuild()

    def build(self, width: int) -> list[Content]:
        """The learning rate first, then the newest command, then what does not change; cut at the edge."""
        moment = self._moment
        if moment is None or moment.started is None:
            return []
        config = moment.started.config
        dot = f" {self.glyphs.dot} "
        batch = f"{_word(config, 'batch_size')} {self.glyphs.times} {_word(config, 'context')} tokens"
        accumulate = _word(config, "accumulate")
        if accumulate not in ("1", UNKNOWN):
            batch += f" {self.glyphs.times} {accumulate}"
        norm = "norm " if width >= WIDE else ""
        lines = [
            *self._learning_rate(moment, config, width),
            *self._last_command(moment, width),
            _pair("grad", f"{norm}{format_loss(moment.gradient_norm)}{dot}clip {_word(config, 'clip')}"),
            _pair("batch", batch),
            _pair("decay", f"{_word(config, 'weight_decay')}{dot}dropout {_word(config, 'dropout')}"),
            _pair("by", f"{_word(config, 'optimizer')}{dot}{_word(config, 'schedule')}"),
        ]
        return [line.truncate(width, ellipsis=True) for line in lines]

    def _learning_rate(self, moment: Moment, config: dict[str, Any], width: int) -> list[Content]:
        """The value in use, the schedule, and what a person did to it; on one line where there is room."""
        dial = learning_rate_dial(moment.commands)
        course = self._course(moment, config, dial)
        value = Content.assemble(
            (f"{'lr':<{LABEL_WIDTH}}", "$foreground 60%"), (format_learning_rate(moment.learning_rate), "bold $accent")
        )
        if value.cell_length + 2 + len(course) <= width:
            return [Content.assemble(value, "  ", course)]
        return [value, _pair("", course)]

    def _course(self, moment: Moment, config: dict[str, Any], dial: LearningRateDial) -> str:
        if dial.held is not None:
            return f"held at {format_learning_rate(dial.held)}"
        warmup = config.get("warmup", 0)
        schedule = _word(config, "schedule")
        if isinstance(warmup, (int, float)) and moment.step < warmup:
            schedule = f"warm-up {format_count(moment.step)}/{format_count(warmup)}"
        factor = "" if dial.factor == 1.0 else f" {self.glyphs.times}{format_factor(dial.factor)}"
        return schedule + factor

    def _last_command(self, moment: Moment, width: int) -> list[Content]:
        """The newest command: asked, then applied at a step, or refused and why."""
        commands = [command for command in moment.commands if command.command_id != 0]
        pending = self._pending
        if pending is not None:
            words = describe_command(pending.action, pending.value, pending.text, self.glyphs)
            answer = Content.assemble((f"asked{self.glyphs.ellipsis}", "$warning"))
        elif commands:
            newest = commands[-1]
            words = describe_command(newest.action, newest.value, newest.text, self.glyphs)
            answer = self._answer(newest)
        else:
            return []
        wish = Content.assemble((f"{self.glyphs.arrow} ", "$secondary"), (words, "bold"))
        if wish.cell_length + 2 + answer.cell_length <= width:
            return [Content.assemble(wish, "  ", answer)]
        return [wish, Content.assemble("  ", answer)]

    def _answer(self, command: Command) -> Content:
        if command.status == "refused":
            return Content.assemble((f"refused: {safe_line(command.reason, 200)}", "$error"))
        if command.status == "asked":
            return Content.assemble((f"asked{self.glyphs.ellipsis}", "$warning"))
        return Content.assemble((f"applied at step {format_count(command.step)}", "$success"))


def _pair(label: str, value: str) -> Content:
    return Content.assemble((f"{label:<{LABEL_WIDTH}}", "$foreground 60%"), value)


def _word(config: dict[str, Any], key: str) -> str:
    """A setting from a recorded config, whatever stands there."""
    value = config.get(key)
    if value is None:
        return UNKNOWN
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return safe_line(text, LONGEST_WORD)
