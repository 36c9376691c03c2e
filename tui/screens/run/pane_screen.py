"""The keys of the panes of a run: reading the chart, and which pane has the focus or the whole screen."""

from __future__ import annotations

from textual.widget import Widget

from babytrain.tui.screens.base import ModeScreen
from babytrain.tui.widgets.loss.loss_pane import LossPane

ZOOM_FACTOR = 1.5


class PaneScreen(ModeScreen):
    """A screen of panes, `#loss` among them. What is in them is up to a subclass."""

    def refresh_now(self) -> None:
        """Draw everything that changed, now."""
        raise NotImplementedError

    # chart

    @property
    def _loss(self) -> LossPane:
        return self.query_one("#loss", LossPane)

    def action_log_y(self) -> None:
        """Logarithmic or linear."""
        self._loss.toggle_log_y()

    def action_x_axis(self) -> None:
        """Steps, tokens, time, epochs."""
        self._loss.cycle_x_axis()

    def action_toggle_speed(self) -> None:
        """Tokens per second, or the losses."""
        self._loss.toggle_speed()

    def action_baselines(self) -> None:
        """The losses of models that only count, as faint lines."""
        self._loss.toggle_baselines()

    def action_smoothing(self) -> None:
        """The next level of smoothing."""
        self._loss.cycle_smoothing()

    def action_crosshair(self, columns: int) -> None:
        """Move the crosshair."""
        self._loss.move_crosshair(columns)

    def action_zoom(self, direction: int) -> None:
        """Closer (1) or farther away (-1)."""
        self._loss.zoom(ZOOM_FACTOR if direction > 0 else 1 / ZOOM_FACTOR)

    def action_show_all(self) -> None:
        """The whole run."""
        self._loss.show_all()

    def action_follow(self) -> None:
        """The newest stretch."""
        self._loss.follow()

    # panes

    @property
    def maximised_pane(self) -> Widget | None:
        """The pane that has the whole screen, if one has."""
        return next((pane for pane in self.query(".pane") if pane.has_class("-maximised")), None)

    def action_focus_pane(self, name: str) -> None:
        """To a pane; one that has no place in this layout gets the whole screen."""
        pane = self.query_one(f"#{name}")
        if not pane.display or self.maximised_pane is not None:
            self._maximise(pane)
        pane.focus()

    def action_maximise(self) -> None:
        """The focused pane on the whole screen, and back."""
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
