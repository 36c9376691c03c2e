"""The line of keys at the bottom; a click on an entry presses its key.

Textual's footer rebuilds a row of widgets whenever a binding changes and cuts words off on narrow terminals. This one
is a single line of text that drops the least important entries (last in the key map) and keeps the palette's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from rich.cells import cell_len
from textual import events
from textual.binding import Binding
from textual.content import Content
from textual.keys import key_to_character
from textual.screen import Screen
from textual.widget import Widget

from babytrain.tui.keys.keymap import KEY_COMMANDS
from babytrain.tui.widgets.common.line_widget import LineWidget

_HINT_GAP = "  "
_NARROW_COLUMNS = 60
DisplayKey: TypeAlias = Callable[[Binding], str]


@dataclass(frozen=True)
class KeyHint:
    """One entry: displayed keys with the key each of them sends, and a label."""

    keys: tuple[tuple[str, str], ...]
    label: str

    @property
    def content(self) -> Content:
        """The entry as displayed."""
        shown = " ".join(key for key, _ in self.keys)
        return Content.assemble((shown, "bold $primary"), (" " + self.label, "$foreground 65%"))

    def key_at(self, column: int) -> str:
        """The key that a click on a column of the entry sends; the label belongs to the last key."""
        end = 0
        for shown, sent in self.keys:
            end += cell_len(shown) + 1
            if column < end:
                return sent
        return self.keys[-1][1]


class KeyBar(LineWidget):
    """Shows the screen's active bindings."""

    DEFAULT_CSS = "KeyBar { dock: bottom; background: $footer-background; }"

    def __init__(self) -> None:
        super().__init__("keys")
        self._hints: list[KeyHint] = []
        self._palette: KeyHint | None = None
        self._hint_columns: list[tuple[int, KeyHint]] = []  # the first column of each entry shown

    def on_mount(self) -> None:
        """Redraw when the bindings change."""
        self.screen.bindings_updated_signal.subscribe(self, self._changed)
        self._changed(self.screen)

    def build(self, width: int, height: int) -> list[Content]:
        """One line with the entries that fit."""
        line, self._hint_columns = fit_hints(self._hints, self._palette, width)
        return [line]

    async def on_click(self, event: events.Click) -> None:
        """Press the key that is shown there."""
        for first, hint in self._hint_columns:
            if first <= event.x < first + hint.content.cell_length:
                await self.app.action_simulate_key(hint.key_at(event.x - first))

    def _changed(self, screen: Screen[object]) -> None:
        bindings = [
            active.binding
            for active in self.screen.active_bindings.values()
            if active.enabled and not is_typed(active.binding.key, screen.focused)
        ]
        self._hints = collect_hints([binding for binding in bindings if binding.show], self.app.get_key_display)
        palette = next((binding for binding in bindings if binding.action == "app.command_palette"), None)
        self._palette = KeyHint(((self.app.get_key_display(palette), palette.key),), "palette") if palette else None
        self.redraw()


def is_typed(key: str, focused: Widget | None) -> bool:
    """Whether a key types a letter into the focused widget, so that its command is unreachable."""
    return focused is not None and focused.check_consume_key(key, key_to_character(key))


def collect_hints(bindings: Sequence[Binding], show_key: DisplayKey) -> list[KeyHint]:
    """Bindings as entries, in the order of the key map: one per command (all its keys) or group."""
    order = {command.id: number for number, command in enumerate(KEY_COMMANDS)}
    bindings = sorted(bindings, key=lambda binding: order.get(binding.id or "", len(order)))
    entries: dict[str, tuple[str, dict[str, tuple[str, str]]]] = {}
    for binding in bindings:
        name = binding.group.description if binding.group else binding.action
        label = binding.group.description if binding.group else binding.description
        keys = entries.setdefault(name, (label, {}))[1]
        keys.setdefault(binding.action, (show_key(binding), binding.key))
    return [KeyHint(tuple(keys.values()), label) for label, keys in entries.values()]


def fit_hints(
    hints: Sequence[KeyHint], palette: KeyHint | None, width: int
) -> tuple[Content, list[tuple[int, KeyHint]]]:
    """One line of exactly `width` columns, and the column at which each entry begins."""
    positions: list[tuple[int, KeyHint]] = []
    parts: list[Content | str] = []
    column = 0
    right = palette if palette is not None and width >= _NARROW_COLUMNS else None
    room = width - 1 - (right.content.cell_length + len(_HINT_GAP) if right is not None else 0)
    for hint in hints:
        gap = _HINT_GAP if positions else " "
        entry = hint.content
        if column + len(gap) + entry.cell_length > room:
            break
        positions.append((column + len(gap), hint))
        parts += [gap, entry]
        column += len(gap) + entry.cell_length
    if right is not None:
        start = width - 1 - right.content.cell_length
        positions.append((start, right))
        parts += [" " * (start - column), right.content]
        column = width - 1
    parts.append(" " * max(0, width - column))
    return Content.assemble(*parts), positions
