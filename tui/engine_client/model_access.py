"""Saved models and prompts, for `sample`, `chat` and the chat screen. Torch is loaded with a `SavedModel`."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from babytrain.engine.config.errors import ConfigError, EngineError
from babytrain.engine.data.tokenizer import Tokenizer
from babytrain.engine.data.tokenizer_factory import load_tokenizer
from babytrain.engine.generation.prompts import PreparedPrompt, PromptError, drop_unknown_characters, prepare_prompt
from babytrain.engine.generation.sampling import SamplingSettings
from babytrain.runs.errors import RunsError
from babytrain.runs.store.folder import RunFolder, read_run_toml
from babytrain.tui.engine_client.errors import UsageError, usage_errors

__all__ = [
    "PreparedPrompt",
    "PromptReader",
    "SamplingSettings",
    "SavedModel",
    "chosen_sampling_settings",
    "prompt_reader",
    "recorded_sampling_settings",
]


def chosen_sampling_settings(run_dir: Path, typed: Mapping[str, Any]) -> SamplingSettings:
    """The settings of a run's own samples, replaced by `typed` where not None. Raises UsageError with all problems."""
    try:
        saved, _ = read_run_toml(RunFolder(run_dir))
        own = recorded_sampling_settings(saved)
        return dataclasses.replace(own, **{name: value for name, value in typed.items() if value is not None})
    except ConfigError as error:
        raise UsageError(error.problems) from error
    except RunsError as error:
        raise UsageError([str(error)]) from error


def recorded_sampling_settings(config: Mapping[str, Any]) -> SamplingSettings:
    """The settings of a run's own samples; defaults where they are not recorded."""
    names = [field.name for field in dataclasses.fields(SamplingSettings)]
    try:
        return SamplingSettings(**{name: config[name] for name in names if name in config})
    except (ConfigError, TypeError):  # another version, or edited by hand
        return SamplingSettings()


class PromptReader:
    """A run's tokenizer for prompts, without torch. Every method may raise UsageError."""

    def __init__(self, tokenizer: Tokenizer, context: int) -> None:
        self._tokenizer = tokenizer
        self._context = context

    def without_unknown(self, text: str) -> tuple[str, tuple[str, ...]]:
        """`text` without characters the model cannot read, and notes about them."""
        return drop_unknown_characters(text, self._tokenizer)

    def prepare(self, prompt: str, unknown: Literal["drop", "refuse"] = "drop") -> PreparedPrompt:
        """`prompt` in tokens, cropped to the context; "" is the start of a text."""
        try:
            return prepare_prompt(prompt, self._tokenizer, self._context, unknown=unknown)
        except PromptError as error:
            raise UsageError([str(error)]) from error


def prompt_reader(run_dir: Path, context: int) -> PromptReader:
    """The tokenizer of a run, for `context` tokens at most. Raises UsageError."""
    try:
        tokenizer = load_tokenizer(RunFolder(run_dir).tokenizer_file)
    except EngineError as error:
        raise UsageError(error.problems) from error
    return PromptReader(tokenizer, context)


class SavedModel(PromptReader):
    """The model of a checkpoint: "best", "last", a name or a step. Every method may raise UsageError."""

    def __init__(self, run_dir: Path, at: str = "best") -> None:
        with usage_errors("The model cannot be loaded"):
            from babytrain.engine.generation.checkpoint_model import load_checkpoint_model

            self._model = load_checkpoint_model(run_dir, at)
        super().__init__(self._model.tokenizer, self._model.model.context)
        self.step = self._model.step
        self.notes = self._model.notes
        self.default_prompt = self._model.default_prompt

    def generate(
        self, prompt: PreparedPrompt, settings: SamplingSettings, *, max_tokens: int, seed: int
    ) -> Iterator[str]:
        """The continuation of `prompt`, piece by piece."""
        with usage_errors("The model cannot write"):
            yield from self._model.pieces(prompt, settings, max_tokens=max_tokens, seed=seed)

    def likeliest(self, prompt: PreparedPrompt, count: int) -> list[tuple[str, float]]:
        """The likeliest next tokens as visible text, and their probabilities."""
        with usage_errors("The model cannot predict"):
            return self._model.likeliest(prompt, count)
