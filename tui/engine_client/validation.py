"""What can be set, and the validation of typed settings before anything starts."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from babytrain.engine.config.build import build_config, checked_value, format_limit, load_toml
from babytrain.engine.config.errors import ConfigError
from babytrain.engine.config.presets import DEFAULT_PRESET
from babytrain.engine.config.settings import MACHINE_GROUPS, MACHINE_SETTINGS, SETTINGS, Config
from babytrain.runs.dials.apply_and_undo import checked_request
from babytrain.runs.dials.renamed_settings import present_settings, renaming_notes
from babytrain.runs.dials.spec import LARGEST_SCALE, LONGEST_REWARM, SETTABLE, SMALLEST_SCALE
from babytrain.runs.events import CommandAction, Request
from babytrain.tui.dials.dial_input import DialRule
from babytrain.tui.engine_client.errors import UsageError
from babytrain.tui.engine_client.machine_settings import load_machine_settings

__all__ = [
    "MACHINE_GROUPS",
    "check_changes",
    "check_new_run",
    "describe_settings",
    "dial_rules",
    "examine_machine",
    "fork_rules",
    "is_built_in_corpus",
    "read_standard_input",
]

if TYPE_CHECKING:
    from babytrain.engine.doctor.check_result import CheckResult


@dataclass(frozen=True)
class NewRunRequest:
    """A checked new run. `notes` go into its log."""

    config: Config
    paths: tuple[str, ...]
    name: str | None
    stdin: bytes | None = None
    notes: tuple[str, ...] = ()


def check_new_run(
    *,
    preset: str = DEFAULT_PRESET,
    config_file: Path | None = None,
    settings: Mapping[str, Any] | None = None,
    paths: Sequence[str] = (),
    name: str | None = None,
) -> NewRunRequest:
    """Validate a new run. Raises UsageError with all problems."""
    machine = load_machine_settings(MACHINE_SETTINGS, partial(_problem, checked_value))
    problems, notes = list(machine.problems), list(machine.notes)
    config: Config | None = None
    try:
        layer = load_toml(config_file) if config_file is not None else {}
        notes += renaming_notes(layer)
        config = build_config(preset, machine.settings, layer, settings or {})
    except ConfigError as error:
        problems.extend(error.problems)
    if paths:
        from babytrain.engine.config.errors import CorpusError
        from babytrain.engine.data.text_sources import inspect_sources

        try:
            inspect_sources(paths, as_bytes=config is not None and config.tokenizer == "byte")
        except CorpusError as error:
            problems.extend(error.problems)
    if problems or config is None:
        raise UsageError(problems)
    return NewRunRequest(
        config=config, paths=tuple(paths), name=name, stdin=read_standard_input(paths), notes=tuple(notes)
    )


def read_standard_input(paths: Sequence[str]) -> bytes | None:
    """What is piped into the program, when `-` is among the paths: before a screen opens, whose keyboard it is."""
    return sys.stdin.buffer.read() if "-" in paths else None


def dial_rules() -> list[DialRule]:
    """What can be changed while a run trains: the learning rate, the dials of the engine, the end of the run."""
    return [
        _rule("lr", "lr_hold", "learning rate, held whatever the schedule says"),
        _own_rule(
            "lr_scale",
            "factor on the learning rate of the schedule, which keeps its shape",
            SMALLEST_SCALE,
            LARGEST_SCALE,
        ),
        _own_rule("rewarm", "steps of a second warm-up of the learning rate, from now on", 1, LONGEST_REWARM),
        *(_rule(name, "set") for name in SETTABLE),
        _rule("steps", "total_steps", "where the run ends"),
    ]


def _rule(name: str, action: CommandAction, explanation: str = "") -> DialRule:
    setting = SETTINGS[name]
    limits = None if setting.low is None or setting.high is None else (setting.low, setting.high)
    if limits is not None:
        allowed = " to ".join(map(format_limit, limits))
    elif setting.choices:
        allowed = ", ".join(setting.choices)
    elif setting.kind is bool:
        allowed = "on, off"
    else:
        allowed = "off, or stretches of the day such as 23:00-07:00" if name == "quiet_hours" else "text"
    return DialRule(
        name,
        explanation or setting.doc,
        allowed,
        partial(_problem, checked_value, name),
        action,
        is_word=limits is None and setting.kind is not bool,
        limits=limits,
        choices=setting.choices,
    )


def _own_rule(action: CommandAction, explanation: str, low: float, high: float) -> DialRule:
    """The rule of a dial that is not a setting."""
    allowed = f"{low:g} to {format_limit(high)}"
    return DialRule(action, explanation, allowed, partial(_problem, _check_request, action), action, limits=(low, high))


def _check_request(action: CommandAction, typed: str) -> None:
    checked_request(Request(command_id=0, action=action, text=typed), 0, checked_value)


def _problem(check: Callable[[Any, Any], object], name: str, typed: Any) -> str | None:
    """The sentence of a failed `check` of a value, None when it is right."""
    try:
        check(name, typed)
    except ValueError as error:
        return str(error)
    return None


def fork_rules() -> list[DialRule]:
    """What a fork can change: the dials first, then all other training settings."""
    from babytrain.engine.sessions.fork_check import CHANGEABLE

    dials = ["lr", "steps", *SETTABLE]
    others = [name for name in CHANGEABLE if name not in dials and name not in MACHINE_SETTINGS]
    return [_rule(name, "set") for name in (*dials, *others)]


def check_changes(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Changed settings, checked as far as possible without the run. Raises UsageError."""
    try:
        config = build_config(DEFAULT_PRESET, settings)
    except ConfigError as error:
        raise UsageError(error.problems) from error
    return {key: getattr(config, key) for key in present_settings(settings)}


def is_built_in_corpus(name: str) -> bool:
    """Whether `name` is a built-in corpus."""
    return name in SETTINGS["corpus"].choices


def examine_machine() -> list[CheckResult]:
    """Run the checks of `doctor`."""
    from babytrain.engine.doctor.run_checks import run_checks

    return run_checks()


def describe_settings() -> dict[str, list[tuple[str, str, str]]]:
    """(name, default, explanation) of every setting, by group."""
    groups: dict[str, list[tuple[str, str, str]]] = {}
    for setting in SETTINGS.values():
        choices = f" ({' | '.join(setting.choices)})" if setting.choices else ""
        groups.setdefault(setting.group, []).append((setting.name, str(setting.default), setting.doc + choices))
    return groups
