"""Writing text with a trained model, one token at a time.

Choices:
- Random numbers come from a generator of its own on the CPU: the same seed gives the same text on every device as far
  as the logits agree, and training goes on undisturbed by a sample.
- Products are in fp32 whatever the training uses: one token at a time there is nothing to gain, and the likeliest
  token is then the same with and without the cache.
- When the context is full, the newer half of it is read again from position 0 and writing goes on from there
  (`window_start`). So the work per token stays constant, every position was seen in training, and rotary and learned
  positions behave alike.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor

from babytrain.engine.model.gpt import GPT


def window_start(tokens_before: int, context: int) -> int:
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
    *,
    max_tokens: int,
    temperature: float,
    top_k: int = 0,
    seed: int,
    device: str | torch.device,
    stop: Callable[[], bool] | None = None,
) -> Iterator[int]:
    """Yield up to `max_tokens` new token ids; ends early when `stop()` says so.

    `temperature` 0 always takes the likeliest token; `top_k` > 0 draws from the k likeliest only. The model
    computes without dropout and in fp32, and is as it was before whenever a token is handed out. Raises ValueError
    for an empty prompt or an id outside the vocabulary at once, and while writing when the weights are not numbers.
    """
    if not prompt_ids:
        raise ValueError("A prompt needs at least one token to go on from.")
    strangers = [token for token in prompt_ids if not 0 <= token < model.vocabulary_size]
    if strangers:
        raise ValueError(f"Token {strangers[0]} is not in the vocabulary of {model.vocabulary_size}.")
    return _write(model, list(prompt_ids), max_tokens, temperature, top_k, seed, torch.device(device), stop)


def _write(
    model: GPT,
    tokens: list[int],
    max_tokens: int,
    temperature: float,
    top_k: int,
    seed: int,
    device: torch.device,
    stop: Callable[[], bool] | None,
) -> Iterator[int]:
    generator = torch.Generator().manual_seed(seed)
    cache = model.new_cache()
    begin = 0  # index of the first token in the cache
    for _ in range(max_tokens):
        if stop is not None and stop():
            return
        start = window_start(len(tokens), model.context)
        if start != begin:
            cache.clear()
            begin = start
        unread = torch.tensor([tokens[start + cache.length :]], device=device)
        with torch.inference_mode(), model.reading():
            logits = model(unread, cache)[0, -1].float().cpu()
            token = choose_token(logits, temperature, top_k, generator)
        tokens.append(token)
        yield token


def choose_token(logits: Tensor, temperature: float, top_k: int, generator: torch.Generator) -> int:
    """Draw a token id from `logits` [vocabulary] on the CPU. Raises ValueError when they are not numbers."""
    largest = float(logits.max())
    if not math.isfinite(largest):
        raise ValueError("The model's weights are damaged (its predictions are not numbers), so it cannot write.")
    if temperature <= 0.0:
        return int(logits.argmax())
    # Subtracting the largest first keeps a tiny temperature from overflowing.
    scaled = (logits - largest) / temperature
    if 0 < top_k < scaled.numel():
        smallest_kept = scaled.topk(top_k).values[-1]
        scaled = scaled.masked_fill(scaled < smallest_kept, -torch.inf)
    return int(torch.multinomial(scaled.softmax(-1), 1, generator=generator))
