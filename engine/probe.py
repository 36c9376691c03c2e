"""Which number format and how many threads train this model fastest here: a second of trying instead of a rule.

On a processor neither can be foreseen: bf16 products are five times as fast on one machine and emulated on the next,
and a small model may lose by a second thread. The trial runs real steps on a throw-away copy of the model, so the run
itself is untouched; what was chosen is written into the run's settings, so a resume or a rerun repeats the choice and
not the trial.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from babytrain.engine.config import Config
from babytrain.engine.device import Precision, supports_bf16
from babytrain.engine.model.gpt import build_model
from babytrain.engine.optim.optimizer import build_optimizer

WARM_UP_STEPS = 1
TIMED_STEPS = 4
SECONDS_PER_TRIAL = 0.25
WORTH_IT = 0.95  # a choice must be this much faster than the plainer one


@dataclass(frozen=True)
class Choice:
    """What a trial chose, and the milliseconds a step took with each candidate."""

    threads: int
    precision: Precision
    milliseconds: dict[str, float]

    def sentence(self) -> str:
        """One line for the log."""
        tried = ", ".join(f"{name} {value:.0f} ms" for name, value in self.milliseconds.items())
        chosen = f"{self.precision} with {self.threads} thread{'s' if self.threads != 1 else ''}"
        return f"Computing in {chosen}, the fastest of a short trial: {tried} a step."


def probe_processor(
    config: Config, tokens: Tensor, vocabulary_size: int, *, threads: Iterable[int], precisions: Iterable[Precision]
) -> Choice:
    """Try the candidates on the processor, plainest first. `tokens` [N] is any piece of the corpus, N > context + 1."""
    thread_counts, formats = list(threads), [one for one in precisions if one == "fp32" or supports_bf16("cpu")]
    milliseconds: dict[str, float] = {}

    def measure(count: int, precision: Precision) -> float:
        name = f"{precision} on {count}"
        milliseconds[name] = _step_milliseconds(config, tokens, vocabulary_size, count, precision)
        return milliseconds[name]

    before = torch.get_num_threads()
    try:
        count, precision = thread_counts[0], formats[0]
        if len(thread_counts) * len(formats) == 1:
            return Choice(count, precision, {})
        fastest = measure(count, precision)
        for other in formats[1:]:
            if (taken := measure(count, other)) < fastest * WORTH_IT:
                precision, fastest = other, taken
        for fewer in thread_counts[1:]:
            if (taken := measure(fewer, precision)) < fastest * WORTH_IT:
                count, fastest = fewer, taken
        return Choice(count, precision, milliseconds)
    finally:
        torch.set_num_threads(before)


def _step_milliseconds(
    config: Config, tokens: Tensor, vocabulary_size: int, threads: int, precision: Precision
) -> float:
    """The fastest of a few real steps."""
    torch.set_num_threads(threads)
    model = build_model(config, vocabulary_size, seed=config.seed)
    model.set_precision(precision)
    model.train()
    optimizer = build_optimizer(model, config)
    optimizer.set_learning_rates(0.0, 0.0)
    starts = torch.linspace(0, len(tokens) - config.context - 1, config.batch_size).long()
    rows = tokens[starts[:, None] + torch.arange(config.context + 1)].long()
    fastest, began = float("inf"), time.perf_counter()
    for step in range(WARM_UP_STEPS + TIMED_STEPS):
        step_began = time.perf_counter()
        optimizer.zero_grad()
        model.loss(rows[:, :-1], rows[:, 1:]).backward()  # type: ignore[no-untyped-call]
        optimizer.gradient_norm(config.clip)
        optimizer.step()
        taken = time.perf_counter() - step_began
        if step >= WARM_UP_STEPS or taken > SECONDS_PER_TRIAL:
            fastest = min(fastest, taken)
        if fastest < float("inf") and time.perf_counter() - began > SECONDS_PER_TRIAL:
            break
    return 1000 * fastest
