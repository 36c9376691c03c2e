"""What can be set, and the validation of typed settings before anything starts."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from babytrain.engine.config.build import (
    build_config,
    checked_value,
    contradicting_ends,
    format_limit,
    load_toml,
    settings_without_effect,
    with_one_end,
)
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
    "is_stream",
    "read_streams",
]

_STANDARD_INPUT = ("-", "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0")

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
    """Validate a new run, and read standard input and pipes. Raises UsageError with all problems."""
    typed = present_settings(settings or {})
    machine = load_machine_settings(MACHINE_SETTINGS, partial(_problem, checked_value))
    problems, notes = [*machine.problems, *contradicting_ends(typed)], list(machine.notes)
    if paths and "corpus" in typed:
        problems.append(f"The corpus {typed['corpus']} and a text of your own are both named: give one of them.")
    config: Config | None = None
    try:
        layer = load_toml(config_file) if config_file is not None else {}
        notes += renaming_notes(layer)
        config = build_config(preset, machine.settings, with_one_end(present_settings(layer), typed))
        notes += settings_without_effect(config, typed)
    except ConfigError as error:
        problems.extend(error.problems)
    if paths:
        problems += _text_problems(paths, config)
    if problems or config is None:
        raise UsageError(problems)
    read_paths, stdin = read_streams(paths)
    return NewRunRequest(config=config, paths=read_paths, name=name, stdin=stdin, notes=tuple(notes))


def _text_problems(paths: Sequence[str], config: Config | None) -> list[str]:
    """What is wrong with the beginnings of texts."""
    from babytrain.engine.config.errors import CorpusError
    from babytrain.engine.data.text_sources import inspect_sources

    paths = ["-" if path in _STANDARD_INPUT else path for path in paths]
    as_bytes = config is not None and config.tokenizer == "byte"
    try:
        inspect_sources(paths, as_bytes=as_bytes, field=config.text_field if config is not None else "text")
    except CorpusError as error:
        return list(error.problems)
    return []


def is_stream(path: str) -> bool:
    """Whether a text is standard input or a pipe, which can be read only once."""
    from babytrain.engine.data.text_bytes import is_pipe

    return path in _STANDARD_INPUT or is_pipe(Path(path))


def read_streams(paths: Sequence[str]) -> tuple[tuple[str, ...], bytes | None]:
    """The paths with one `-` in place of standard input and pipes, and the bytes of those. Raises UsageError.

    They are read before the screen opens, which uses standard input as the keyboard, and where Ctrl-C works.
    """
    from babytrain.engine.data.file_search import expand_user, shown_path, stdin_problem
    from babytrain.engine.data.text_bytes import read_stream, read_text_bytes

    # The home folder is expanded here, because the paths are kept with the run.
    paths = ["-" if path in _STANDARD_INPUT else str(expand_user(path)) if path[:1] == "~" else path for path in paths]
    streams = list(dict.fromkeys(filter(is_stream, paths)))
    if not streams:
        return tuple(paths), None
    if "-" in streams and (problem := stdin_problem()):
        raise UsageError([problem])
    parts: list[bytes] = []
    for path in streams:
        shown = "Standard input" if path == "-" else shown_path(path)
        try:
            data = read_stream(sys.stdin.buffer) if path == "-" else read_text_bytes(Path(path), as_bytes=True).data
        except OSError as error:
            raise UsageError([f"{shown} cannot be read: {error.strerror or error}."]) from error
        if not data or data.isspace():
            raise UsageError([f"{shown} is empty: there is nothing to learn from."])
        parts.append(data)
    first = paths.index(streams[0])
    paths[first] = "-"
    joined = parts[0] if len(parts) == 1 else b"\n\n".join(part.strip(b"\n") for part in parts)
    return tuple(path for index, path in enumerate(paths) if index == first or path not in streams), joined


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
    contradictions = contradicting_ends(present_settings(settings))
    try:
        config = build_config(DEFAULT_PRESET, settings)
    except ConfigError as error:
        raise UsageError([*contradictions, *error.problems]) from error
    if contradictions:
        raise UsageError(contradictions)
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
