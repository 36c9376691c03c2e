"""The memory of a run, estimated before it is taken, because a kernel kills a process that takes too much.

What is counted is taken for certain: weights, gradients and the state of the optimizer in fp32, and of a batch what a
backward pass needs. Refused is only what cannot fit; where a batch is the problem, training halves it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

import torch

from babytrain.engine.config.build import changed_config
from babytrain.engine.config.errors import ConfigError, CorpusError
from babytrain.engine.config.settings import Config
from babytrain.engine.data.file_search import find_sources
from babytrain.engine.execution.memory_limits import free_memory_bytes
from babytrain.engine.model.gpt import GPT
from babytrain.runs.formatting import format_bytes

FLOAT_BYTES = 4
KEPT_WIDTHS = 12  # vectors of the width that a block keeps of each token for the backward pass
KEPT_VOCABULARIES = 2  # the logits and their gradient

# Taken per byte of text: the text and its tokens, and by the training of a bpe vocabulary what it counts.
_TEXT_COPIES = {"char": 2.0, "byte": 2.0, "bpe": 6.0}


def parameter_count(config: Config, vocabulary_size: int) -> int:
    """How many parameters the model has, without building it."""
    with torch.device("meta"):
        return GPT(config, vocabulary_size).parameter_count


def model_bytes(config: Config, vocabulary_size: int) -> int:
    """Weights, gradients, and the averages of the optimizer: two of AdamW, one of Muon."""
    copies = 4 if config.optimizer == "adamw" else 3
    return copies * FLOAT_BYTES * parameter_count(config, vocabulary_size)


def window_bytes(config: Config, vocabulary_size: int) -> int:
    """What one window of a batch takes in a training step, at least."""
    kept = KEPT_WIDTHS * config.width * config.layers + KEPT_VOCABULARIES * vocabulary_size
    return FLOAT_BYTES * config.context * kept


def device_memory_bytes(device: torch.device | str) -> int | None:
    """Free memory of the device a model is built on; None where nobody knows."""
    kind = torch.device(device).type
    if kind == "cuda":
        return int(torch.cuda.mem_get_info(torch.device(device))[0])
    return free_memory_bytes() if kind == "cpu" else None


def check_model_fits(config: Config, vocabulary_size: int, free: int | None) -> None:
    """Raise ConfigError with what would fit if the model and one window of a batch need more than `free` bytes."""
    if free is None or (needed := _least_bytes(config, vocabulary_size)) <= free:
        return
    count = parameter_count(config, vocabulary_size)
    raise ConfigError(
        [
            f"A model of {count:,} parameters takes at least {format_bytes(needed)} to train, and {format_bytes(free)} "
            f"of memory are free: {what_would_fit(config, vocabulary_size, free)}."
        ]
    )


def what_would_fit(config: Config, vocabulary_size: int, free: int) -> str:
    """The settings that need at most `free` bytes, as the end of a sentence."""
    ways = []
    if vocabulary_size > 2**9 and _least_bytes(config, 2**8) <= free:
        ways.append("tokenizer=byte")
    for name, low in (("width", config.heads * 8), ("layers", 1), ("context", 16)):
        if smaller := _largest(config, name, low, lambda changed: _least_bytes(changed, vocabulary_size) <= free):
            ways.append(f"{name}={smaller}")
    return f"{' or '.join([*ways, 'a smaller preset'])} would fit"


def batch_that_fits(config: Config, vocabulary_size: int, batch_size: int, free: int | None) -> int:
    """The largest divisor of `batch_size` whose windows fit into `free` bytes, 1 if none does."""
    if free is None:
        return batch_size
    most = free // window_bytes(config, vocabulary_size)
    return next((size for size in range(min(batch_size, most), 0, -1) if batch_size % size == 0), 1)


def _least_bytes(config: Config, vocabulary_size: int) -> int:
    return model_bytes(config, vocabulary_size) + window_bytes(config, vocabulary_size)


def _largest(config: Config, name: str, low: int, fits: Callable[[Config], bool]) -> int:
    """The largest value of a setting, halved from what it is, that fits; 0 if none does."""
    value = int(getattr(config, name)) // 2
    while value >= low:
        changes: dict[str, Any] = {name: value}
        try:
            if fits(changed_config(config, **changes)):
                return value
        except (ConfigError, ValueError):
            pass
        value //= 2
    return 0


def check_text_fits(paths: Sequence[str], tokenizer: str) -> None:
    """Raise CorpusError if reading the files takes more memory than is free; pipes and packed files are not known."""
    size = 0
    for source in find_sources(paths).sources:
        if source.path is not None and os.path.isfile(source.path):
            size += os.stat(source.path).st_size
    free, copies = free_memory_bytes(), _TEXT_COPIES.get(tokenizer, 2.0)
    if copies * size <= free:
        return
    other = " or use tokenizer=byte" if tokenizer == "bpe" and _TEXT_COPIES["byte"] * size <= free else ""
    raise CorpusError(
        [
            f"The text has {format_bytes(size)} and takes about {format_bytes(copies * size)} of memory to read, of "
            f"which {format_bytes(free)} are free: give at most {format_bytes(free / copies)} of text{other}."
        ]
    )
