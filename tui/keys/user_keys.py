"""The user's own keys: `keys.toml` in the settings folder, or the file that `BABYTRAIN_KEYS` names.

"live.pause" = "p"
"live.lr_up" = ["plus", "ctrl+up"]
"""

from __future__ import annotations

import difflib
import os
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import platformdirs
from textual.keys import KEY_ALIASES, KEY_NAME_REPLACEMENTS, Keys, key_to_character

from babytrain.runs.files.home_folder import expand_home
from babytrain.tui.keys.keymap import COMMANDS_BY_ID, find_clashes, split_keys
from babytrain.tui.text.user_toml import read_user_toml

# Ids of commands up to version 0.2 -> their ids now.
RENAMED_COMMANDS = {
    "live.go_back": "live.rollback",
    "live.back_to": "live.rollback_to",
    "home.talk": "home.chat",
    "run.talk": "run.chat",
    **{name.replace("chat.", "talk.", 1): name for name in COMMANDS_BY_ID if name.startswith("chat.")},
}
KEYS_VARIABLE = "BABYTRAIN_KEYS"
KEYS_FILE = "keys.toml"
_MODIFIERS = frozenset({"ctrl", "shift", "alt", "super", "hyper", "meta"})
_NAMED = frozenset({key.value for key in Keys} | set(KEY_ALIASES) | set(KEY_NAME_REPLACEMENTS.values()))


@dataclass(frozen=True)
class UserKeys:
    """Keys by command id, in Textual's names, and a sentence for each problem or old name in the file."""

    keymap: Mapping[str, str]
    problems: tuple[str, ...]


def keys_path(environ: Mapping[str, str]) -> tuple[Path, bool]:
    """Where the file should be, and whether `BABYTRAIN_KEYS` names it (then it has to exist)."""
    named = environ.get(KEYS_VARIABLE, "").strip()
    if named:
        return expand_home(named), True
    return platformdirs.user_config_path("babytrain") / KEYS_FILE, False


def load_user_keys(environ: Mapping[str, str] = os.environ) -> UserKeys:
    """Read the file. Never raises: a broken file must not prevent training."""
    path, named = keys_path(environ)
    missing = f"{KEYS_VARIABLE} names {path}, which does not exist; the usual keys are used."
    read = read_user_toml(path, "keys", missing if named else "")
    return UserKeys({}, (read.problem,)) if read.problem else parse_user_keys(read.document)


def parse_user_keys(document: Mapping[str, Any]) -> UserKeys:
    """Keys from a TOML document. A line that is wrong, or takes a key in use, is left out and reported."""
    keymap: dict[str, str] = {}
    problems: list[str] = []
    for written_id, value in _flatten(document):
        command_id = RENAMED_COMMANDS.get(written_id, written_id)
        if command_id != written_id:
            problems.append(f"{KEYS_FILE}: {written_id} is called {command_id} now.")
        if command_id not in COMMANDS_BY_ID:
            nearest = difflib.get_close_matches(command_id, list(COMMANDS_BY_ID), n=1)
            hint = f" Did you mean {nearest[0]}?" if nearest else " The help screen lists them all."
            problems.append(f"{KEYS_FILE}: there is no command {command_id!r}.{hint}")
            continue
        wanted = [value] if isinstance(value, str) else value
        if not isinstance(wanted, list) or not wanted or not all(isinstance(key, str) for key in wanted):
            problems.append(f'{KEYS_FILE}: {command_id} wants a key such as "p", or a list of keys.')
            continue
        keys = [key_name(part) for item in wanted for part in (split_keys(item) or [item])]
        if unknown := [part for part, key in zip(_parts(wanted), keys, strict=True) if key is None]:
            problems.append(f"{KEYS_FILE}: {command_id}: {unknown[0]!r} is not a key; write p, ctrl+p, f5 or space.")
            continue
        keymap[command_id] = ",".join(key for key in keys if key)
    return _without_clashes(keymap, problems)


def key_name(text: str) -> str | None:
    """Textual's name of a key as typed (`.` is `full_stop`), None when there is no such key."""
    *modifiers, key = text.strip().split("+") if len(text.strip()) > 1 else [text.strip()]
    if not set(modifiers) <= _MODIFIERS:
        return None
    if len(key) == 1 and not key.isalnum():
        key = unicodedata.name(key, "").lower().replace("-", "_").replace(" ", "_")
        key = KEY_NAME_REPLACEMENTS.get(key, key)
    elif len(key) != 1 and key not in _NAMED and key_to_character(key) is None:
        return None
    return "+".join([*modifiers, key]) if key else None


def _without_clashes(keymap: dict[str, str], problems: list[str]) -> UserKeys:
    while clashes := find_clashes(keymap):
        key, first, second = clashes[0]
        loser = second if second in keymap else first
        other = first if loser == second else second
        problems.append(f"{KEYS_FILE}: {key} cannot be {loser}, it is {other} already; give {other} another key first.")
        del keymap[loser]
    return UserKeys(keymap, tuple(problems))


def _flatten(document: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    """(id, value) pairs: `[live]` tables and dotted keys mean the same as quoted ids."""
    pairs: list[tuple[str, Any]] = []
    for key, value in document.items():
        pairs.extend(_flatten(value, f"{prefix}{key}.") if isinstance(value, dict) else [(prefix + key, value)])
    return pairs


def _parts(wanted: list[str]) -> list[str]:
    return [part for item in wanted for part in (split_keys(item) or [item])]
