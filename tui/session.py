"""The only seam between the screens and the engine.

Nothing else in `tui/` imports `babytrain.engine`. What needs torch is imported inside functions that run in a worker
thread or in a command that has no screen, so the first screen is painted before torch is loaded.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from babytrain.engine.config import (
    FIELDS,
    HOUSE_SETTINGS,
    Config,
    ConfigError,
    build_config,
    checked_value,
    limit_words,
    load_toml,
)
from babytrain.engine.presets import DEFAULT_PRESET
from babytrain.runs.dials.changes import checked_request
from babytrain.runs.dials.spec import LARGEST_SCALE, LONGEST_REWARM, SETTABLE, SMALLEST_SCALE
from babytrain.runs.events import CommandAction, Request
from babytrain.tui.dial_input import DialRule
from babytrain.tui.house_file import load_house

if TYPE_CHECKING:
    from babytrain.engine.doctor import Finding
    from babytrain.engine.sessions.session import RunResult
    from babytrain.runs.folder import RunFolder


NO_TORCH = "PyTorch cannot be loaded ({}): install it with `pip install torch`."


class UsageError(ValueError):
    """What the person typed cannot work; `problems` holds one sentence each."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = list(problems)
        super().__init__("\n".join(self.problems))


@dataclass(frozen=True)
class TrainWish:
    """A new run as the command line or the new-run dialog describes it, checked but not started."""

    config: Config
    paths: tuple[str, ...]
    name: str | None
    stdin: bytes | None = None


def check_wish(
    *,
    preset: str = DEFAULT_PRESET,
    config_file: Path | None = None,
    settings: Mapping[str, Any] | None = None,
    paths: Sequence[str] = (),
    name: str | None = None,
) -> TrainWish:
    """Validate everything that can be validated before a screen opens. Raises UsageError with all problems."""
    house = load_house(HOUSE_SETTINGS, _dial_problem)
    problems: list[str] = list(house.problems)
    config: Config | None = None
    try:
        layers = [load_toml(config_file)] if config_file is not None else []
        config = build_config(preset, house.settings, *layers, settings or {})
    except ConfigError as error:
        problems.extend(error.problems)
    if paths:
        from babytrain.engine.corpus.sources import CorpusError, inspect_sources

        try:
            inspect_sources(paths, as_bytes=config is not None and config.tokenizer == "byte")
        except CorpusError as error:
            problems.extend(error.problems)
    if problems or config is None:
        raise UsageError(problems)
    # Standard input is read before the screen opens: afterwards it belongs to the keyboard.
    stdin = sys.stdin.buffer.read() if "-" in paths else None
    return TrainWish(config=config, paths=tuple(paths), name=name, stdin=stdin)


class EngineSession:
    """One run trained by the real engine in whatever thread calls `run`."""

    def __init__(self, runs_dir: Path, *, wish: TrainWish | None = None, argv: Sequence[str] = ()) -> None:
        from babytrain.runs.feed import LiveFeed  # numpy: not before a session is wanted

        self.feed = LiveFeed()
        self.run_dir: Path | None = None
        self.error: str | None = None
        self.result: RunResult | None = None
        self._runs_dir = runs_dir
        self._wish = wish
        self._argv = tuple(argv)
        self._resume_dir: Path | None = None
        self._changes: dict[str, Any] = {}

    @classmethod
    def resuming(cls, run_dir: Path, changes: Mapping[str, Any]) -> EngineSession:
        """A session that goes on with an existing run."""
        session = cls(run_dir.parent)
        session._resume_dir = run_dir
        session._changes = dict(changes)
        return session

    def run(self) -> None:
        """Train until the end. Never raises: what goes wrong stands in `error`."""
        before_torch()
        try:
            from babytrain.engine.sessions.errors import EngineError
        except ImportError as error:
            self.error = NO_TORCH.format(error)
            return
        try:
            self.result = self._train()
        except EngineError as error:
            self.error = str(error)
        except Exception as error:  # noqa: BLE001 - the seam: a person gets a sentence, never a traceback
            self.error = f"Training could not be started ({type(error).__name__}: {error})."
        if self.result is not None and self.result.status == "failed":
            self.error = self.result.reason

    def _train(self) -> RunResult | None:
        """The training itself. Raises EngineError."""
        from babytrain.engine.sessions.session import NewRunPlan, train_new, train_resumed

        if self._resume_dir is not None:
            return train_resumed(self._resume_dir, self._changes, self.feed, self._remember_folder)
        if self._wish is None:
            return None
        plan = NewRunPlan(
            config=self._wish.config,
            runs_dir=self._runs_dir,
            paths=self._wish.paths,
            name=self._wish.name,
            argv=self._argv,
            stdin=self._wish.stdin,
        )
        return train_new(plan, self.feed, self._remember_folder)

    def _remember_folder(self, folder: RunFolder) -> None:
        self.run_dir = folder.path


