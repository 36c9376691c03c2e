"""Small real training runs for the engine's tests: seconds of wall time, everything else as in real life."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from babytrain.engine.config.build import build_config
from babytrain.engine.config.settings import Config
from babytrain.engine.sessions.new_run import NewRunPlan
from babytrain.engine.sessions.start_and_resume import RunResult, train_new, train_resumed
from babytrain.runs.events import AnyEvent, Step
from babytrain.runs.journal import read_journal
from babytrain.runs.state.live_feed import LiveFeed

TINY: dict[str, Any] = {
    "layers": 1,
    "heads": 2,
    "width": 16,
    "context": 16,
    "batch_size": 4,
    "steps": 20,
    "optimizer": "adamw",
    "lr": 3e-3,
    "schedule": "cosine",
    "min_lr_ratio": 0.1,
    "warmup": 3,
    "eval_every": 10,
    "sample_every": 10,
    "sample_tokens": 12,
    "checkpoint_every": 5,
    "keep_checkpoints": 100,
    "threads": 1,
    "device": "cpu",
    "precision": "fp32",
    "matmul_backend": "torch",
    "compile": "off",
}

TEXT = "".join(f"the snake number {i} sleeps under stone {i * 7 % 13} until spring comes back\n" for i in range(60))


def tiny_config(**changes: Any) -> Config:
    return build_config("baby", TINY | changes)


def write_text(folder: Path) -> Path:
    file = folder / "snakes.txt"
    file.write_text(TEXT, encoding="utf-8")
    return file


def train(folder: Path, feed: LiveFeed | None = None, name: str = "tiny", **changes: Any) -> RunResult:
    """Train a tiny run on a text in `folder`, its run folder in `folder/runs`."""
    plan = NewRunPlan(
        config=tiny_config(**changes), runs_dir=folder / "runs", paths=(str(write_text(folder)),), name=name
    )
    return train_new(plan, feed or LiveFeed())


def resume_from(result: RunResult, step: int, **changes: Any) -> RunResult:
    """Go on in a copy of a run, as if it had been killed right after its checkpoint at `step`."""
    copy = Path(f"{result.run_dir}-from-{step}")
    shutil.copytree(result.run_dir, copy)
    for checkpoint in (copy / "checkpoints").glob("step-*"):
        if int(checkpoint.name.removeprefix("step-")) > step:
            shutil.rmtree(checkpoint)
    return train_resumed(copy, changes, LiveFeed())


def final_weights(result: RunResult) -> dict[str, torch.Tensor]:
    return load_file(Path(result.run_dir) / "checkpoints" / f"step-{result.steps:09d}" / "model.safetensors")


def final_optimizer(result: RunResult) -> dict[str, torch.Tensor]:
    return load_file(Path(result.run_dir) / "checkpoints" / f"step-{result.steps:09d}" / "optimizer.safetensors")


def same_bits(left: dict[str, torch.Tensor], right: dict[str, torch.Tensor]) -> bool:
    return left.keys() == right.keys() and all(torch.equal(left[name], right[name]) for name in left)


def events_of(result: RunResult) -> list[AnyEvent]:
    contents = read_journal(Path(result.run_dir) / "journal.jsonl")
    assert contents.bad_lines == 0
    assert contents.unknown_lines == 0
    return contents.events


class SteeredFeed(LiveFeed):
    """Asks for commands as soon as a step is recorded, so that they take effect before the next one."""

    def __init__(self, commands: dict[int, list[dict[str, Any]]]) -> None:
        super().__init__()
        self._commands = {step: list(several) for step, several in commands.items()}

    def publish_step(self, event: Step) -> None:
        super().publish_step(event)
        for command in self._commands.pop(event.step, ()):  # once, also where the run comes by again
            if command["action"] == "stop now":
                self.stop_requested.set()
            else:
                self.ask(**command)
