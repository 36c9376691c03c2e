"""Trained models as the plain terminal talks to them: the seam between `sample` and `chat` and the engine.

Torch is loaded when an `Author` is made and not before; what goes wrong in the engine comes out as UsageError.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from babytrain.engine.config import ConfigError
from babytrain.engine.corpus.tokenizer import Tokenizer, tokenizer_from_json
from babytrain.engine.prompts import PreparedPrompt, PromptError, drop_unknown, prepare_prompt
from babytrain.engine.token_choice import SamplingSettings
from babytrain.runs.folder import RunFolder, RunsError, read_run_toml
from babytrain.tui.session import NO_TORCH, UsageError, before_torch

__all__ = [
    "Author",
    "PreparedPrompt",
    "PromptReader",
    "SamplingSettings",
    "chosen_settings",
    "prompt_reader",
    "settings_of_run",
]


def chosen_settings(run_dir: Path, **typed: Any) -> SamplingSettings:
    """The settings of a run's own samples, but for those that were typed. None: was not.

    Raises UsageError with all that is wrong.
    """
    try:
        saved, _ = read_run_toml(RunFolder(run_dir))
        own = settings_of_run(saved)
        return dataclasses.replace(own, **{name: value for name, value in typed.items() if value is not None})
    except ConfigError as error:
        raise UsageError(error.problems) from error
    except RunsError as error:
        raise UsageError([str(error)]) from error


def settings_of_run(config: Mapping[str, Any]) -> SamplingSettings:
    """How a run draws its own samples, as far as its recorded settings say; the rest is as usual."""
    names = [field.name for field in dataclasses.fields(SamplingSettings)]
    try:
        return SamplingSettings(**{name: config[name] for name in names if name in config})
    except (ConfigError, TypeError):  # of another version, or edited by hand
        return SamplingSettings()


class PromptReader:
    """How a run reads what is typed, without its model and without torch. Every method may raise UsageError."""

    def __init__(self, tokenizer: Tokenizer, context: int) -> None:
        self._tokenizer = tokenizer
        self._context = context

    def knows(self, text: str) -> bool:
        """Whether the model can read every character of `text`."""
        return not self._tokenizer.unknown_characters(text)

    def without_unknown(self, text: str) -> tuple[str, tuple[str, ...]]:
        """`text` without what the model cannot read, and what there is to say about that."""
        return drop_unknown(text, self._tokenizer)

    def prepare(self, prompt: str, unknown: Literal["drop", "refuse"] = "drop") -> PreparedPrompt:
        """`prompt` as the model reads it; empty is the start of a text."""
        try:
            return prepare_prompt(prompt, self._tokenizer, self._context, unknown=unknown)
        except PromptError as error:
            raise UsageError([str(error)]) from error


def prompt_reader(run_dir: Path, context: int) -> PromptReader:
    """How the run in a folder reads a prompt, `context` tokens at most. Raises UsageError."""
    try:
        tokenizer = tokenizer_from_json(RunFolder(run_dir).tokenizer_file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError([f"The tokenizer of this run cannot be read: {error}."]) from error
    return PromptReader(tokenizer, context)


class Author(PromptReader):
    """The model of a run from one checkpoint: "best", "last", a name or a step. Every method may raise UsageError."""

    def __init__(self, run_dir: Path, at: str = "best") -> None:
        before_torch()
        try:
            from babytrain.engine.sample_run import load_speaker
            from babytrain.engine.sessions.errors import EngineError
        except ImportError as error:
            raise UsageError([NO_TORCH.format(error)]) from error
        self._engine_error = EngineError
        try:
            self._speaker = load_speaker(run_dir, at)
        except EngineError as error:
            raise UsageError(error.problems) from error
        super().__init__(self._speaker.tokenizer, self._speaker.model.context)
        self.step = self._speaker.step
        self.checkpoint = self._speaker.checkpoint
        self.notes = self._speaker.notes
        self.default_prompt = self._speaker.default_prompt

    def write(self, prompt: PreparedPrompt, settings: SamplingSettings, *, max_tokens: int, seed: int) -> Iterator[str]:
        """The continuation of `prompt`, piece by piece as it is written."""
        try:
            yield from self._speaker.pieces(prompt, settings, max_tokens=max_tokens, seed=seed)
        except self._engine_error as error:
            raise UsageError(error.problems) from error

    def likeliest(self, prompt: PreparedPrompt, count: int) -> list[tuple[str, float]]:
        """The likeliest next tokens, made visible, and their probabilities."""
        try:
            return self._speaker.likeliest(prompt, count)
        except self._engine_error as error:
            raise UsageError(error.problems) from error
