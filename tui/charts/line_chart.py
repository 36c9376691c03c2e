"""LineChart: a widget that shows a `Plot` and repaints only the cells that changed.

A growing curve changes a handful of cells a frame. The picture is therefore drawn off screen first (1 ms), compared
with the one on screen, and only the differing spans are handed to the compositor. While the chart is not visible
nothing is drawn at all.
"""

from __future__ import annotations

from typing import TypeGuard

from textual.strip import Strip

from babytrain.tui.charts.canvas import ChartCharset
from babytrain.tui.charts.layout import NARROWEST_GUTTER
from babytrain.tui.charts.painter import Drawing, draw_plot
from babytrain.tui.charts.plot import STYLE_NAMES, Plot
from babytrain.tui.charts.styled_widget import StyledWidget


class LineChart(StyledWidget):
    """Curves over a shared x axis in braille, half blocks or plain ASCII; any size, any data."""

    def __init__(self, charset: ChartCharset) -> None:
        super().__init__()
        self._charset = charset
        self.plot = Plot()
        self._picture: Drawing | None = None  # None: to be drawn at the next repaint
        self._strips: dict[int, Strip] = {}

    @property
    def picture(self) -> Drawing:
        """The drawing at the present size."""
        if not self._is_current(self._picture):
            self._strips.clear()
            self._picture = self._draw(self._picture)
        return self._picture

    def show_plot(self, plot: Plot) -> None:
        """Show this from now on."""
        self.plot = plot
        before = self._picture
        if not self._is_current(before) or not self.is_on_screen:
            self._picture = None
            self.refresh()
            return
        self._picture = self._draw(before)
        regions = self._picture.canvas.changed_regions(before.canvas)
        for region in regions:
            self._strips.pop(region.y, None)
        if regions:
            self.refresh(*regions)

    def render_line(self, y: int) -> Strip:
        """Row `y`, from the cache unless it changed."""
        canvas = self.picture.canvas
        if y >= canvas.height:
            return Strip.blank(self.size.width, self.visual_style.rich_style)
        strip = self._strips.get(y)
        if strip is None:
            strip = self._strips[y] = canvas.strip(y, [self.palette[name] for name in STYLE_NAMES])
        return strip

    def notify_style_update(self) -> None:
        """The theme changed: same picture, other colours."""
        super().notify_style_update()
        self._strips.clear()

    def _is_current(self, picture: Drawing | None) -> TypeGuard[Drawing]:
        """Whether there is a drawing of the present size."""
        return picture is not None and (picture.canvas.width, picture.canvas.height) == self.size

    def _draw(self, before: Drawing | None) -> Drawing:
        return draw_plot(self.plot, *self.size, self._charset, NARROWEST_GUTTER if before is None else before.gutter)
