"""Commands on the panes of a run: reading the chart, focus, and maximising."""

from __future__ import annotations

from textual import events, on
from textual.widget import Widget

from babytrain.tui.screens.base import ModeScreen
from babytrain.tui.terminal.safe_text import safe_content
from babytrain.tui.widgets.common.full_text import FullText, Readable
from babytrain.tui.widgets.loss.loss_pane import LossPane

ZOOM_FACTOR = 1.5
# What can be read in full, by the id of its widget.
_PARTS = {
    "header": "the run",
    "health": "how it goes",
    "loss": "1 loss",
    "vitals": "2 vitals",
    "dials": "3 dials",
    "sample": "4 sample",
    "log": "5 log",
}


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

    def full_texts(self) -> list[FullText]:
        """The run, its diagnosis, and what each pane says."""
        texts = [
            FullText(id_, title, self._readable(id_).in_full(), newest_last=id_ == "log")
            for id_, title in _PARTS.items()
        ]
        if self.run_folder is not None:
            texts[0].lines.append(safe_content(f"folder {self.run_folder}", one_line=True))
        return texts

    @on(events.Click)
    def _read_cut_line(self, event: events.Click) -> None:
        part = event.widget.id if event.widget is not None else None
        offset = event.get_content_offset(event.widget) if event.widget is not None else None
        if part in _PARTS and offset is not None:
            widget = self._readable(part)
            if widget.is_cut(offset.y):
                self.action_read_in_full(part, widget.line_number(offset.y))

    def _readable(self, id_: str) -> Readable:
        widget = self.query_one(f"#{id_}")
        assert isinstance(widget, Readable)
        return widget

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
