"""The trial of threads, number formats and matrix libraries: which train this model fastest on this processor.

No rule predicts it: bf16 is five times as fast on one machine and emulated on another, fp32 may be twice as fast with
another library (`model/cpu/matmul_backend.py`), and a second thread may slow a small model down. The trial runs real
steps for a second on a throw-away copy of the model.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from babytrain.engine.config.settings import Config, Precision
from babytrain.engine.execution.devices import supports_bf16
from babytrain.engine.execution.forward_backward import DirectPass, Pass
from babytrain.engine.model.cpu.matmul_backend import MatmulBackend, use_matmul_backend
from babytrain.engine.model.gpt import build_model
from babytrain.engine.optim.optimizer import Optimizer
from babytrain.engine.sessions.remembered_trials import RememberedChoice
from babytrain.runs.formatting import format_seconds

WARM_UP_STEPS = 1
TIMED_STEPS = 4
SECONDS_PER_TRIAL = 0.25
WORTHWHILE_STEP_RATIO = 0.95  # a candidate must be this much faster than the simpler one


@dataclass(frozen=True)
class ProcessorChoice:
    """What a trial chose, and the milliseconds a step took with each candidate."""

    threads: int
    precision: Precision
    milliseconds: dict[str, float]
    matmul_backend: MatmulBackend = "torch"
    has_room: bool = True  # False: the memory does not suffice for a trial
    memory: str = ""  # what is said of the memory of the choice, after its sentence

    @property
    def step_seconds(self) -> float | None:
        """The time of a step with the choice, None without a trial."""
        taken = self.milliseconds.get(_name(self.threads, self.precision, self.matmul_backend))
        return None if taken is None else taken / 1000

    def sentence(self) -> str:
        """One line for the log, "" when there was nothing to try."""
        if not self.milliseconds and self.has_room:
            return ""
        tried = ", ".join(f"{name} {format_seconds(value / 1000)}" for name, value in self.milliseconds.items())
        chosen = _name(self.threads, self.precision, self.matmul_backend)
        how = f"the fastest of a short trial (time of a step: {tried})"
        if not self.has_room:
            how = "without a trial of what is fastest, for which there is too little memory"
        elif len(self.milliseconds) == 1:
            how = "as an earlier trial on this machine chose"
        pin = f"threads={self.threads} precision={self.precision} matmul_backend={self.matmul_backend}"
        return f"Computing in {chosen}, {how}. {self.memory}To pin it: {pin}."


def recalled_choice(known: RememberedChoice, memory: str) -> ProcessorChoice:
    """The choice of an earlier trial."""
    name = _name(known.threads, known.precision, known.matmul_backend)
    return ProcessorChoice(
        known.threads, known.precision, {name: known.step_milliseconds}, known.matmul_backend, memory=memory
    )


def try_processor_settings(
    config: Config,
    tokens: Tensor,
    vocabulary_size: int,
    *,
    threads: Iterable[int],
    precisions: Iterable[Precision],
    libraries: Iterable[MatmulBackend] = ("torch",),
) -> ProcessorChoice:
    """Try the candidates on the CPU, simplest first. `tokens` [N] is any piece of the corpus, N > context + 1.

    `libraries` are for fp32 products; with bf16 the first is kept.
    """
    thread_counts, formats = list(threads), [p for p in precisions if p == "fp32" or supports_bf16("cpu")]
    candidates: list[MatmulBackend] = list(libraries) if "fp32" in formats else ["torch"]
    milliseconds: dict[str, float] = {}

    def measure(count: int, precision: Precision, matmul_backend: MatmulBackend) -> float:
        taken = _step_milliseconds(config, tokens, vocabulary_size, count, precision, matmul_backend)
        milliseconds[_name(count, precision, matmul_backend)] = taken
        return taken

    before = torch.get_num_threads()
    try:
        count, precision, matmul_backend = thread_counts[0], formats[0], candidates[0]
        if len(thread_counts) * len(formats) * len(candidates) == 1:
            return ProcessorChoice(count, precision, {}, matmul_backend)
        fastest = measure(count, precision, matmul_backend)
        for other in formats[1:]:
            if (taken := measure(count, other, "torch")) < fastest * WORTHWHILE_STEP_RATIO:
                precision, fastest = other, taken
        for library in candidates[1:] if precision == "fp32" else []:
            if (taken := measure(count, precision, library)) < fastest * WORTHWHILE_STEP_RATIO:
                matmul_backend, fastest = library, taken
        for fewer in thread_counts[1:]:
            if (taken := measure(fewer, precision, matmul_backend)) < fastest * WORTHWHILE_STEP_RATIO:
                count, fastest = fewer, taken
        return ProcessorChoice(count, precision, milliseconds, matmul_backend)
    finally:
        torch.set_num_threads(before)
        use_matmul_backend("torch")


def _name(threads: int, precision: Precision, matmul_backend: MatmulBackend) -> str:
    library = " by the library oneDNN" if matmul_backend == "onednn" else ""
    return f"{precision}{library} with {threads} thread{'s' if threads != 1 else ''}"


class TrialModel:
    """A copy of the model with an optimizer and one batch of `tokens` [N > context + 1], at learning rate 0."""

    def __init__(
        self, config: Config, tokens: Tensor, vocabulary_size: int, precision: Precision, device: str = "cpu"
    ) -> None:
        self.model = build_model(config, vocabulary_size, device=device, seed=config.seed)
        self.model.precision = precision
        self.model.train()
        self._clip = config.clip
        self._seed = config.seed if config.dropout > 0.0 else None
        self._optimizer = Optimizer(self.model, config)
        self._optimizer.set_learning_rates(0.0, 0.0)
        starts = torch.linspace(0, len(tokens) - config.context - 1, config.batch_size).long()
        self._rows = tokens[starts[:, None] + torch.arange(config.context + 1)].long().to(device)

    def step(self, make_pass: Pass) -> None:
        """One training step; returns when the device is done."""
        self._optimizer.zero_grad()
        make_pass(self._rows[:, :-1], self._rows[:, 1:], accumulate=1, seed=self._seed)
        self._optimizer.clip_gradient_norm(self._clip)
        self._optimizer.step()
        if self._rows.is_cuda:
            torch.cuda.synchronize()

    def fastest_step_seconds(self, make_pass: Pass) -> float:
        """The time of the fastest of a few steps."""
        fastest, began = float("inf"), time.perf_counter()
        for step in range(WARM_UP_STEPS + TIMED_STEPS):
            step_began = time.perf_counter()
            self.step(make_pass)
            taken = time.perf_counter() - step_began
            if step >= WARM_UP_STEPS or taken > SECONDS_PER_TRIAL:
                fastest = min(fastest, taken)
            if fastest < float("inf") and time.perf_counter() - began > SECONDS_PER_TRIAL:
                break
        return fastest


def eager_step_seconds(
    config: Config, tokens: Tensor, vocabulary_size: int, *, device: str, precision: Precision
) -> float:
    """Seconds of an eager step with the current number of threads, by a trial."""
    copy = TrialModel(config, tokens, vocabulary_size, precision, device)
    make_pass = DirectPass(copy.model.loss)
    if device != "cpu":
        copy.step(make_pass)  # loading the libraries of a GPU takes up to seconds
    return copy.fastest_step_seconds(make_pass)


def _step_milliseconds(
    config: Config,
    tokens: Tensor,
    vocabulary_size: int,
    threads: int,
    precision: Precision,
    matmul_backend: MatmulBackend,
) -> float:
    torch.set_num_threads(threads)
    use_matmul_backend(matmul_backend)
    return 1000 * eager_step_seconds(config, tokens, vocabulary_size, device="cpu", precision=precision)
