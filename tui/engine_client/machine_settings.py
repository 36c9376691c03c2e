"""The user's settings of their machine: `machine.toml` in the settings folder, or the file in `BABYTRAIN_MACHINE`.

    electricity_price_per_kwh = 0.31
    currency = "EUR"
    quiet_hours = "23:00-07:00"

Presets, config files and `--set` override them, and they apply to new runs only: a resumed run keeps its own.
Unlike a wrong key, a wrong line here keeps a run from starting, because the user relies on quiet hours and limits.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import platformdirs

from babytrain.runs.dials.renamed_settings import present_settings, renaming_notes
from babytrain.runs.files.home_folder import expand_home
from babytrain.tui.text.user_toml import read_user_toml

MACHINE_SETTINGS_VARIABLE = "BABYTRAIN_MACHINE"
MACHINE_SETTINGS_FILE = "machine.toml"
# Names up to version 0.2.
_OLD_VARIABLE = "BABYTRAIN_HOUSE"
_OLD_FILE = "house.toml"


@dataclass(frozen=True)
class MachineDefaults:
    """Settings by name, a sentence for each problem of the file, and one for each old name in it."""

    settings: Mapping[str, Any] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def machine_settings_path(environ: Mapping[str, str]) -> tuple[Path, str]:
    """Where the file is or should be, and the variable that names it, or ""."""
    for variable in (MACHINE_SETTINGS_VARIABLE, _OLD_VARIABLE):
        if named := environ.get(variable, "").strip():
            return expand_home(named), variable
    folder = platformdirs.user_config_path("babytrain")
    path, old_path = folder / MACHINE_SETTINGS_FILE, folder / _OLD_FILE
    return old_path if os.path.exists(old_path) and not os.path.exists(path) else path, ""


def load_machine_settings(
    allowed: Sequence[str], problem: Callable[[str, Any], str | None], environ: Mapping[str, str] = os.environ
) -> MachineDefaults:
    """Read the file, if there is one. `problem` returns what is wrong with a value, or None. Never raises."""
    path, variable = machine_settings_path(environ)
    missing = f"{variable} names {path}, which does not exist: make it, or unset the variable." if variable else ""
    read = read_user_toml(path, "machine settings", missing)
    if read.problem and read.is_absent and not variable:  # an optional file: mentioned, no reason not to train
        return MachineDefaults(notes=(read.problem,))
    if read.problem:
        return MachineDefaults(problems=(read.problem,))
    document = read.document
    notes = [f"{path}: {note}" for note in renaming_notes(document)]
    if variable == _OLD_VARIABLE:
        notes.append(f"{_OLD_VARIABLE} is called {MACHINE_SETTINGS_VARIABLE} now: rename the variable.")
    elif not variable and path.name == _OLD_FILE:
        notes.append(f"{_OLD_FILE} is called {MACHINE_SETTINGS_FILE} now: rename {path}.")
    settings: dict[str, Any] = {}
    problems: list[str] = []
    for name, value in present_settings(document).items():
        sentence = _unknown(name, allowed) if name not in allowed else _wrong(name, value, problem)
        if sentence is None:
            settings[name] = value
        else:
            problems.append(f"{path}: {sentence}")
    return MachineDefaults(settings, tuple(problems), tuple(notes))


def _unknown(name: str, allowed: Sequence[str]) -> str:
    nearest = difflib.get_close_matches(name, allowed, n=1)
    hint = f"Did you mean {nearest[0]}?" if nearest else f"There are {', '.join(allowed)}."
    return f"{name!r} is no machine setting. {hint}"


def _wrong(name: str, value: Any, problem: Callable[[str, Any], str | None]) -> str | None:
    if not isinstance(value, (str, int, float)):
        return f"{name} takes one value, a number or a text in quotes."
    return problem(name, value)
