"""A config from a preset, files and the command line; every problem is found before one error is raised."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_type_hints

from babytrain.engine.config.errors import ConfigError
from babytrain.engine.config.presets import DEFAULT_PRESET, PRESETS
from babytrain.engine.config.settings import (
    FIELDS,
    Config,
    allowed_range_text,
    check_field,
    find_problems,
    nearest_word,
)


def build_config(preset: str = DEFAULT_PRESET, *overrides: Mapping[str, Any]) -> Config:
    """A config from a preset and any number of `{key: value}` layers, later layers winning.

    Values may be text, as they come from a command line. Raises ConfigError with every problem found.
    """
    problems: list[str] = []
    values: dict[str, Any] = {}
    if preset in PRESETS:
        values.update(PRESETS[preset].values)
    else:
        problems.append(f"There is no preset {preset!r}{nearest_word(preset, PRESETS)}.")
    for layer in overrides:
        for key, raw in layer.items():
            if key not in FIELDS:
                problems.append(f"There is no setting {key!r}{nearest_word(key, FIELDS)}.")
                continue
            try:
                values[key] = parse_value(key, raw)
            except ValueError as error:
                problems.append(str(error))
    if values.get("optimizer") == "adamw" and "lr" not in values:
        values["lr"] = ADAMW_LR  # matrices take less than the embedding and the head, which the default is for
    config = Config(**values)
    problems.extend(find_problems(config))
    if problems:
        raise ConfigError(problems)
    return config


def config_of_run(saved: Mapping[str, Any], changes: Mapping[str, Any] | None = None) -> Config:
    """The config of a run from what its `run.toml` says, with `changes` on top. Raises ConfigError."""
    return build_config(DEFAULT_PRESET, _DEFAULTS_OF_OLD_RUNS, saved, changes or {})


def parse_value(key: str, raw: Any) -> Any:
    """The value of setting `key` from text, TOML or Python. Raises ValueError with a sentence that names the range."""
    wanted = _TYPES[key]
    if wanted is bool:
        value = _SWITCH_WORDS.get(str(raw).strip().lower())
        if value is None:
            raise ValueError(f"{key} is on or off, not {raw!r}.")
        return value
    if wanted is str:
        # TOML and people write `compile = true`; the choices are words.
        return {"True": "on", "False": "off"}.get(str(raw), str(raw))
    kind = "a number" if wanted is float else "a whole number"
    try:
        number = float(str(raw).replace("_", ""))
    except ValueError:
        raise ValueError(f"{key} is {kind}{allowed_range_text(key)}, not {raw!r}.") from None
    if wanted is float:
        return number
    if not math.isfinite(number) or number != int(number):
        raise ValueError(f"{key} is {kind}{allowed_range_text(key)}, not {raw!r}.")
    # Through int() where possible: a 63-bit seed does not survive a float.
    text = str(raw).replace("_", "").strip()
    return int(text) if text.lstrip("+-").isdigit() else int(number)


def load_toml(path: Path) -> dict[str, Any]:
    """The settings in a TOML file, its tables flattened. Raises ConfigError that names the file."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError([f"Cannot read the config file {path}: {error.strerror or error}."]) from error
    except UnicodeDecodeError as error:
        raise ConfigError([f"The config file {path} is not UTF-8 text."]) from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError([f"The config file {path} is not valid TOML: {error}."]) from error
    flat: dict[str, Any] = {}
    for key, value in document.items():
        flat.update(value if isinstance(value, dict) else {key: value})
    return flat


ADAMW_LR = 3e-3
_DEFAULTS_OF_OLD_RUNS = {
    "token_shift": 0,
    "products": "torch",
    "compile": "off",
    "min_p": 0.0,
    "steps": 2000,
}  # what a run that does not mention a setting was trained with
_SWITCH_WORDS = {
    "true": True,
    "yes": True,
    "on": True,
    "1": True,
    "false": False,
    "no": False,
    "off": False,
    "0": False,
}
_TYPES: dict[str, type] = get_type_hints(Config)


def checked_value(name: str, raw: Any) -> Any:
    """The value of setting `name` from text, TOML or Python. Raises ValueError when it is none, or out of its range."""
    value = parse_value(name, raw)
    if problem := check_field(name, value):
        raise ValueError(problem)
    return value
