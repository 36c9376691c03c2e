"""The command palette: every command of the screen below it that has a name, found by any part of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator

from textual.command import DiscoveryHit, Hit, Hits, Provider

from babytrain.tui.keys.keymap import KeyCommand, commands_for, key_label
from babytrain.tui.screens.base import ModeScreen, PaletteEntry


class CommandsProvider(Provider):
    """Made from the key map, and what the screen adds to it; a command that makes no sense now is not offered."""

    async def discover(self) -> Hits:
        """Everything, before anything was typed."""
        for title, entry in self._offered():
            yield DiscoveryHit(title, self._runner(entry), help=entry.help)

    async def search(self, query: str) -> Hits:
        """What fits what was typed."""
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
            # A name with a dot means the app, and needs no leave of the screen.
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
