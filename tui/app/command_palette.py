"""The command palette: every command of the current screen that has a title."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator

from textual.command import DiscoveryHit, Hit, Hits, Provider

from babytrain.tui.keys.keymap import KeyCommand, commands_for, key_label
from babytrain.tui.screens.base import ModeScreen, PaletteEntry


class CommandsProvider(Provider):
    """Commands of the key map and entries of the screen, without those that are not possible now."""

    async def discover(self) -> Hits:
        """All commands, before anything was typed."""
        for title, entry in self._offered():
            yield DiscoveryHit(title, self._runner(entry), help=entry.help)

    async def search(self, query: str) -> Hits:
        """The commands that match `query`."""
        matcher = self.matcher(query)
        for title, entry in self._offered():
            score = matcher.match(entry.title)
            if score > 0:
                yield Hit(score, matcher.highlight(title), self._runner(entry), help=entry.help)

    def _offered(self) -> Iterator[tuple[str, KeyCommand | PaletteEntry]]:
        screen = self.screen
        if not isinstance(screen, ModeScreen):
            return
        for command in commands_for(screen.mode):
            # An action with a dot belongs to the app, so the screen is not asked.
            action = command.action.partition("(")[0]
            if command.title and ("." in action or screen.check_action(action, ()) is not False):
                yield _title(command), command
        for entry in screen.palette_entries():
            yield entry.title, entry

    def _runner(self, entry: KeyCommand | PaletteEntry) -> Callable[[], Awaitable[None]]:
        async def run() -> None:
            await self.app.run_action(entry.action, self.screen)

        return run


def _title(command: KeyCommand) -> str:
    keys = command.keys.split(",")[0]
    return f"{command.title}  ({key_label(keys)})"
