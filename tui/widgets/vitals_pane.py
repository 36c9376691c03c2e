"""VitalsPane: how the machine is doing. The cards if there are any, and the computer around them.

The pane knows a row of layouts from everything to one line and takes the first that fits its height.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from typing import ClassVar, TypeAlias

from rich.style import Style
from textual.content import Content
from textual.strip import Strip
from textual.widget import Widget

from babytrain.runs.events import Vitals
from babytrain.runs.state import Moment
from babytrain.tui.charset import CharsetName, detect_charset
from babytrain.tui.widgets import gpu_lines, host_lines
from babytrain.tui.widgets.canvas import CHARSETS, Charset, fold
from babytrain.tui.widgets.gauges import wrapped_words
from babytrain.tui.widgets.painter import Picture
from babytrain.tui.widgets.plot import STYLE_NAMES
from babytrain.tui.widgets.spans import Line, printable, shortened, to_strip
from babytrain.tui.widgets.vitals_chart import READINGS, history_chart

_HISTORY = 60  # readings in a sparkline at most, about a minute
_TITLE = "vitals"

Layout: TypeAlias = Callable[[], list[Line]]
Plan: TypeAlias = tuple[Layout, Layout, bool]  # what stands above, what below, and whether a blank line parts them


class VitalsPane(Widget, can_focus=True):
    """Load, memory, temperature, fans and power of cards and computer."""

    STYLES: ClassVar[tuple[str, ...]] = (
        *("label", "title", "load", "memory", "fan", "power", "bad"),
        *("heat-ok", "heat-warm", "heat-hot", "chart-train", "chart-val"),
    )
    COMPONENT_CLASSES: ClassVar[set[str]] = {f"vitals--{name}" for name in STYLES}
    DEFAULT_CSS = """
    VitalsPane {
        height: 1fr;
        width: 1fr;
        .vitals--label { color: $foreground 60%; }
        .vitals--title { color: $text-primary; text-style: bold; }
        .vitals--load { color: $primary; }
        .vitals--memory { color: $text-secondary 70%; }
        .vitals--fan { color: $text-primary 80%; }
        .vitals--power { color: $warning 80%; }
        .vitals--bad { color: $error; text-style: bold; }
        .vitals--heat-ok { color: $success; }
        .vitals--heat-warm { color: $warning; }
        .vitals--heat-hot { color: $error; text-style: bold; }
        .vitals--chart-train { color: $success; }
        .vitals--chart-val { color: $text-primary 80%; }
        &:ansi .vitals--label { text-style: dim; }
    }
    """

    def __init__(
        self,
        charset: CharsetName | None = None,
        *,
        number: str = "2",
        id: str | None = "vitals",
        classes: str | None = "pane",
    ) -> None:
        super().__init__(id=id, classes=classes)
        self._number = number
        self.border_title = f"{number} {_TITLE}".strip()
        self._charset = CHARSETS[charset or detect_charset(os.environ)]
        self._vitals: list[Vitals] = []
        self._newest: Vitals | None = None
        self._lines: list[Line] | None = None
        self._chart: Picture | None = None
        self._chart_top = 0
        self._title = _TITLE
        self._palette: dict[str, Style] | None = None

    def show(self, moment: Moment) -> None:
        """Show the sensors as they stood at `moment`; nothing is redrawn before there is a new reading."""
        newest = moment.vitals
        if newest is self._newest:
            return
        self._newest = newest
        self._vitals = moment.recent_vitals(READINGS)
        self._lines = None
        self._name_border()
        self.refresh()

    def on_resize(self) -> None:
        """Another size, another layout."""
        self._lines = None
        self.refresh()  # a frame of the old layout may have been drawn at the new size already

    def render_line(self, y: int) -> Strip:
        """One line of the layout."""
        lines = self._laid_out()
        width = self.size.width
        if self._chart is not None and 0 <= y - self._chart_top < self._chart.canvas.height:
            return self._chart.canvas.strip(y - self._chart_top, self._chart_styles())
        return to_strip(lines[y] if y < len(lines) else (), width, self._styles(), self._charset.name)

    def _laid_out(self) -> list[Line]:
        """The lines for the present size, and a curve below them where there is room."""
        if self._lines is None:
            width, height = self.size
            recent = self._vitals[-_HISTORY:]
            lines = vitals_lines(recent, width, height, self._charset, title=self._title == _TITLE)
            found = history_chart(self._vitals, width, height - len(lines) - 1, self._charset)
            self._chart = None
            if found is not None:
                lines = [*lines, (), found[0]]
                self._chart, self._chart_top = found[1], len(lines)
            self._lines = lines
        return self._lines

    def notify_style_update(self) -> None:
        """The theme changed."""
        super().notify_style_update()
        self._palette = None

    def _name_border(self) -> None:
        """A single card gives its name to the border, which saves a line, if there is a border."""
        gpus = self._newest.gpus if self._newest is not None else ()
        bordered = self.styles.border_top[0] not in ("", "none", "hidden", "blank")
        title = gpu_lines.title_text(gpus[0]) if len(gpus) == 1 and bordered else _TITLE
        if title != self._title:
            self._title = title
            # As content: a card's name is nobody's markup.
            self.border_title = Content(fold(f"{self._number} {title}".strip(), self._charset.name))

    def _styles(self) -> dict[str, Style]:
        if self._palette is None:
            self._palette = {name: self.get_visual_style(f"vitals--{name}").rich_style for name in self.STYLES}
            self._palette[""] = self.visual_style.rich_style
        return self._palette

    def _chart_styles(self) -> list[Style]:
        """The chart's styles by number: heat, wind, and everything else quiet."""
        styles = self._styles()
        names = {"base": "", "train": "chart-train", "val": "chart-val", "notice": "bad"}
        return [styles[names.get(name, "label")] for name in STYLE_NAMES]


