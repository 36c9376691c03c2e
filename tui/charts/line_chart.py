"""LineChart: a widget that shows a `Plot` and repaints only the cells that changed.

The drawing is made off screen (1 ms) and compared with the one on screen. An invisible chart draws nothing.
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
        """Show this plot from now on."""
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
        """Row `y`, cached until it changes."""
        canvas = self.picture.canvas
        if y >= canvas.height:
            return Strip.blank(self.size.width, self.visual_style.rich_style)
        strip = self._strips.get(y)
        if strip is None:
            strip = self._strips[y] = canvas.strip(y, [self.palette[name] for name in STYLE_NAMES])
        return strip

    def notify_style_update(self) -> None:
        """Draw the same plot in the colours of the new theme."""
        super().notify_style_update()
        self._strips.clear()

    def _is_current(self, picture: Drawing | None) -> TypeGuard[Drawing]:
        return picture is not None and (picture.canvas.width, picture.canvas.height) == self.size

    def _draw(self, before: Drawing | None) -> Drawing:
        return draw_plot(self.plot, *self.size, self._charset, NARROWEST_GUTTER if before is None else before.gutter)
