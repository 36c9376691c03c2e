"""A config from a preset, files and the command line; every problem is found before one error is raised."""

from __future__ import annotations

import dataclasses
import difflib
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from babytrain.engine.config.errors import ConfigError
from babytrain.engine.config.presets import DEFAULT_PRESET, PRESETS
from babytrain.engine.config.settings import SETTINGS, Config
from babytrain.runs.dials.renamed_settings import present_settings
from babytrain.runs.files.regular_files import read_toml_file

ADAMW_LR = 3e-3
_MOST_PROBLEMS = 20  # named at once
_LONGEST_WORD = 60  # that may be a slip of the finger
# What a run that does not mention a setting was trained with.
_DEFAULTS_OF_OLD_RUNS = {
    "token_shift": 0,
    "matmul_backend": "torch",
    "compile": "off",
    "min_p": 0.0,
    "steps": 2000,
    "text_field": "",
}
_WORDS_FOR_THE_TEXT = ("paths", "path", "text", "texts", "file", "files")
_ENDS = ("steps", "epochs", "minutes")
_SWITCH_WORDS = dict.fromkeys(("true", "yes", "on", "1"), True) | dict.fromkeys(("false", "no", "off", "0"), False)


def build_config(preset: str = DEFAULT_PRESET, *overrides: Mapping[str, Any]) -> Config:
    """A config from a preset and any number of `{key: value}` layers, later layers winning.

    Values may be text; keys of older versions are renamed. Raises ConfigError with every problem.
    """
    problems: list[str] = []
    values: dict[str, Any] = {}
    if preset in PRESETS:
        values.update(PRESETS[preset].values)
    else:
        problems.append(f"There is no preset {preset!r}{nearest_word(preset, PRESETS)}.")
    for layer in overrides:
        for key, raw in present_settings(layer).items():
            if len(problems) >= _MOST_PROBLEMS:
                break
            if key not in SETTINGS:
                problems.append(_no_such_setting(key))
                continue
            try:
                values[key] = parse_value(key, raw)
            except ValueError as error:
                problems.append(str(error))
    if values.get("optimizer") == "adamw" and "lr" not in values:
        values["lr"] = ADAMW_LR  # the default suits embedding and head alone; the hidden matrices need less
    if "eval_every" not in values:
        values["eval_every"] = usual_eval_every(int(values.get("steps", SETTINGS["steps"].default)))
    config = Config(**values)
    problems.extend(find_problems(config))
    if problems:
        raise ConfigError(problems)
    return config


def contradicting_ends(typed: Mapping[str, Any]) -> list[str]:
    """A sentence when settings of one source end a run in more than one way; 0 epochs or minutes are none."""
    given = [name for name in _ENDS if name in typed and str(typed[name]).strip() not in ("0", "0.0")]
    if len(given) < 2:
        return []
    return [f"{' and '.join(given)} each say where the run ends: give one of them."]


def with_one_end(earlier: Mapping[str, Any], later: Mapping[str, Any]) -> dict[str, Any]:
    """Both layers; an end of the run in the later one replaces epochs and minutes of the earlier one."""
    dropped = _ENDS[1:] if any(name in later for name in _ENDS) else ()
    return {key: value for key, value in earlier.items() if key not in dropped} | dict(later)


# Settings that do something only with one value of another.
_ONLY_WITH = {
    "vocabulary": ("tokenizer", "bpe"),
    "muon_lr": ("optimizer", "muon"),
    "wsd_decay_fraction": ("schedule", "wsd"),
    "fmn_rank": ("mlp", "fmn"),
}


def settings_without_effect(config: Config, typed: Iterable[str]) -> list[str]:
    """A sentence for each typed setting that does nothing beside another setting."""
    return [
        f"{name} does nothing with {other}={getattr(config, other)}: it belongs to {other}={needed}."
        for name, (other, needed) in _ONLY_WITH.items()
        if name in typed and getattr(config, other) != needed
    ]


