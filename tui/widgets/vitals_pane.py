"""VitalsPane: how the machine is doing and what it draws. The cards if there are any, and the computer around them.

Where there is room, the sensors over the course of the run stand below, on the x axis of the loss chart; where there is
less, a curve of the last minutes. Everything is laid out anew when there is a new reading, and only if it can be seen.
"""

from __future__ import annotations

import os
from typing import ClassVar

from rich.style import Style
from textual.content import Content
from textual.strip import Strip
from textual.widget import Widget

from babytrain.runs.bill import bill_facts
from babytrain.runs.events import Vitals
from babytrain.runs.state import Moment
from babytrain.runs.throttling import throttled_seconds
from babytrain.tui.charset import CharsetName, detect_charset
from babytrain.tui.widgets import gpu_lines
from babytrain.tui.widgets.bill_lines import MOST_LINES, bill_lines
from babytrain.tui.widgets.canvas import CHARSETS, fold
from babytrain.tui.widgets.loss_plot import Settings
from babytrain.tui.widgets.painter import Picture
from babytrain.tui.widgets.plot import STYLE_NAMES, Series
from babytrain.tui.widgets.spans import Line, to_strip
from babytrain.tui.widgets.stretches import StretchBook
from babytrain.tui.widgets.vitals_chart import LOWEST_CHART, READINGS, history_chart
from babytrain.tui.widgets.vitals_history import (
    NAME_WIDTH,
    NARROWEST,
    RANGE_WIDTH,
    HistoryRow,
    Track,
    VitalsHistory,
    history_rows,
)
from babytrain.tui.widgets.vitals_layout import Extras, vitals_lines
from babytrain.tui.widgets.vitals_status import kind_line, status_lines
from babytrain.tui.widgets.x_scale import XScale

_HISTORY = 60  # readings in a sparkline at most, about a minute
_TITLE = "vitals"
# Which of the chart's styles each curve of the history has, in the colours of the gauges.
_CURVE_STYLES = {
    "base": "",
    "train": "load",
    "notice": "heat-warm",
    "val": "fan",
    "mark": "power",
    "saved": "memory",
    "throttled": "throttled",
    "resting": "resting",
}
_TALL = 24  # lines from which on a pane of its own gives each curve two


class VitalsPane(Widget, can_focus=True):
    """Load, memory, temperature, fans and power of cards and computer."""

    STYLES: ClassVar[tuple[str, ...]] = (
        *("label", "title", "load", "memory", "fan", "power", "bad"),
        *("heat-ok", "heat-warm", "heat-hot", "chart-train", "chart-val"),
        *("kind", "resting", "throttled"),
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
        .vitals--kind { color: $foreground 75%; text-style: italic; }
        .vitals--resting { color: $accent; }
        .vitals--throttled { color: $error 35%; }
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
        self._moment: Moment | None = None
        self._settings = Settings()
        self._seen: object = None
        self._history = VitalsHistory()
        self._stretches = StretchBook()
        self._lines: list[Line | HistoryRow] | None = None
        self._chart: Picture | None = None
        self._chart_top = 0
        self._title = _TITLE
        self._palette: dict[str, Style] | None = None

    def show(self, moment: Moment, settings: Settings | None = None) -> None:
        """Show the sensors as they stood at `moment`; nothing is redrawn before there is a new reading.

        `settings` are those of the loss chart, whose x axis and stretch of the run the history shares.
        """
        newest, settings = moment.vitals, settings or self._settings
        restraints = moment.state.restraints.count_until(moment.t)
        seen = (id(moment.state), restraints, moment.ended, settings.x_mode, settings.view)
        if newest is self._newest and seen == self._seen:
            return
        self._newest, self._seen, self._moment, self._settings = newest, seen, moment, settings
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
        line = lines[y] if y < len(lines) else ()
        if isinstance(line, HistoryRow):
            return self._history_strip(line, width)
        return to_strip(line, width, self._styles(), self._charset.name)

    def _history_strip(self, row: HistoryRow, width: int) -> Strip:
        """A name, a line of a curve, and from where to where it goes."""
        styles, charset = self._styles(), self._charset.name
        name = to_strip(((row.name, "label"),), NAME_WIDTH, styles, charset)
        words = to_strip(((" ", ""), (row.words, "label")), RANGE_WIDTH + 1, styles, charset)
        parts = [name, row.canvas.strip(row.row, self._chart_styles(curves=True)), words]
        return Strip.join(parts).adjust_cell_length(width, styles[""])

    def _laid_out(self) -> list[Line | HistoryRow]:
        """The lines for the present size, and below them the history or a curve where there is room."""
        if self._lines is None:
            width, height = self.size
            curves = self._curves(width)
            taken = self._reserved(len(curves), height)
            above = vitals_lines(
                self._vitals[-_HISTORY:],
                width,
                height - taken,
                self._charset,
                title=self._title == _TITLE,
                extras=self._extras(width),
            )
            self._lines = [*above]
            room = height - len(above) - 1
            self._chart = None
            if curves and room >= (taken or LOWEST_CHART + 1) - 1:
                self._lines += [(), *self._history_below(curves, (width, room))]
            elif (found := history_chart(self._vitals, width, room, self._charset)) is not None:
                self._lines += [(), found[0]]
                self._chart, self._chart_top = found[1], len(self._lines)
        return self._lines

    def _reserved(self, curves: int, height: int) -> int:
        """Lines kept for the history in a pane that has the screen to itself, or is tall: blank, curves, axis."""
        if not curves or not (self.has_class("-solo") or height >= _TALL):
            return 0
        wanted = 2 + curves * (2 if height >= _TALL else 1)
        return wanted if wanted <= height * 2 // 3 else 0

    def _curves(self, width: int) -> list[tuple[Track, Series]]:
        moment = self._moment
        if moment is None or moment.rows < 2 or width < NARROWEST:
            return []
        return self._history.curves(moment, XScale(moment, self._settings.x_mode))

    def _history_below(self, curves: list[tuple[Track, Series]], size: tuple[int, int]) -> list[HistoryRow]:
        moment = self._moment
        if moment is None:
            return []
        x = XScale(moment, self._settings.x_mode)
        limits = x.limits(self._settings.view, size[0])
        return history_rows(curves, x, limits, size, self._charset, self._stretches.zones(moment, x))

    def _extras(self, width: int) -> Extras:
        """The bill, and a warning or a kind word."""
        moment = self._moment
        if moment is None or width <= 0:
            return Extras()
        facts = bill_facts(moment)
        gpus = moment.vitals.gpus if moment.vitals is not None else ()
        return Extras(
            bill=tuple(bill_lines(facts, width, MOST_LINES)),
            measured=facts.joules is not None,
            status=tuple(status_lines(moment, self._stretches, width)),
            kind=tuple(kind_line(moment, self._stretches, width)),
            slowed={card.index: throttled_seconds(moment, card) for card in gpus},
        )

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

    def _chart_styles(self, *, curves: bool = False) -> list[Style]:
        """The chart's styles by number: heat, wind, and everything else quiet; `curves` are those of the history."""
        styles = self._styles()
        names = _CURVE_STYLES if curves else {"base": "", "train": "chart-train", "val": "chart-val", "notice": "bad"}
        return [styles[names.get(name, "label")] for name in STYLE_NAMES]
