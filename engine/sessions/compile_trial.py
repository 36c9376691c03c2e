"""The trial behind `compile = auto`: whether compiling saves a run time, measured on a throw-away copy of the model.

The gain cannot be predicted: a few percent on a busy processor, a multiple where a graphics card waits for Python.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from babytrain.engine.config.settings import Config, Precision
from babytrain.engine.execution.forward_backward import DirectPass, build_pass
from babytrain.engine.sessions.thread_and_precision_trial import WORTHWHILE_STEP_RATIO, TrialModel
from babytrain.runs.errors import error_reason
from babytrain.runs.formatting import format_seconds

SHORTEST_RUN_FOR_TRIAL_SECONDS = {"cpu": 600.0, "cuda": 60.0}  # no trial on other devices
SAVED_PER_COMPILE_SECOND = 2.0


@dataclass(frozen=True)
class CompileTrial:
    """What a trial measured, in seconds."""

    compile_seconds: float
    eager_step_seconds: float
    compiled_step_seconds: float


def planned_seconds(config: Config, eager_step_seconds: Callable[[], float]) -> float:
    """About how long a run takes: `minutes`, else its steps. `eager_step_seconds` measures a step of one batch."""
    if config.minutes > 0:
        return 60.0 * config.minutes
    return config.steps * config.accumulate * eager_step_seconds()


def is_worth_trying(device: str, planned_seconds: float) -> bool:
    """Whether a run on `device` is long enough for a trial."""
    return planned_seconds > SHORTEST_RUN_FOR_TRIAL_SECONDS.get(device, float("inf"))


def is_worth_keeping(trial: CompileTrial, planned_seconds: float) -> bool:
    """Whether compiling saves a run clearly more time than it takes."""
    ratio = trial.compiled_step_seconds / trial.eager_step_seconds
    saved_seconds = planned_seconds * (1.0 - ratio)
    return ratio <= WORTHWHILE_STEP_RATIO and saved_seconds >= SAVED_PER_COMPILE_SECOND * trial.compile_seconds


def choose_compile(
    device: str, planned_seconds: float, measure: Callable[[], CompileTrial]
) -> tuple[Literal["on", "off"], str]:
    """Whether to compile a run of `planned_seconds`, and why, "" without a trial. `measure` makes the trial."""
    if not is_worth_trying(device, planned_seconds):
        return "off", ""
    try:
        trial = measure()
    except (RuntimeError, OSError) as error:  # any failure of a compiler is one of these
        return "off", f"Not compiling the step: a trial failed ({error_reason(error)})."
    figures = (
        f"a trial took {format_seconds(trial.compile_seconds)} to compile and a step went from "
        f"{format_seconds(trial.eager_step_seconds)} to {format_seconds(trial.compiled_step_seconds)}"
    )
    about = f"a run of about {format_seconds(planned_seconds)}"
    if is_worth_keeping(trial, planned_seconds):
        return "on", f"Compiling the step: {figures}, which pays in {about}."
    return "off", f"Not compiling the step: {figures}, which does not pay in {about}."


def measure_compile(
    config: Config, tokens: Tensor, vocabulary_size: int, *, device: str, precision: Precision
) -> CompileTrial:
    """Time a throw-away copy both ways. `tokens` [N] is any piece of the corpus, N > context + 1."""
    copy = TrialModel(config, tokens, vocabulary_size, precision, device)
    eager_pass = DirectPass(copy.model.loss)
    copy.step(eager_pass)  # the first step is slower and not counted
    eager = copy.fastest_step_seconds(eager_pass)
    compiled_pass = build_pass(copy.model, compiled=True, note=lambda _: None)  # the run itself logs it
    began = time.perf_counter()
    copy.step(compiled_pass)
    first = time.perf_counter() - began
    compiled = copy.fastest_step_seconds(compiled_pass)
    return CompileTrial(max(0.0, first - compiled), eager, compiled)
