"""One place for every command: its name, default keys, footer text, palette entry and help text.

Bindings, footer, command palette, help screen and the tests are all made from `COMMANDS`; a command exists once. The
commands themselves are data, in `key_commands.py`; here is what is made of them. Choices worth knowing:

- `scope` says where a command belongs and `MODES` which scopes a screen offers together. Within one mode no key stands
  for two commands; a test holds that, also for people's own keys (`keys_file.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

from textual.binding import Binding
from textual.keys import format_key

from babytrain.tui.keys.key_table import KEY_COMMANDS, KeyCommand, KeyScope

__all__ = [
    "COMMANDS_BY_ID",
    "KEY_COMMANDS",
    "SCOPES_BY_MODE",
    "SCOPE_TITLES",
    "KeyCommand",
    "KeyMode",
    "KeyScope",
    "bindings_in",
    "commands_for",
    "commands_in",
    "ended_run_refusal_bindings",
    "find_clashes",
    "key_label",
    "keys_of",
    "keys_text",
    "refusal_bindings",
    "split_keys",
]

KeyMode: TypeAlias = Literal["home", "live", "replay", "watch", "quit", "dialog", "letters", "samples", "talk"]

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
