"""The base of widgets that render their own strips, with one palette of named styles for charts, legend and gauges."""

from __future__ import annotations

from typing import ClassVar

from rich.style import Style
from textual.widget import Widget

from babytrain.tui.charts.plot import STYLE_NAMES

TEXT_STYLES = (
    *("title", "load", "memory", "fan", "power", "heat-ok", "heat-warm", "heat-hot", "kind"),
    *("throttled-text", "resting-text", "crosshair-text"),
)


class StyledWidget(Widget):
    """A widget with a `palette` that follows the theme."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {f"style--{name}" for name in (*STYLE_NAMES, *TEXT_STYLES)}
    DEFAULT_CSS = """
    StyledWidget {
        width: 1fr;
        height: 1fr;
        .style--base { color: $foreground; }
        .style--axis { color: $foreground 30%; }
        .style--label { color: $foreground 60%; }
        .style--band { color: $primary 55%; }
        .style--train, .style--title { color: $text-primary; text-style: bold; }
        .style--val { color: $warning; text-style: bold; }
        .style--best { color: $success; text-style: bold; }
        .style--level { color: $foreground 45%; }
        .style--mark { color: $text-secondary; text-style: bold; }
        .style--saved { color: $success 70%; }
        .style--bad, .style--heat-hot { color: $error; text-style: bold; }
        .style--crosshair { color: $foreground 80%; }
        .style--crosshair-text { color: $foreground; text-style: bold; }
        .style--notice, .style--throttled-text { color: $error; }
        .style--throttled { color: $error 35%; }
        .style--resting { color: $accent 35%; }
        .style--resting-text { color: $accent; }
        .style--load { color: $primary; }
        .style--memory { color: $text-secondary 70%; }
        .style--fan { color: $text-primary 80%; }
        .style--power { color: $warning 80%; }
        .style--heat-ok { color: $success; }
        .style--heat-warm { color: $warning; }
        .style--kind { color: $foreground 75%; text-style: italic; }
        /* The terminal's own sixteen colours cannot be mixed with the background. */
        &:ansi {
            .style--axis, .style--label, .style--band, .style--level { text-style: dim; }
            .style--saved, .style--throttled, .style--resting { text-style: dim; }
        }
    }
    """
    _palette: dict[str, Style] | None = None

    @property
    def palette(self) -> dict[str, Style]:
        """The styles by name; "" is the background."""
        if self._palette is None:
            names = (*STYLE_NAMES, *TEXT_STYLES)
            self._palette = {name: self.get_visual_style(f"style--{name}").rich_style for name in names}
            self._palette[""] = self.visual_style.rich_style
        return self._palette

    def notify_style_update(self) -> None:
        """Draw the same text in the colours of the new theme."""
        super().notify_style_update()
        self._palette = None
