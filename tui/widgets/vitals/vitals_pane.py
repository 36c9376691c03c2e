"""VitalsPane: sensors of graphics cards and computer.

With enough room the sensor history is drawn below on the x axis of the loss chart, with less a curve of the last
minutes. The layout is rebuilt with each reading, only while visible.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from rich.style import Style
from textual.binding import BindingType
from textual.content import Content
from textual.strip import Strip

from babytrain.runs.energy.bill import bill_amounts
from babytrain.runs.events import Vitals
from babytrain.runs.state.run_state import RunSnapshot
from babytrain.runs.state.throttling import throttled_seconds, trains_on_processor
from babytrain.tui.charts.canvas import CHART_CHARSETS
from babytrain.tui.charts.painter import Drawing
from babytrain.tui.charts.plot import STYLE_NAMES, Series
from babytrain.tui.charts.styled_widget import StyledWidget
from babytrain.tui.charts.x_axis import XScale
from babytrain.tui.terminal.charset import CharsetName, fold_to_charset
from babytrain.tui.text.styled_lines import StyledLine, to_strip
from babytrain.tui.widgets.common.full_text import CUT_SIGN, READ_BINDING, Readable
from babytrain.tui.widgets.loss.event_marks import IntervalTracker
from babytrain.tui.widgets.loss.loss_plot import ChartSettings
from babytrain.tui.widgets.vitals import gpu_gauges
from babytrain.tui.widgets.vitals.bill_lines import MAX_BILL_LINES, bill_lines
from babytrain.tui.widgets.vitals.sensor_curves import (
    MIN_CHART_ROWS,
    MIN_HISTORY_COLUMNS,
    NAME_WIDTH,
    RANGE_WIDTH,
    RECENT_READINGS,
    HistoryRow,
    SensorTrack,
    VitalsHistory,
    history_rows,
    recent_chart,
)
from babytrain.tui.widgets.vitals.vitals_layout import PaneFooter, encouragement_line, status_lines, vitals_lines

_HISTORY = 60  # most readings in a sparkline, about a minute
_NUMBER, _TITLE = "2", "vitals"
# The style of each curve in the recent chart and in the history.
_RECENT_STYLES = {"base": "", "train": "heat-ok", "val": "fan", "notice": "bad"}
_HISTORY_STYLES = {
    "base": "",
    "train": "load",
    "notice": "heat-warm",
    "val": "fan",
    "mark": "power",
    "saved": "memory",
    "throttled": "throttled",
    "resting": "resting-text",
}
_FULL_COLUMNS = 1000  # to build lines that nothing is cut from
_TALL = 24  # lines from which a maximised pane gives each curve two


class VitalsPane(Readable, StyledWidget, can_focus=True):
    """Load, memory, temperature, fans and power of cards and computer."""

    BINDINGS: ClassVar[list[BindingType]] = [READ_BINDING]

    def __init__(self, charset: CharsetName) -> None:
        super().__init__(id="vitals", classes="pane")
        self.border_title = f"{_NUMBER} {_TITLE}"
        self._charset = CHART_CHARSETS[charset]
        self._vitals: list[Vitals] = []
        self._newest: Vitals | None = None
        self._snapshot: RunSnapshot | None = None
        self._settings = ChartSettings()
        self._seen: object = None
        self._history = VitalsHistory()
        self._intervals = IntervalTracker()
        self._lines: list[StyledLine | HistoryRow] | None = None
        self._chart: Drawing | None = None
        self._chart_top = 0
        self._title = _TITLE

    def show(self, snapshot: RunSnapshot, settings: ChartSettings | None = None) -> None:
        """Show the sensors as of `snapshot`; redrawn only for a new reading. `settings` are those of the loss chart,
        whose x axis and window the history shares."""
        newest, settings = snapshot.vitals, settings or self._settings
        policy_events = snapshot.state.policy_events.count_until(snapshot.t)
        seen = (id(snapshot.state), policy_events, snapshot.ended, settings.x_mode, settings.view)
        if newest is self._newest and seen == self._seen:
            return
        self._newest, self._seen, self._snapshot, self._settings = newest, seen, snapshot, settings
        self._vitals = snapshot.recent_vitals(RECENT_READINGS)
        self._lines = None
        self._name_border()
        self.refresh()

    def on_resize(self) -> None:
        """Build the layout for the new size."""
        self._lines = None
        self.refresh()  # a frame of the old layout may have been drawn at the new size already

    def render_line(self, y: int) -> Strip:
        """One line of the layout."""
        lines = self._laid_out()
        width = self.size.width
        if self._chart is not None and 0 <= y - self._chart_top < self._chart.canvas.height:
            return self._chart.canvas.strip(y - self._chart_top, self._chart_styles(_RECENT_STYLES))
        line = lines[y] if y < len(lines) else ()
        if isinstance(line, HistoryRow):
            return self._history_strip(line, width)
        return to_strip(line, width, self.palette, self._charset.name)

    def is_cut(self, y: int) -> bool:
        """Whether row `y` does not show all of its line."""
        lines = self._laid_out()
        line = lines[y] if 0 <= y < len(lines) else ()
        return not isinstance(line, HistoryRow) and any(CUT_SIGN in text for text, _ in line)

    def in_full(self) -> list[Content]:
        """Every sensor, also why some are missing, and the whole bill."""
        extras = self._extras(_FULL_COLUMNS)
        lines = vitals_lines(self._vitals[-_HISTORY:], _FULL_COLUMNS, _FULL_COLUMNS, self._charset, extras=extras)
        return [Content("".join(text for text, _ in line)) for line in lines if line]

    def _history_strip(self, row: HistoryRow, width: int) -> Strip:
        styles, charset = self.palette, self._charset.name
        name = to_strip(((row.name, "label"),), NAME_WIDTH, styles, charset)
        words = to_strip(((" ", ""), (row.words, "label")), RANGE_WIDTH + 1, styles, charset)
        parts = [name, row.canvas.strip(row.row, self._chart_styles(_HISTORY_STYLES)), words]
        return Strip.join(parts).adjust_cell_length(width, styles[""])

    def _laid_out(self) -> list[StyledLine | HistoryRow]:
        """The sensor lines for the present size, then the history or a recent chart where there is room."""
        if self._lines is None:
            width, height = self.size
            curves = self._curves(width)
            reserved = self._reserved(len(curves), height)
            above = vitals_lines(
                self._vitals[-_HISTORY:],
                width,
                height - reserved,
                self._charset,
                title=self._title == _TITLE,
                extras=self._extras(width),
            )
            self._lines = [*above]
            room = height - len(above) - 1
            self._chart = None
            if curves and room >= (reserved or MIN_CHART_ROWS + 1) - 1:
                self._lines += [(), *self._history_below(curves, (width, room))]
            elif (found := recent_chart(self._vitals, width, room, self._charset)) is not None:
                self._lines += [(), found[0]]
                self._chart, self._chart_top = found[1], len(self._lines)
        return self._lines

    def _reserved(self, curves: int, height: int) -> int:
        """Lines reserved for the history in a maximised or tall pane: blank, curves, axis."""
        if not curves or not (self.has_class("-maximised") or height >= _TALL):
            return 0
        wanted = 2 + curves * (2 if height >= _TALL else 1)
        return wanted if wanted <= height * 2 // 3 else 0

    def _curves(self, width: int) -> list[tuple[SensorTrack, Series]]:
        snapshot = self._snapshot
        if snapshot is None or snapshot.rows < 2 or width < MIN_HISTORY_COLUMNS:
            return []
        return self._history.curves(snapshot, XScale(snapshot, self._settings.x_mode))

    def _history_below(self, curves: list[tuple[SensorTrack, Series]], size: tuple[int, int]) -> list[HistoryRow]:
        snapshot = self._snapshot
        if snapshot is None:
            return []
        x = XScale(snapshot, self._settings.x_mode)
        limits = x.limits(self._settings.view, size[0])
        return history_rows(curves, x, limits, size, self._charset, self._intervals.shaded_intervals(snapshot, x))

    def _extras(self, width: int) -> PaneFooter:
        snapshot = self._snapshot
        if snapshot is None or width <= 0:
            return PaneFooter()
        facts = bill_amounts(snapshot)
        gpus = snapshot.vitals.gpus if snapshot.vitals is not None else ()
        return PaneFooter(
            bill=tuple(bill_lines(facts, width, MAX_BILL_LINES)),
            bill_summary=tuple(bill_lines(facts, width, 1)),
            measured=facts.joules is not None,
            status=tuple(status_lines(snapshot, self._intervals, width)),
            kind=tuple(encouragement_line(snapshot, self._intervals, width)),
            slowed={card.index: throttled_seconds(snapshot, card) for card in gpus},
            on_processor=trains_on_processor(snapshot),
        )

    def _name_border(self) -> None:
        """Put a single card's name into the border, if there is one, which saves a line."""
        gpus = self._newest.gpus if self._newest is not None else ()
        bordered = self.styles.border_top[0] not in ("", "none", "hidden", "blank")
        title = _TITLE
        if len(gpus) == 1 and bordered:
            on_processor = self._snapshot is not None and trains_on_processor(self._snapshot)
            title = gpu_gauges.gpu_title(gpus[0], used=gpus[0].trains or not on_processor)
        if title != self._title:
            self._title = title
            # As Content: a card's name must not be parsed as markup.
            self.border_title = Content(fold_to_charset(f"{_NUMBER} {title}", self._charset.name))

    def _chart_styles(self, names: Mapping[str, str]) -> list[Style]:
        """The styles of a chart by number; those not in `names` are dim."""
        return [self.palette[names.get(name, "label")] for name in STYLE_NAMES]
