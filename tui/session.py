"""The only seam between the screens and the engine.

Nothing else in `tui/` imports `babytrain.engine`. What needs torch is imported inside functions that run in a worker
thread or in a command that has no screen, so the first screen is painted before torch is loaded.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from babytrain.engine.config import FIELDS, Config, ConfigError, build_config, check_field, load_toml, parse_value
from babytrain.engine.dials import SETTABLE
from babytrain.engine.presets import DEFAULT_PRESET, PRESETS
from babytrain.tui.launcher import DialRule, NewRun, PresetChoice, TrainingSession

if TYPE_CHECKING:
    from babytrain.engine.doctor import Finding
    from babytrain.engine.launch import RunResult
    from babytrain.runs.events import CommandAction
    from babytrain.runs.folder import RunFolder


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
    problems: list[str] = []
    config: Config | None = None
    try:
        layers = [load_toml(config_file)] if config_file is not None else []
        config = build_config(preset, *layers, settings or {})
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
            from babytrain.engine.launch import EngineError
        except ImportError as error:
            self.error = f"PyTorch cannot be loaded ({error}): install it with `pip install torch`."
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
        from babytrain.engine.launch import NewRunPlan, train_new, train_resumed

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


class EngineLauncher:
    """Makes sessions for the screens."""

    def __init__(self, runs_dir: Path, argv: Sequence[str] = ()) -> None:
        self.runs_dir = runs_dir
        self._argv = tuple(argv)

    def presets(self) -> list[PresetChoice]:
        """The presets to choose from, default first."""
        return [PresetChoice(name, preset.summary) for name, preset in PRESETS.items()]

    def dials(self) -> Sequence[DialRule]:
        """Every dial, with the limits its setting has."""
        return dial_rules()

    def new(self, wish: NewRun) -> TrainingSession:
        """A session for a new run. Raises UsageError."""
        settings: dict[str, Any] = {}
        paths: list[str] = []
        if wish.corpus in FIELDS["corpus"].metadata["choices"]:
            settings["corpus"] = wish.corpus
        else:
            paths.append(str(Path(wish.corpus).expanduser()))
        if wish.steps is not None:
            settings["steps"] = wish.steps
        if "-" in paths:
            raise UsageError(["Standard input is the keyboard here: give a file, a folder or a glob."])
        checked = check_wish(preset=wish.preset, settings=settings, paths=paths, name=wish.name or None)
        return EngineSession(self.runs_dir, wish=checked, argv=self._argv)

    def resume(self, run_dir: Path) -> TrainingSession:
        """A session that goes on with an interrupted run."""
        return EngineSession.resuming(run_dir, {})


def dial_rules() -> list[DialRule]:
    """What may be turned while a run trains: the learning rate, the dials of the engine, and the end of the run."""
    return [
        _rule("lr", "lr_hold", "learning rate, held whatever the schedule says"),
        *(_rule(name, "set") for name in SETTABLE),
        _rule("steps", "total_steps", "where the run ends"),
    ]


def _rule(name: str, action: CommandAction, explanation: str = "") -> DialRule:
    limits = FIELDS[name].metadata
    choices = limits["choices"]
    allowed = ", ".join(choices) if choices else f"{limits['low']:g} to {limits['high']:g}"
    problem = partial(_dial_problem, name)
    return DialRule(name, explanation or limits["doc"], allowed, problem, action, is_word=bool(choices))


def _dial_problem(name: str, text: str) -> str | None:
    """What is wrong with a typed position of a dial, as a sentence."""
    try:
        return check_field(name, parse_value(name, text))
    except ValueError as error:
        return str(error)


def check_changes(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings changed by a resume, checked as far as they can be without the run. Raises UsageError."""
    try:
        config = build_config(DEFAULT_PRESET, settings)
    except ConfigError as error:
        raise UsageError(error.problems) from error
    return {key: getattr(config, key) for key in settings}


def sample_pieces(
    run_dir: Path,
    prompt: str | None,
    *,
    max_tokens: int,
    temperature: float,
    top_k: int,
    seed: int,
    which: Literal["best", "last"],
) -> Iterator[str]:
    """Text from a trained run, piece by piece. Raises UsageError."""
    from babytrain.engine.launch import EngineError
    from babytrain.engine.sample_run import load_speaker

    try:
        speaker = load_speaker(run_dir, which)
        wanted = speaker.default_prompt if prompt is None else prompt
        yield from speaker.pieces(wanted, max_tokens=max_tokens, temperature=temperature, top_k=top_k, seed=seed)
    except EngineError as error:
        raise UsageError(error.problems) from error


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
