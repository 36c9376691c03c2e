"""People's own settings of the house: `house.toml` in the settings folder, or the file that `BABYTRAIN_HOUSE` names.

    electricity_price = 0.31
    currency = "EUR"
    quiet_hours = "23:00-07:00"

They are the ground that presets, config files and `--set` stand on, for new runs only: a run that is resumed keeps its
own. Unlike wrong keys, a wrong line here keeps a run from starting. Whoever wrote quiet hours counts on them, and would
notice at 3 AM that they were left out.
"""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import platformdirs

MACHINE_SETTINGS_VARIABLE = "BABYTRAIN_HOUSE"
MACHINE_SETTINGS_FILE = "house.toml"


@dataclass(frozen=True)
class MachineDefaults:
    """Settings by name, and one sentence for each thing wrong with the file."""

    settings: Mapping[str, Any] = field(default_factory=dict)
    problems: tuple[str, ...] = ()


def machine_settings_path(environ: Mapping[str, str]) -> tuple[Path, bool]:
    """Where the file should be, and whether a person named it (then it has to exist)."""
    named = environ.get(MACHINE_SETTINGS_VARIABLE, "").strip()
    if named:
        return Path(named).expanduser(), True
    return platformdirs.user_config_path("babytrain") / MACHINE_SETTINGS_FILE, False


def load_machine_settings(
    allowed: Sequence[str], problem: Callable[[str, Any], str | None], environ: Mapping[str, str] = os.environ
) -> MachineDefaults:
    """Read the file, if there is one. `problem` says what is wrong with a value of an allowed setting. Never raises."""
    path, named = machine_settings_path(environ)
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        missing = f"{MACHINE_SETTINGS_VARIABLE} names {path}, which does not exist: make it, or unset the variable."
        return MachineDefaults(problems=(missing,) if named else ())
    except OSError as error:
        return MachineDefaults(
            problems=(f"Cannot read the settings of the house in {path}: {error.strerror or error}.",)
        )
    except ValueError as error:  # not TOML, or not UTF-8
        return MachineDefaults(problems=(f"The settings of the house in {path} are not valid TOML: {error}.",))
    settings: dict[str, Any] = {}
    problems: list[str] = []
    for name, value in document.items():
        sentence = _unknown(name, allowed) if name not in allowed else _wrong(name, value, problem)
        if sentence is None:
            settings[name] = value
        else:
            problems.append(f"{path}: {sentence}")
    return MachineDefaults(settings, tuple(problems))


def _unknown(name: str, allowed: Sequence[str]) -> str:
    nearest = difflib.get_close_matches(name, allowed, n=1)
    hint = f"Did you mean {nearest[0]}?" if nearest else f"There are {', '.join(allowed)}."
    return f"{name!r} is no setting of the house. {hint}"


def _wrong(name: str, value: Any, problem: Callable[[str, Any], str | None]) -> str | None:
    if not isinstance(value, (str, int, float)):
        return f"{name} takes one value, a number or a text in quotes."
    return problem(name, value)