def usual_eval_every(steps: int) -> int:
    """Steps between evaluations where none are set: a short run is evaluated ten times, so that its best is found."""
    return max(1, min(int(SETTINGS["eval_every"].default), steps // 10))


def changed_config(config: Config, **changes: Any) -> Config:
    """A copy with some settings changed. Raises ConfigError."""
    changed = dataclasses.replace(config, **changes)
    if problems := find_problems(changed):
        raise ConfigError(problems)
    return changed


def config_of_run(saved: Mapping[str, Any], changes: Mapping[str, Any] | None = None) -> Config:
    """The config saved in a `run.toml`, with `changes` on top. Raises ConfigError."""
    return build_config(DEFAULT_PRESET, _DEFAULTS_OF_OLD_RUNS, saved, changes or {})


def load_toml(path: Path) -> dict[str, Any]:
    """The settings in a TOML file, its tables flattened. Raises ConfigError that names the file."""
    try:
        document = read_toml_file(path, follow_links=True)
    except OSError as error:
        raise ConfigError([f"Cannot read the config file {path}: {error.strerror or error}."]) from error
    except UnicodeDecodeError as error:
        raise ConfigError([f"The config file {path} is not UTF-8 text."]) from error
    except ValueError as error:
        raise ConfigError([f"The config file {path} is not valid TOML: {error}."]) from error
    document.pop("provenance", None)  # of a run's own run.toml: where it came from, and no settings
    flat: dict[str, Any] = {}
    for key, value in document.items():
        flat.update(value if isinstance(value, dict) else {key: value})
    return flat


def parse_value(name: str, raw: Any) -> Any:
    """The value of a setting from text, TOML or Python. Raises ValueError for the wrong type."""
    kind = SETTINGS[name].kind
    if kind is bool:
        value = _SWITCH_WORDS.get(str(raw).strip().lower())
        if value is None:
            raise ValueError(f"{name} is on or off, not {_shown(raw)}.")
        return value
    if kind is str:
        # `compile = true` is accepted for the choice `on`.
        return {"True": "on", "False": "off"}.get(str(raw), str(raw))
    wanted = "a number" if kind is float else "a whole number"
    refusal = ValueError(f"{name} is {wanted}{_range_text(name)}, not {_shown(raw)}.")
    text = str(raw).replace("_", "").strip()
    try:
        number = float(text)
    except ValueError:
        raise refusal from None
    if kind is float:
        return number
    if not math.isfinite(number) or number != int(number):
        raise refusal
    # Through int() where possible: a 63-bit seed does not survive a float.
    return int(text) if text.lstrip("+-").isdigit() else int(number)


def checked_value(name: str, raw: Any) -> Any:
    """`parse_value` that also raises ValueError for a value out of its range."""
    value = parse_value(name, raw)
    if problem := check_value(name, value):
        raise ValueError(problem)
    return value


def find_problems(config: Config) -> list[str]:
    """Everything wrong with a config, one sentence each; empty when it can be trained."""
    problems = [sentence for name in SETTINGS if (sentence := check_value(name, getattr(config, name)))]
    if config.heads > 0 and config.width % config.heads:
        problems.append(f"width ({config.width}) must be a multiple of heads ({config.heads}).")
    elif config.position == "rope" and config.heads > 0 and (config.width // config.heads) % 2:
        problems.append(
            f"With rotary positions width / heads must be even; it is {config.width // config.heads}: "
            "change width or heads, or set position=learned."
        )
    if config.mlp == "fmn" and config.fmn_rank > config.width * 8:
        problems.append(f"fmn_rank ({config.fmn_rank}) is far above width ({config.width}): try {config.width // 3}.")
    if (config.electricity_price_per_kwh or config.price_bands) and not config.currency:
        problems.append("A price needs a currency: add currency=EUR, INR, USD or yours.")
    return problems


def check_value(name: str, value: Any) -> str | None:
    """What is wrong with one value, as a sentence, or None."""
    setting = SETTINGS[name]
    if setting.choices:
        if value in setting.choices:
            return None
        hint = nearest_word(str(value), setting.choices)
        return f"{name} is one of {', '.join(setting.choices)}, not {_shown(value)}{hint}."
    if setting.check is not None:
        try:
            setting.check(str(value))
        except ValueError as error:
            return f"{name}: {error}."
    low, high = setting.low, setting.high
    if low is None or high is None or (isinstance(value, (int, float)) and low <= value <= high):
        return None
    shown = format_limit(value) if isinstance(value, (int, float)) else value
    return f"{name} must lie{_range_text(name)}; it is {shown}."


def format_limit(limit: float) -> str:
    """A number as people write it: `0.9`, `65,536`, `1e-9`."""
    return f"{int(limit):,}" if abs(limit) < 1e15 and limit == int(limit) else f"{limit:g}".replace("e-0", "e-")


def _range_text(name: str) -> str:
    low, high = SETTINGS[name].low, SETTINGS[name].high
    return "" if low is None or high is None else f" between {format_limit(low)} and {format_limit(high)}"


def _shown(value: object) -> str:
    """What a file or a person gave, at a length that fits a sentence."""
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _no_such_setting(key: str) -> str:
    if key in _WORDS_FOR_THE_TEXT:
        return f"There is no setting {key!r}: a text is no setting; give its path after `train`."
    return f"There is no setting {_shown(key)}{nearest_word(key, SETTINGS)}."


def nearest_word(word: str, known: Iterable[str]) -> str:
    """`(did you mean 'dropout'?)` for a word similar to a known one, else an empty string."""
    if len(word) > _LONGEST_WORD:
        return ""
    matches = difflib.get_close_matches(word.lower(), list(known), n=1, cutoff=0.5)
    return f" (did you mean {matches[0]!r}?)" if matches else ""


def rate_factors(config: Config, lr: float) -> tuple[float, ...]:
    """How many times the default rates a run with peak rate `lr` uses: AdamW's, and Muon's where it has a part."""
    defaults = SETTINGS["lr"].default, SETTINGS["muon_lr"].default
    if config.optimizer == "adamw":
        return (lr / ADAMW_LR,)
    return lr / defaults[0], config.muon_lr * lr / config.lr / defaults[1]
