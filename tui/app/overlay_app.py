"""The overlays of the app: samples, letters, chat, help, messages, screenshots; and the lines printed while it runs."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from queue import SimpleQueue
from typing import TYPE_CHECKING

from textual import events, on
from textual.app import App
from textual.content import Content
from textual.notifications import Notify, SeverityLevel

from babytrain.tui.app.start_screen import AppResult
from babytrain.tui.keys.user_keys import UserKeys, keys_path
from babytrain.tui.screens import messages
from babytrain.tui.screens.base import ModeScreen
from babytrain.tui.terminal.charset import CharsetName

if TYPE_CHECKING:
    from babytrain.tui.engine_client.client import EngineClient

MAX_PENDING_LINES = 1000
MIN_NOTICE_LINES = 3
_SEVERITIES: tuple[SeverityLevel, ...] = ("information", "warning", "error")


class Notices:
    """The notices on the screen, which become one."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._shown: list[tuple[str, SeverityLevel, float]] = []  # text, severity, until when

    def add(
        self, text: str, severity: SeverityLevel, seconds: float, width: int, lines: int
    ) -> tuple[str, SeverityLevel, float]:
        """The text, severity and remaining seconds of all of them. The new one is whole, the others are left out where
        they do not fit into `lines` of `width` columns."""
        now = self._now()
        kept = [notice for notice in self._shown if notice[2] > now and notice[0] != text]
        kept.append((text, severity, now + seconds))
        while len(kept) > 1 and sum(len(Content(shown).wrap(width)) for shown, _, _ in kept) > lines:
            del kept[0]
        self._shown = kept
        worst = max((level for _, level, _ in kept), key=_SEVERITIES.index)
        return "\n".join(shown for shown, _, _ in kept), worst, max(until for _, _, until in kept) - now


class OverlayApp(App[AppResult]):
    """The part of the app that changes no run."""

    def __init__(self, engine_client: EngineClient, charset: CharsetName, wall_clock: Callable[[], float]) -> None:
        super().__init__()
        self.engine_client = engine_client
        self.charset: CharsetName = charset
        self._wall_clock = wall_clock
        self._user_keys = UserKeys({}, ())
        self._printed: SimpleQueue[str] = SimpleQueue()
        self._half_lines: dict[bool, str] = {}
        self._notices = Notices()

    def on_notify(self, event: Notify) -> None:
        """Several notices at a time are one, the newest last; Textual then shows it."""
        notice = event.notification
        most = max(MIN_NOTICE_LINES, self.size.height // 8)
        notice.message, notice.severity, notice.timeout = self._notices.add(
            notice.message, notice.severity, notice.timeout, max(1, self.size.width - 3), most
        )
        self.clear_notifications()

    async def on_event(self, event: events.Event) -> None:
        """Escape first closes notices that take more than a third of the screen."""
        if isinstance(event, events.Key) and event.key == "escape" and isinstance(self.screen, ModeScreen):
            lines = sum(toast.outer_size.height for toast in self.screen.query("Toast"))
            if lines * 3 > self.size.height:
                self._notices = Notices()
                self.clear_notifications()
                return
        await super().on_event(event)

    @on(messages.SamplesRequested)
    def _show_samples(self, message: messages.SamplesRequested) -> None:
        from babytrain.tui.app.open_overlays import open_samples

        open_samples(self, self.engine_client, self.charset, message)

    @on(messages.LettersRequested)
    def _show_letters(self, message: messages.LettersRequested) -> None:
        from babytrain.tui.app.open_overlays import open_letters

        open_letters(self, self.charset, message)

    @on(messages.ChatRequested)
    def _show_chat(self, message: messages.ChatRequested) -> None:
        from babytrain.tui.app.open_overlays import open_chat

        open_chat(self, self.engine_client, self.charset, message)

    @on(messages.ReadInFullRequested)
    def _show_full_texts(self, message: messages.ReadInFullRequested) -> None:
        from babytrain.tui.screens.dialogs.full_text import FullTextPane, FullTextScreen

        self.push_screen(FullTextScreen(FullTextPane(message.texts, self.charset, (message.part, message.line))))

    def _show_message(self, heading: str, text: str) -> None:
        from babytrain.tui.screens.dialogs.question import MessageScreen

        self.push_screen(MessageScreen(heading, text))

    def action_picture(self) -> None:
        """Save a screenshot, written in a thread."""
        from babytrain.tui.export.screenshot import save_screenshot

        save_screenshot(self, self._wall_clock())

    def action_help(self) -> None:
        """Show the keys and numbers of the current screen."""
        from babytrain.tui.screens.dialogs.help import HelpPane, HelpScreen

        screen = self.screen
        if not isinstance(screen, ModeScreen):
            return

        async def done(action: str | None) -> None:
            if action is not None:
                await self.run_action(action, screen)

        path, _ = keys_path(os.environ)
        self.push_screen(HelpScreen(HelpPane(screen.mode, self._user_keys.keymap, str(path), self.charset)), done)

    def add_log_line(self, text: str) -> None:
        """Add a line to the log pane. May be called from any thread."""
        if self._printed.qsize() < MAX_PENDING_LINES:
            self._printed.put(text)

    @on(events.Print)
    def _captured(self, event: events.Print) -> None:
        event.stop()
        *lines, rest = (self._half_lines.get(event.stderr, "") + event.text).replace("\r", "\n").split("\n")
        self._half_lines[event.stderr] = rest[-MAX_PENDING_LINES:]
        for line in lines:
            if line.strip():
                self.add_log_line(line)
