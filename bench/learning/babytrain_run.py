"""Running our side of a comparison: the real program, headless, in a child process, timed by its journal.

A step counts from the end of the step before it, so journal, requests and sensors are included. Steps after an
evaluation or a checkpoint count as the median of the others, like the peer's. The first step counts in full, because a
compiled step is compiled there.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from babytrain.engine.config.build import build_config
from babytrain.engine.config.errors import ConfigError
from babytrain.engine.config.settings import Config
from babytrain.engine.model.gpt import GPT
from babytrain.runs.events import AnyEvent, Checkpoint, Eval, Sample, Started, Step
from babytrain.runs.journal import read_journal
from babytrain.runs.store.folder import RunFolder
from bench.measuring import BenchError, Variant, load_now, run_child
from bench.speed.terminal import program


@dataclass(frozen=True)
class OurRun:
    """One training run. `iteration_seconds[i]` is what step i + 1 took, evaluations taken out.

    `startup_seconds` is the time from the start of the process to the first step, without the evaluation before it.
    """

    seed: int
    iteration_seconds: list[float]
    startup_seconds: float
    run_dir: Path
    parameters: int
    precision: str
    threads: int
    load: float


def resolve(variant: Variant, extra: Mapping[str, Any]) -> Config:
    """The config of a variant. Raises BenchError with every problem."""
    try:
        return build_config(variant.preset, variant.settings, extra)
    except ConfigError as error:
        raise BenchError(" ".join(error.problems)) from error


def count_parameters(config: Config, vocabulary_size: int) -> int:
    """Trainable numbers of the model of a config."""
    with torch.device("meta"):
        return GPT(config, vocabulary_size).parameter_count


def run_ours(
    variant: Variant, text: Path, runs_dir: Path, *, seed: int, threads: int, extra: Mapping[str, Any]
) -> OurRun:
    """Train a variant once with `extra` settings on top. Raises BenchError."""
    settings = {**variant.settings, **extra, "seed": seed, "sample_every": 0}
    words = [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]
    where = ["--runs-dir", str(runs_dir.resolve()), "--preset", variant.preset]
    load, spawned = load_now(), time.time()
    command = program("train", str(text.resolve()), "--headless", "--json", *where, *words)
    answer = json.loads(run_child(command, threads=threads))
    if answer["status"] != "done":
        raise BenchError(f"{variant.name} ended as {answer['status']}: {answer['reason']}")
    run_dir = Path(answer["run_dir"])
    events = read_journal(RunFolder(run_dir).journal).events
    started = next(event for event in events if isinstance(event, Started))
    return OurRun(
        seed=seed,
        iteration_seconds=iteration_seconds(events),
        startup_seconds=started.wall_time - spawned + seconds_to_first_step(events),
        run_dir=run_dir,
        parameters=started.parameters,
        precision=started.precision,
        threads=started.threads,
        load=load,
    )


def iteration_seconds(events: Sequence[AnyEvent]) -> list[float]:
    """Seconds of every step, from the events of a journal. Raises BenchError when there are fewer than two steps."""
    seconds: list[float | None] = []
    last_t, interrupted = 0.0, False
    for event in events:
        if isinstance(event, Eval | Checkpoint | Sample):
            interrupted = True
        elif isinstance(event, Step):
            first = not seconds
            seconds.append(event.step_seconds if first else None if interrupted else event.t - last_t)
            last_t, interrupted = event.t, False
    measured = [figure for figure in seconds[1:] if figure is not None]
    if not measured:
        raise BenchError("Too few steps between evaluations to time any.")
    usual = statistics.median(measured)
    return [usual if figure is None else figure for figure in seconds]


def seconds_to_first_step(events: Sequence[AnyEvent]) -> float:
    """Running time before the first step began, without evaluations."""
    evaluating = 0.0
    for event in events:
        if isinstance(event, Eval):
            evaluating += event.seconds
        elif isinstance(event, Step):
            return event.t - event.step_seconds - evaluating
    raise BenchError("The journal holds no step.")
