"""Commands on the panes of a run: reading the chart, focus, and maximising."""

from __future__ import annotations

from textual.widget import Widget

from babytrain.tui.screens.base import ModeScreen
from babytrain.tui.widgets.loss.loss_pane import LossPane

ZOOM_FACTOR = 1.5


class PaneScreen(ModeScreen):
    """A screen of panes, `#loss` among them; subclasses define the panes."""

    def refresh_now(self) -> None:
        """Draw everything that changed, now."""
        raise NotImplementedError

    @property
    def _loss(self) -> LossPane:
        return self.query_one("#loss", LossPane)

    def action_chart(self, method: str, *arguments: int) -> None:
        """Call a method of the chart."""
        getattr(self._loss, method)(*arguments)

    def action_zoom(self, direction: int) -> None:
        """Zoom in (1) or out (-1)."""
        self._loss.zoom(ZOOM_FACTOR if direction > 0 else 1 / ZOOM_FACTOR)

    @property
    def maximised_pane(self) -> Widget | None:
        """The maximised pane, if any."""
        return next((pane for pane in self.query(".pane") if pane.has_class("-maximised")), None)

    def action_focus_pane(self, name: str) -> None:
        """Focus a pane; one that is hidden in this layout is maximised."""
        pane = self.query_one(f"#{name}")
        if not pane.display or self.maximised_pane is not None:
            self._maximise(pane)
        pane.focus()

    def action_maximise(self) -> None:
        """Maximise the focused pane, or restore it."""
        focused = self.focused
        if self.maximised_pane is not None:
            self._maximise(None)
        elif focused is not None and focused.has_class("pane"):
            self._maximise(focused)

    def _maximise(self, wanted: Widget | None) -> None:
        self.set_class(wanted is not None, "-maximised")
        for pane in self.query(".pane"):
            pane.set_class(pane is wanted, "-maximised")
        self.call_after_refresh(self.refresh_now)
