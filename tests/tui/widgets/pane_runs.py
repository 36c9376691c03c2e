"""Small runs made of events, for the tests of the panes."""

from __future__ import annotations

import math
from typing import Any

from babytrain.runs.events import (
    Checkpoint,
    Command,
    CorpusInfo,
    Eval,
    Fan,
    GpuReading,
    HostReading,
    Phase,
    Started,
    Step,
    Vitals,
)
from babytrain.runs.state.run_state import RunState

STEP_SECONDS = 0.1
TOKENS_PER_STEP = 768
GIB = 2**30


def started(total_steps: int = 2000, floor: float | None = 1.3) -> Started:
    corpus = CorpusInfo(
        name="haiku",
        sha256="",
        characters=1000,
        train_tokens=900,
        val_tokens=100,
        vocabulary_size=65,
        tokenizer="char",
        floor_nats_per_token=floor,
    )
    return Started(
        t=0,
        step=0,
        schema=1,
        run_id="r",
        name="ziggy",
        wall_time=0,
        config={},
        corpus=corpus,
        parameters=800_000,
        total_steps=total_steps,
        steps_per_epoch=200,
        tokens_per_step=TOKENS_PER_STEP,
        device="cpu",
    )


def true_loss(step: int) -> float:
    """A loss as losses are: 4.2 at first, 1.5 in the end."""
    return 1.5 + 2.7 * math.exp(-step / 100)


def step_event(step: int, loss: float | None = None) -> Step:
    return Step(
        t=step * STEP_SECONDS,
        step=step,
        loss=true_loss(step) if loss is None else loss,
        learning_rate=3e-3,
        gradient_norm=0.8,
        tokens=step * TOKENS_PER_STEP,
        step_seconds=STEP_SECONDS,
    )


def eval_event(step: int, val_loss: float | None = None) -> Eval:
    loss = true_loss(step)
    return Eval(
        t=step * STEP_SECONDS,
        step=step,
        val_loss=loss + 0.1 if val_loss is None else val_loss,
        train_loss=loss,
        seconds=0.4,
    )


def lr_event(step: int, value: float, before: float, after: float, **changes: Any) -> Command:
    facts = {"command_id": 1, "action": "lr_scale", "status": "applied", **changes}
    return Command(t=step * STEP_SECONDS, step=step, value=value, before=before, after=after, **facts)


def checkpoint_event(step: int, reason: Any = "cadence") -> Checkpoint:
    return Checkpoint(t=step * STEP_SECONDS, step=step, directory=f"step-{step}", reason=reason, seconds=0.1)


def run_state(
    steps: int = 1000, *, total_steps: int = 2000, eval_every: int = 100, floor: float | None = 1.3
) -> RunState:
    state = RunState()
    state.apply(started(total_steps, floor))
    state.apply(Phase(t=0.0, step=0, phase="training"))
    for step in range(1, steps + 1):
        state.apply(step_event(step))
        if step % eval_every == 0:
            state.apply(eval_event(step))
    return state


def gpu(index: int = 0, **changes: Any) -> GpuReading:
    facts: dict[str, Any] = {
        "name": "NVIDIA GeForce RTX 4070",
        "utilization_percent": 97.0,
        "memory_used_bytes": int(3.1 * GIB),
        "memory_total_bytes": 12 * GIB,
        "temperature_celsius": 61.0,
        "slowdown_celsius": 83.0,
        "fans": (Fan(percent=43.0, rpm=1320.0),),
        "power_watts": 143.0,
        "power_limit_watts": 200.0,
        "clock_mhz": 2475.0,
        "trains": True,
    }
    return GpuReading(index=index, **{**facts, **changes})


def host(**changes: Any) -> HostReading:
    facts: dict[str, Any] = {
        "cpu_percent": 83.0,
        "core_percents": (90.0, 10.0, 60.0, 100.0),
        "memory_used_bytes": 5 * GIB,
        "memory_total_bytes": 16 * GIB,
        "process_memory_bytes": 812 * 2**20,
        "temperature_celsius": 65.0,
        "fan_rpm": 2300.0,
        "battery_percent": 83.0,
        "plugged_in": False,
    }
    return HostReading(**{**facts, **changes})


def vitals(*gpus: GpuReading, t: float = 1.0, note: str = "", computer: HostReading | None = None) -> Vitals:
    return Vitals(t=t, step=0, host=host() if computer is None else computer, gpus=gpus, gpu_note=note)
