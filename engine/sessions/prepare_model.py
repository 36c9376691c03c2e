"""Chooses device, threads, number format and steps of a run, and builds its model."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor

from babytrain.engine.config.build import changed_config
from babytrain.engine.config.errors import ConfigError
from babytrain.engine.config.presets import PRESETS
from babytrain.engine.config.settings import SETTINGS, Config, Precision
from babytrain.engine.data.corpus import Corpus
from babytrain.engine.data.window_order import EpochWindows
from babytrain.engine.doctor.software import check_compile
from babytrain.engine.execution.devices import choose_device, choose_precision, choose_threads
from babytrain.engine.execution.memory_estimate import (
    batch_that_fits,
    check_model_fits,
    device_memory_bytes,
    model_bytes,
    what_would_fit,
)
from babytrain.engine.execution.memory_limits import free_memory_bytes, release_freed_memory
from babytrain.engine.model.cpu.matmul_backend import MatmulBackend, onednn_available, use_matmul_backend
from babytrain.engine.model.gpt import GPT, build_model
from babytrain.engine.sessions.compile_trial import (
    SHORTEST_RUN_FOR_TRIAL_SECONDS,
    choose_compile,
    measure_compile,
    planned_seconds,
)
from babytrain.engine.sessions.learning_rate_range_test import sweep_learning_rates
from babytrain.engine.sessions.remembered_trials import (
    RememberedChoice,
    choice_key,
    recall,
    remember,
    trials_path,
)
from babytrain.engine.sessions.thread_and_precision_trial import (
    ProcessorChoice,
    eager_step_seconds,
    recalled_choice,
    try_processor_settings,
)
from babytrain.runs.dials.apply_and_undo import too_large_a_step
from babytrain.runs.dials.dial_state import DialState
from babytrain.runs.errors import is_out_of_memory
from babytrain.runs.formatting import format_bytes

_LARGEST_PRESET_BATCH = max(
    int(preset.values.get("batch_size", SETTINGS["batch_size"].default)) for preset in PRESETS.values()
)


def prepare_model(config: Config, corpus: Corpus) -> tuple[Config, GPT, list[str]]:
    """The resolved config, the model on its device, a sentence on each trial. Raises ConfigError, DeviceError."""
    device, _ = choose_device(config.device)
    if config.compile == "on":
        finding = check_compile(os.environ, device)
        if not finding.ok:
            raise ConfigError([f"compile=on cannot work here: {finding.what}. {finding.why}"])
    vocabulary_size, free = corpus.tokenizer.vocabulary_size, device_memory_bytes(device)
    check_model_fits(config, vocabulary_size, free)
    if free is not None:
        free -= model_bytes(config, vocabulary_size)
    is_tight = batch_that_fits(config, vocabulary_size, config.batch_size, free) < config.batch_size
    speed = _choose_speed(config, corpus, device, is_tight=is_tight)
    release_freed_memory()
    precision = speed.precision
    torch.set_num_threads(speed.threads)
    use_matmul_backend(speed.matmul_backend)
    # The choices become settings, so that a resume repeats them.
    config = changed_config(config, threads=speed.threads, precision=precision, matmul_backend=speed.matmul_backend)
    sentences = [sentence] if (sentence := speed.sentence()) else []
    if config.compile == "auto":
        choice, sentence = _choose_compile(config, corpus, device, speed)
        config = changed_config(config, compile=choice)
        sentences += [sentence] if sentence else []
    model = build_model(config, corpus.tokenizer.vocabulary_size, device=device, seed=config.seed)
    model.precision = precision
    if config.lr_range_test:
        bracket = sweep_learning_rates(
            config, corpus.train, corpus.tokenizer.vocabulary_size, device=device, precision=precision
        )
        sentences.append(bracket.sentence(config))
    return config, model, sentences


@contextmanager
def refuse_too_large(config: Config, corpus: Corpus) -> Iterator[None]:
    """Raise ConfigError, with what would fit, when memory runs out while the model and its optimizer are made."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        vocabulary_size = corpus.tokenizer.vocabulary_size
        needed = model_bytes(config, vocabulary_size)
        raise ConfigError(
            [
                f"The memory does not suffice for this model, which takes at least {format_bytes(needed)} to train: "
                f"{what_would_fit(config, vocabulary_size, min(free_memory_bytes(), needed // 2))}."
            ]
        ) from error