def vitals_lines(
    vitals: Sequence[Vitals], width: int, height: int, charset: Charset, *, title: bool = True
) -> list[Line]:
    """The richest layout that fits; with `title` each card's name has a line of its own."""
    if width <= 0 or height <= 0:
        return []
    if not vitals:
        return [((shortened("Feeling for a pulse.", width), "label"),)]
    plans = _with_cards(vitals, width, charset, title) if vitals[-1].gpus else _without_card(vitals, width, charset)
    lines: list[Line] = []
    for upper, lower, spaced in plans:
        lines = _stacked([upper(), lower()], spaced)
        if len(lines) <= height:
            break
    return lines[:height]


def _with_cards(vitals: Sequence[Vitals], width: int, charset: Charset, title: bool) -> Iterator[Plan]:
    """Layouts in order of preference: the computer gives way before the cards do."""
    cards = gpu_lines.gpu_histories(vitals)
    title = title or len(cards) > 1
    host_full, host_compact, host_row = _host_layouts(vitals, width, charset)

    def full() -> list[Line]:
        parts = [gpu_lines.full_lines(card, width, charset, title=title, merge_fans=False) for card in cards]
        return _stacked(parts, spaced=True)

    def merged() -> list[Line]:
        parts = [gpu_lines.full_lines(card, width, charset, title=title, merge_fans=True) for card in cards]
        return _stacked(parts, spaced=False)

    def compact() -> list[Line]:
        return _stacked([gpu_lines.compact_lines(card, width, title=title) for card in cards], spaced=False)

    def rows() -> list[Line]:
        return [gpu_lines.row_line(card, width) for card in cards]

    def summary() -> list[Line]:
        return [gpu_lines.summary_line(cards, width)]

    yield full, host_full, True
    yield full, host_full, False
    for layout in (full, merged, compact, rows, summary):
        for host in (host_compact, host_row, _nothing):
            yield layout, host, False


def _without_card(vitals: Sequence[Vitals], width: int, charset: Charset) -> Iterator[Plan]:
    """Layouts without a card: the calm sentence, and the computer."""
    sentence = printable(vitals[-1].gpu_note)
    host_full, host_compact, host_row = _host_layouts(vitals, width, charset)

    def note() -> list[Line]:
        return [((line, "label"),) for line in wrapped_words(sentence, width, 3)]

    def short_note() -> list[Line]:
        return [((line, "label"),) for line in wrapped_words(sentence, width, 1)]

    yield note, host_full, True
    yield note, host_full, False
    yield short_note, host_full, False
    yield _nothing, host_full, False
    yield note, host_compact, False
    yield short_note, host_compact, False
    yield _nothing, host_compact, False
    yield _nothing, host_row if host_row() else short_note, False


def _host_layouts(vitals: Sequence[Vitals], width: int, charset: Charset) -> tuple[Layout, Layout, Layout]:
    """The computer in full, in two lines, in one."""
    now = vitals[-1].host

    def full() -> list[Line]:
        return host_lines.full_lines(vitals, width, charset)

    def compact() -> list[Line]:
        return host_lines.compact_lines(now, width, charset)

    def row() -> list[Line]:
        line = host_lines.row_line(now, width)
        return [line] if line else []

    return full, compact, row


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
