"""Everything a run needs before its first step: device, speed, model, and the number of steps its plan comes to."""

from __future__ import annotations

import gc
import math
import os
from dataclasses import dataclass

import torch

from babytrain.engine.checks.software import check_compile
from babytrain.engine.config import Config
from babytrain.engine.corpus.build import Corpus
from babytrain.engine.corpus.windows import EpochWindows
from babytrain.engine.device import Precision, choose_device, choose_precision, choose_threads
from babytrain.engine.model.gpt import GPT, build_model
from babytrain.engine.probe import probe_processor


@dataclass(frozen=True)
class Prepared:
    """A model on its device and what it will learn from; `config` has every choice of speed filled in."""

    config: Config
    corpus: Corpus
    model: GPT
    device: torch.device
    trial: str  # a sentence on how threads and number format were chosen, if they were


def prepare(config: Config, corpus: Corpus) -> Prepared:
    """Model on its device, threads and number format chosen. Raises ValueError with a sentence."""
    device_name, _ = choose_device(config.device)
    device = torch.device(device_name)
    if config.compile == "on":
        finding = check_compile(os.environ, device_name)
        if not finding.ok:
            raise ValueError(f"compile=on cannot work here: {finding.what}. {finding.why}")
    threads, precision, trial = _choose_speed(config, corpus, device_name)
    torch.set_num_threads(threads)
    # The choices become settings, so that a resume repeats them.
    config = config.replace(threads=threads, precision=precision)
    model = build_model(config, corpus.tokenizer.vocabulary_size, device=device_name, seed=config.seed)
    model.set_precision(precision)
    # Imports and weights are here to stay: keep the collector from walking them in the middle of a step.
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    return Prepared(config, corpus, model, device, trial)


def _choose_speed(config: Config, corpus: Corpus, device: str) -> tuple[int, Precision, str]:
    """Threads, number format and a sentence on why; tried out where the config leaves it open on a processor."""
    threads = choose_threads(config.threads)
    if device != "cpu" or (config.threads and config.precision != "auto"):
        return threads, choose_precision(config.precision, device), ""
    counts = [threads] if config.threads else sorted({threads, max(1, threads - 1), max(1, threads // 2)}, reverse=True)
    formats: list[Precision] = (
        ["fp32", "bf16"] if config.precision == "auto" else [choose_precision(config.precision, device)]
    )
    tokens = torch.from_numpy(corpus.train[: 200 * config.context].astype("int32"))
    choice = probe_processor(config, tokens, corpus.tokenizer.vocabulary_size, threads=counts, precisions=formats)
    return choice.threads, choice.precision, choice.sentence() if choice.milliseconds else ""


def with_planned_steps(config: Config, corpus: Corpus) -> Config:
    """The config with `steps` counted out when the plan is in epochs."""
    if config.epochs <= 0:
        return config
    windows = EpochWindows(len(corpus.train), config.context, config.seed).windows_per_epoch
    return config.replace(steps=max(1, math.ceil(config.epochs * windows / (config.batch_size * config.accumulate))))