def before_torch() -> None:
    """Settings that count only if they are made before torch loads its thread library."""
    # Threads that wait for each other by spinning crawl as soon as anything else wants a core, and the screen does;
    # threads that sleep at once take twice as long on a quiet machine. So they spin for some microseconds.
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", "2000")


def dial_rules() -> list[DialRule]:
    """What may be turned while a run trains: the learning rate, the dials of the engine, and the end of the run."""
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
    limits = FIELDS[name].metadata
    choices = limits["choices"]
    allowed = ", ".join(choices)
    if limits["low"] is not None:
        allowed = f"{limit_words(limits['low'])} to {limit_words(limits['high'])}"
    elif not choices:
        allowed = "off, or stretches of the day such as 23:00-07:00"
    problem = partial(_dial_problem, name)
    return DialRule(
        name,
        explanation or limits["doc"],
        allowed,
        problem,
        action,
        is_word=limits["low"] is None,
        limits=None if limits["low"] is None else (limits["low"], limits["high"]),
        choices=choices,
    )


def _own_rule(action: CommandAction, explanation: str, low: float, high: float) -> DialRule:
    """Of a dial that is no setting."""
    allowed = f"{low:g} to {limit_words(high)}"
    return DialRule(action, explanation, allowed, partial(_request_problem, action), action, limits=(low, high))


def _request_problem(action: CommandAction, typed: str) -> str | None:
    """What is wrong with a typed position of a dial that is no setting."""
    try:
        checked_request(Request(command_id=0, action=action, text=typed), 0, checked_value)
    except ValueError as error:
        return str(error)
    return None


def _dial_problem(name: str, typed: Any) -> str | None:
    """What is wrong with a typed position of a dial, or a value from a file, as a sentence."""
    try:
        checked_value(name, typed)
    except ValueError as error:
        return str(error)
    return None


def fork_rules() -> list[DialRule]:
    """What a fork may have of its own: the dials first, then every other setting of its training."""
    from babytrain.engine.sessions.fork_check import CHANGEABLE

    dials = ["lr", "steps", *SETTABLE]
    others = [name for name in CHANGEABLE if name not in dials and name not in HOUSE_SETTINGS]
    return [_fork_rule(name) for name in (*dials, *others)]


def _fork_rule(name: str) -> DialRule:
    limits = FIELDS[name].metadata
    if isinstance(FIELDS[name].default, bool):
        return DialRule(name, limits["doc"], "on, off", partial(_dial_problem, name))
    rule = _rule(name, "set")
    return rule if limits["low"] is not None or limits["choices"] or limits["check"] else replace(rule, allowed="text")


def fork_problems(folder: RunFolder, at: str, changes: Mapping[str, Any], *, step: int | None) -> list[str]:
    """What can be seen at once to be wrong with a fork, one sentence each."""
    from babytrain.engine.sessions.fork_check import fork_problems as problems_of

    try:
        return problems_of(folder, at, check_changes(changes), step=step)
    except UsageError as error:
        return error.problems


def check_changes(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings changed by a resume, checked as far as they can be without the run. Raises UsageError."""
    try:
        config = build_config(DEFAULT_PRESET, settings)
    except ConfigError as error:
        raise UsageError(error.problems) from error
    return {key: getattr(config, key) for key in settings}


def examine() -> list[Finding]:
    """What the doctor found on this machine."""
    from babytrain.engine.doctor import examine as examine_machine

    return examine_machine()


def describe_settings() -> list[tuple[str, str, str]]:
    """Every config key with its default and its explanation, in order."""
    lines: list[tuple[str, str, str]] = []
    for name, field in FIELDS.items():
        choices = field.metadata["choices"]
        explanation = field.metadata["doc"] + (f" ({' | '.join(choices)})" if choices else "")
        lines.append((name, str(field.default), explanation))
    return lines
