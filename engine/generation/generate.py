"""Writing text with a trained model, one token at a time.

Choices:
- Random numbers come from a generator of its own on the CPU, one for each token: the same seed gives the same text on
  every device as far as the logits agree, and training goes on undisturbed by a sample.
- Products are in fp32 whatever the training uses: one token at a time there is nothing to gain, and the likeliest
  token is then the same with and without the cache.
- When the context is full, the newer half of it is read again from position 0 and writing goes on from there
  (`context_start`). So the work per token stays constant, every position was seen in training, and rotary and learned
  positions behave alike.
- Small models write in numpy (`numpy_decoder.py`), with a copy of the weights made when the first token is asked for;
  large ones in torch, on their own device.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray

from babytrain.engine.generation.numpy_decoder import NumpyDecoder
from babytrain.engine.generation.sampling import REPETITION_WINDOW, DamagedWeightsError, SamplingSettings, sample_token
from babytrain.engine.model.gpt import GPT

# On one thread numpy is 11 times faster at 0.8M parameters (width 128), 4 at 3M (224), 2.8 at 7M (256) and 2.2 at 10.7M
# (384). Beyond, the arithmetic is nearly all there is, and torch may spread it over more threads or a graphics card.
_MOST_NUMPY_DECODER_PARAMETERS = 12_000_000


class TorchDecoder:
    """Reads with the model itself, as `NumpyDecoder` does; the model is as it was before whenever `read` returns."""

    def __init__(self, model: GPT, device: torch.device) -> None:
        self._model = model
        self._device = device
        self._cache = model.new_cache()

    @property
    def length(self) -> int:
        """Tokens remembered."""
        return self._cache.length

    def clear(self) -> None:
        """Forget every token."""
        self._cache.clear()

    def read(self, tokens: Sequence[int]) -> NDArray[np.float32]:
        """Logits [vocabulary] of the token after `tokens`, which follow those read before."""
        unread = torch.tensor([tokens], device=self._device)
        with torch.inference_mode(), self._model.fp32_inference():
            logits: NDArray[np.float32] = self._model(unread, self._cache)[0, -1].float().cpu().numpy()
        return logits


Decoder: TypeAlias = NumpyDecoder | TorchDecoder  # reads the tokens of one text and predicts the next


def is_numpy_decoder_faster(model: GPT) -> bool:
    """Whether `model`, on whatever device, is small enough to write faster in numpy on the CPU."""
    return model.parameter_count <= _MOST_NUMPY_DECODER_PARAMETERS


def context_start(tokens_before: int, context: int) -> int:
    """Index of the first token the model looks at when it predicts the one after `tokens_before` tokens.

    0 until the context is full; then it moves on in jumps of half a context, so between half and all of it is used.
    """
    if tokens_before <= context:
        return 0
    keep = context // 2
    jump = context - keep
    return jump * -(-(tokens_before - context) // jump)


def generate(
    model: GPT,
    prompt_ids: Sequence[int],
    settings: SamplingSettings,
    *,
    max_tokens: int,
    seed: int,
    device: str | torch.device,
    stop: Callable[[], bool] | None = None,
) -> Iterator[int]:
    """Yield up to `max_tokens` new token ids, drawn as `settings` say; ends early when `stop()` says so.

    `device` is where the model is. The model computes without dropout and in fp32, and is as it was before whenever a
    token is handed out. Raises ValueError for an empty prompt or an id outside the vocabulary at once, and
    DamagedWeightsError while writing.
    """
    if not prompt_ids:
        raise ValueError("A prompt needs at least one token to go on from.")
    unknown = [token for token in prompt_ids if not 0 <= token < model.vocabulary_size]
    if unknown:
        raise ValueError(f"Token {unknown[0]} is not in the vocabulary of {model.vocabulary_size}.")
    return _generate(model, list(prompt_ids), settings, max_tokens, seed, torch.device(device), stop)


def new_decoder(model: GPT, device: str | torch.device) -> Decoder:
    """What reads a text fastest with `model`, which is on `device`. A copy of the weights, where that is in numpy."""
    return NumpyDecoder(model) if is_numpy_decoder_faster(model) else TorchDecoder(model, torch.device(device))


def likeliest_tokens(decoder: Decoder, ids: Sequence[int], count: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The `count` likeliest tokens after `ids`, likeliest first, and their probabilities at temperature 1.

    Equally likely ones stand in the order of the vocabulary. The decoder forgets what it read before and has read `ids`
    afterwards. Raises ValueError when they do not fit its context or there are none, and DamagedWeightsError.
    """
    decoder.clear()
    logits = decoder.read(ids).astype(np.float64)
    largest = float(logits.max())
    if not math.isfinite(largest):
        raise DamagedWeightsError("predict")
    probabilities = np.exp(logits - largest)
    probabilities /= probabilities.sum()
    likeliest = np.argsort(-probabilities, kind="stable")[: max(0, count)]
    return likeliest, probabilities[likeliest]


def _generate(
    model: GPT,
    tokens: list[int],
    settings: SamplingSettings,
    max_tokens: int,
    seed: int,
    device: torch.device,
    stop: Callable[[], bool] | None,
) -> Iterator[int]:
    random = np.random.Generator(np.random.Philox(seed))
    decoder = new_decoder(model, device)
    penalises = settings.repetition_penalty != 1.0
    begin = 0  # index of the first token the decoder remembers
    for _ in range(max_tokens):
        if stop is not None and stop():
            return
        start = context_start(len(tokens), model.context)
        if start != begin:
            decoder.clear()
            begin = start
        logits = decoder.read(tokens[start + decoder.length :])
        recent = tokens[-REPETITION_WINDOW:] if penalises else ()
        token = sample_token(logits, settings, random, recent)
        tokens.append(token)
        yield token
