"""Every command of the app, read from `key_commands.csv`, and what is made of it: bindings, footer, palette and help.

The table is the only place where a command is named. Its columns are the fields of `KeyCommand`; its keys have
Textual's names (`full_stop`, `shift+tab`), several separated by commas.

Choices:
- A command without `label` is not in the footer, one without `title` is not in the palette.
- `scope` says where a command belongs and `SCOPES_BY_MODE` which scopes a screen offers together. Within one mode no
  key stands for two commands; a test holds that, also for people's own keys (`user_keys.py`).
- The order within a scope is the order in the footer, which drops entries from the end: the way out of a screen
  comes first.
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
    "talk",
]
KeyMode: TypeAlias = Literal["home", "live", "replay", "watch", "quit", "dialog", "letters", "samples", "talk"]


@dataclass(frozen=True)
class KeyCommand:
    """One thing a person can do. `action` is a Textual action, looked up on the screen (or the app, with `app.`)."""

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
        """The Textual binding; its id is what people's own keys refer to."""
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
    """The rows of the table; an empty cell is a default."""
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

# What a screen offers, in the order of its footer.
SCOPES_BY_MODE: Mapping[KeyMode, tuple[KeyScope, ...]] = {
    "home": ("everywhere", "home", "picture"),
    "live": ("everywhere", "live", "chart", "arrows", "cycle", "panes", "scroll", "picture"),
    "watch": ("everywhere", "chart", "arrows", "cycle", "panes", "scroll", "picture"),
    "replay": ("everywhere", "replay", "chart", "panes", "scroll", "picture"),
    "samples": ("everywhere", "samples", "picture"),
    "talk": ("talk", "picture"),  # the keys of everywhere are letters here
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
    "talk": "Talking to the model",
    "quit": "Leaving a run",
    "dialog": "Dialogs",
    "letters": "Letter board",
    "picture": "On every screen",
}

COMMANDS_BY_ID: Mapping[str, KeyCommand] = {command.id: command for command in KEY_COMMANDS}


def commands_in(*scopes: KeyScope) -> list[KeyCommand]:
    """The commands of some scopes, in the order of the scopes."""
    return [command for scope in scopes for command in KEY_COMMANDS if command.scope == scope]


def commands_for(mode: KeyMode) -> list[KeyCommand]:
    """What a kind of screen offers."""
    return commands_in(*SCOPES_BY_MODE[mode])


def bindings_in(*scopes: KeyScope) -> list[Binding]:
    """Textual bindings for some scopes."""
    return [command.binding() for command in commands_in(*scopes)]


def refusal_bindings(mode: KeyMode) -> list[Binding]:
    """Bindings that explain why the commands of a live run do nothing here, on keys that mean nothing else."""
    taken = {key for command in commands_for(mode) for key in split_keys(command.keys)}
    return [
        Binding(key, f"refuse('{command.id}')", show=False)
        for command in commands_in("live")
        for key in split_keys(command.keys)
        if key not in taken
    ]


def ended_run_refusal_bindings() -> list[Binding]:
    """The same explanations on the same keys, for a live run that is over and has its commands switched off."""
    return [Binding(command.keys, f"refuse('{command.id}')", show=False) for command in commands_in("live")]


def split_keys(keys: str) -> list[str]:
    """The single keys of a comma-separated list."""
    return [key.strip() for key in keys.split(",") if key.strip()]


def keys_of(command: KeyCommand, keymap: Mapping[str, str]) -> list[str]:
    """The keys a command has now, a person's own keys counted in."""
    return split_keys(keymap.get(command.id, command.keys))


def keys_text(command: KeyCommand, keymap: Mapping[str, str]) -> str:
    """The keys of a command as people call them."""
    return " ".join(key_label(key) for key in keys_of(command, keymap))


def key_label(key: str) -> str:
    """A key as people call it: `ctrl+c`, `←`, `.`."""
    *modifiers, name = key.split("+")
    return "+".join([*modifiers, format_key(name)])


def find_clashes(keymap: Mapping[str, str]) -> list[tuple[str, str, str]]:
    """Keys that would stand for two commands on one screen: `(key, command id, other command id)`."""
    clashes: dict[tuple[str, str, str], None] = {}
    for mode in SCOPES_BY_MODE:
        owner: dict[str, str] = {}
        for command in commands_for(mode):
            for key in keys_of(command, keymap):
                if owner.setdefault(key, command.id) != command.id:
                    clashes[(key, owner[key], command.id)] = None
    return list(clashes)