def _choose_speed(config: Config, corpus: Corpus, device: str, *, is_tight: bool = False) -> ProcessorChoice:
    """Threads, number format and library; on a CPU, what the config leaves open is decided by a trial.

    Without one if memory `is_tight`, where it says nothing: formats without room for their library take minutes.
    """
    threads = choose_threads(config.threads)
    if device != "cpu":
        return ProcessorChoice(threads, choose_precision(config.precision, device), {})
    counts = [threads] if config.threads else sorted({threads, max(1, threads - 1), max(1, threads // 2)}, reverse=True)
    formats: list[Precision] = (
        ["fp32", "bf16"] if config.precision == "auto" else [choose_precision(config.precision, device)]
    )
    libraries: list[MatmulBackend] = ["onednn" if config.matmul_backend == "onednn" else "torch"]
    if config.matmul_backend == "auto" and onednn_available():
        libraries.append("onednn")
    if len(counts) * len(formats) * len(libraries) == 1:
        return ProcessorChoice(counts[0], formats[0], {}, libraries[0])
    path = trials_path()
    key = choice_key(config, corpus.tokenizer.vocabulary_size, [*counts, *formats, *libraries])
    known, problem = recall(path, key)
    if (
        known is not None
        and known.threads in counts
        and known.precision in formats
        and known.matmul_backend in libraries
    ):
        return recalled_choice(known, f"Delete {path} for a new trial. ")
    choice = None if is_tight else _try_if_it_fits(config, corpus, counts, formats, libraries)
    if choice is None:
        return ProcessorChoice(counts[0], formats[0], {}, libraries[0], has_room=False)
    assert choice.step_seconds is not None
    result = RememberedChoice(choice.threads, choice.precision, choice.matmul_backend, 1000 * choice.step_seconds)
    problem = problem or remember(path, key, result)
    words = f"It could not be remembered in {path}: {problem}. " if problem else "It is remembered for this machine. "
    return replace(choice, memory=words)


def _try_if_it_fits(
    config: Config, corpus: Corpus, counts: list[int], formats: list[Precision], libraries: list[MatmulBackend]
) -> ProcessorChoice | None:
    """The choice by a trial, None when the memory does not suffice for it."""
    try:
        return try_processor_settings(
            config,
            _trial_tokens(config, corpus),
            corpus.tokenizer.vocabulary_size,
            threads=counts,
            precisions=formats,
            libraries=libraries,
        )
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
    return None


def _choose_compile(config: Config, corpus: Corpus, device: str, speed: ProcessorChoice) -> tuple[str, str]:
    """As `choose_compile`; off without a sentence if there is no compiler, or no room for a trial."""
    if not speed.has_room or device not in SHORTEST_RUN_FOR_TRIAL_SECONDS or not check_compile(os.environ, device).ok:
        return "off", ""
    tokens, vocabulary_size = _trial_tokens(config, corpus), corpus.tokenizer.vocabulary_size

    def eager() -> float:
        return speed.step_seconds or eager_step_seconds(
            config, tokens, vocabulary_size, device=device, precision=speed.precision
        )

    measure = partial(measure_compile, config, tokens, vocabulary_size, device=device, precision=speed.precision)
    return choose_compile(device, planned_seconds(config, eager), measure)


def _trial_tokens(config: Config, corpus: Corpus) -> Tensor:
    return torch.from_numpy(corpus.train[: 200 * config.context].astype("int32"))


def with_planned_steps(config: Config, corpus: Corpus) -> Config:
    """The config with `steps` computed if the plan is in epochs."""
    if config.epochs <= 0:
        return config
    windows = _windows_per_epoch(config, corpus)
    return changed_config(
        config, steps=max(1, math.ceil(config.epochs * windows / (config.batch_size * config.accumulate)))
    )


def check_step_size(dials: DialState, config: Config, corpus: Corpus) -> None:
    """Raise ConfigError when a step reads more windows than the text has; the batch of any preset is allowed."""
    windows = _windows_per_epoch(config, corpus)
    if dials.windows_per_step <= max(windows, _LARGEST_PRESET_BATCH):
        return
    name = "batch_size" if windows >= dials.accumulate else "accumulate"
    sentence = too_large_a_step(dials, name, windows)
    raise ConfigError([f"{sentence[0].upper()}{sentence[1:]}."])


def _windows_per_epoch(config: Config, corpus: Corpus) -> int:
    return EpochWindows(len(corpus.train), config.context, config.seed).windows_per_epoch
