"""LineChart: a widget that shows a `Plot` and repaints only the cells that changed.

A growing curve changes a handful of cells a frame. The picture is therefore drawn off screen first (1 ms), compared
with the one on screen, and only the differing spans are handed to the compositor. While the chart is not visible
nothing is drawn at all.
"""

from __future__ import annotations

import os
from typing import ClassVar

from rich.style import Style
from textual.strip import Strip
from textual.widget import Widget

from babytrain.tui.charts.canvas import CHART_CHARSETS
from babytrain.tui.charts.painter import Drawing, draw_plot
from babytrain.tui.charts.plot import STYLE_NAMES, Plot
from babytrain.tui.terminal.charset import CharsetName, detect_charset


class LineChart(Widget):
    """Curves over a shared x axis in braille, half blocks or plain ASCII; any size, any data."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {f"chart--{name}" for name in STYLE_NAMES}
    DEFAULT_CSS = """
    LineChart {
        height: 1fr;
        width: 1fr;
        .chart--base { color: $foreground; }
        .chart--axis { color: $foreground 30%; }
        .chart--label { color: $foreground 60%; }
        .chart--band { color: $primary 55%; }
        .chart--train { color: $text-primary; text-style: bold; }
        .chart--val { color: $warning; text-style: bold; }
        .chart--best { color: $success; text-style: bold; }
        .chart--level { color: $foreground 45%; }
        .chart--mark { color: $text-secondary; text-style: bold; }
        .chart--saved { color: $success 70%; }
        .chart--bad { color: $error; text-style: bold; }
        .chart--crosshair { color: $foreground 80%; }
        .chart--notice { color: $error; }
        .chart--throttled { color: $error 35%; }
        .chart--resting { color: $accent 35%; }
        /* The terminal's own sixteen colours cannot be mixed with the background. */
        &:ansi {
            .chart--axis { text-style: dim; }
            .chart--label { text-style: dim; }
            .chart--band { text-style: dim; }
            .chart--level { text-style: dim; }
            .chart--saved { text-style: dim; }
            .chart--throttled { text-style: dim; }
            .chart--resting { text-style: dim; }
        }
    }
    """

    def __init__(
        self,
        charset: CharsetName | None = None,
        *,
        name: str | None = None,
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        super().__init__(name=name, id=id, classes=classes)
        self.charset_name: CharsetName = charset or detect_charset(os.environ)
        self._plot = Plot()
        self._picture: Drawing | None = None  # None: to be drawn when somebody looks
        self._strips: dict[int, Strip] = {}
        self._palette: list[Style] | None = None

    @property
    def plot(self) -> Plot:
        """What is shown."""
        return self._plot

    @property
    def picture(self) -> Drawing:
        """The drawing at the present size."""
        width, height = self.size
        picture = self._picture
        if picture is None or (picture.canvas.width, picture.canvas.height) != (width, height):
            self._strips.clear()
            picture = self._picture = self._draw(picture)
        return picture

    def show_plot(self, plot: Plot) -> None:
        """Show this from now on."""
        self._plot = plot
        before = self._picture
        width, height = self.size
        comparable = before is not None and (before.canvas.width, before.canvas.height) == (width, height)
        if before is None or not comparable or not self.is_on_screen:
            self._picture = None
            self.refresh()
            return
        picture = self._draw(before)
        self._picture = picture
        regions = picture.canvas.changed_regions(before.canvas)
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
            strip = self._strips[y] = canvas.strip(y, self._styles())
        return strip

    def notify_style_update(self) -> None:
        """The theme changed: same picture, other colours."""
        super().notify_style_update()
        self._palette = None
        self._strips.clear()

    def _draw(self, before: Drawing | None) -> Drawing:
        width, height = self.size
        charset = CHART_CHARSETS[self.charset_name]
        if before is None:
            return draw_plot(self._plot, width, height, charset)
        return draw_plot(self._plot, width, height, charset, before.gutter)

    def _styles(self) -> list[Style]:
        if self._palette is None:
            self._palette = [self.get_visual_style(f"chart--{name}").rich_style for name in STYLE_NAMES]
        return self._palette
