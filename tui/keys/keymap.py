"""Every command of the app, read from `key_commands.csv`, for bindings, footer, palette and help.

The columns are the fields of `KeyCommand`; keys have Textual's names (`full_stop`, `shift+tab`), separated by commas.
A command without `label` is not in the footer, one without `title` not in the palette. Within one mode no key belongs
to two commands. The order within a scope is that of the footer, which drops entries from the end, so the command that
closes a screen comes first.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias, cast

from textual.binding import Binding
from textual.keys import format_key

KeyScope: TypeAlias = Literal[
    "everywhere",
    "home",
    "live",
    "replay",
    "panes",
    "cycle",
    "chart",
    "arrows",
    "scroll",
    "letters",
    "quit",
    "dialog",
    "picture",
    "samples",
    "chat",
]
KeyMode: TypeAlias = Literal["home", "live", "replay", "watch", "quit", "dialog", "letters", "samples", "chat"]


@dataclass(frozen=True)
class KeyCommand:
    """A command. `action` is a Textual action, looked up on the screen (or on the app, with `app.`)."""

    id: str
    scope: KeyScope
    keys: str
    action: str
    label: str  # footer
    title: str  # palette
    help: str
    group: Binding.Group | None = None
    display: str | None = None  # how the footer shows the key, where Textual's own name is long
    priority: bool = False

    def binding(self) -> Binding:
        """The Textual binding; the user's own keys refer to its id."""
        return Binding(
            self.keys,
            self.action,
            self.label or self.title,
            show=bool(self.label),
            key_display=self.display,
            priority=self.priority,
            tooltip=self.help,
            id=self.id,
            group=self.group,
        )


def _read_commands() -> Iterator[KeyCommand]:
    with Path(__file__).with_name("key_commands.csv").open(encoding="utf-8", newline="") as file:
        rows = csv.reader(file)
        next(rows)
        for command_id, scope, keys, action, label, title, group, display, priority, help_text in rows:
            yield KeyCommand(
                command_id,
                cast(KeyScope, scope),
                keys,
                action,
                label,
                title,
                help_text,
                group=Binding.Group(group, compact=True) if group else None,
                display=display or None,
                priority=bool(priority),
            )


KEY_COMMANDS: tuple[KeyCommand, ...] = tuple(_read_commands())

# Scopes of a screen, in the order of its footer.
SCOPES_BY_MODE: Mapping[KeyMode, tuple[KeyScope, ...]] = {
    "home": ("everywhere", "home", "picture"),
    "live": ("everywhere", "live", "chart", "arrows", "cycle", "panes", "scroll", "picture"),
    "watch": ("everywhere", "chart", "arrows", "cycle", "panes", "scroll", "picture"),
    "replay": ("everywhere", "replay", "chart", "panes", "scroll", "picture"),
    "samples": ("everywhere", "samples", "picture"),
    "chat": ("chat", "picture"),  # the keys of "everywhere" type letters here
    "quit": ("quit", "picture"),
    "dialog": ("dialog", "picture"),
    "letters": ("everywhere", "letters", "picture"),
}

SCOPE_TITLES: Mapping[KeyScope, str] = {
    "everywhere": "Everywhere",
    "home": "Runs",
    "live": "While it trains",
    "replay": "Replay",
    "chart": "Chart",
    "arrows": "Crosshair and zoom",
    "panes": "Panes",
    "cycle": "From pane to pane",
    "scroll": "In a pane of text",
    "samples": "Reading samples",
    "chat": "Talking to the model",
    "quit": "Leaving a run",
    "dialog": "Dialogs",
    "letters": "Letter board",
    "picture": "On every screen",
}

COMMANDS_BY_ID: Mapping[str, KeyCommand] = {command.id: command for command in KEY_COMMANDS}


def commands_in(*scopes: KeyScope) -> list[KeyCommand]:
    """The commands of `scopes`, in that order."""
    return [command for scope in scopes for command in KEY_COMMANDS if command.scope == scope]


def commands_for(mode: KeyMode) -> list[KeyCommand]:
    """The commands of a mode."""
    return commands_in(*SCOPES_BY_MODE[mode])


def bindings_in(*scopes: KeyScope) -> list[Binding]:
    """The Textual bindings of `scopes`."""
    return [command.binding() for command in commands_in(*scopes)]


def refusal_bindings(mode: KeyMode) -> list[Binding]:
    """Bindings that explain why the commands of a live run do nothing in `mode`, on keys without another use."""
    taken = {key for command in commands_for(mode) for key in split_keys(command.keys)}
    return [
        Binding(key, f"refuse('{command.id}')", show=False)
        for command in commands_in("live")
        for key in split_keys(command.keys)
        if key not in taken
    ]


def ended_run_refusal_bindings() -> list[Binding]:
    """The same explanations on all keys of a live run, for a run that has ended."""
    return [Binding(command.keys, f"refuse('{command.id}')", show=False) for command in commands_in("live")]


def split_keys(keys: str) -> list[str]:
    """The single keys of a comma-separated list."""
    return [key.strip() for key in keys.split(",") if key.strip()]


def keys_of(command: KeyCommand, keymap: Mapping[str, str]) -> list[str]:
    """The keys of a command, with the user's own keys applied."""
    return split_keys(keymap.get(command.id, command.keys))


def keys_text(command: KeyCommand, keymap: Mapping[str, str]) -> str:
    """The keys of a command as shown on the screen."""
    return " ".join(key_label(key) for key in keys_of(command, keymap))


def key_label(key: str) -> str:
    """A key as shown on the screen: `ctrl+c`, `←`, `.`."""
    *modifiers, name = key.split("+")
    return "+".join([*modifiers, format_key(name)])


def find_clashes(keymap: Mapping[str, str]) -> list[tuple[str, str, str]]:
    """Keys that two commands of one screen share: `(key, command id, other command id)`."""
    clashes: dict[tuple[str, str, str], None] = {}
    for mode in SCOPES_BY_MODE:
        owner: dict[str, str] = {}
        for command in commands_for(mode):
            for key in keys_of(command, keymap):
                if owner.setdefault(key, command.id) != command.id:
                    clashes[(key, owner[key], command.id)] = None
    return list(clashes)
