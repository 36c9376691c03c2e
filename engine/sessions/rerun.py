"""Rerun: train a run again with its recorded commands, and compare every step, and at the end every weight.

With the same machine, text, versions and number of threads, it comes out the same to the bit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from babytrain import __version__
from babytrain.engine.checkpoints.format import (
    CheckpointError,
    LoadedCheckpoint,
    checkpoint_name,
    last_checkpoint,
    load_checkpoint,
)
from babytrain.engine.config.build import changed_config, config_of_run
from babytrain.engine.config.errors import DeviceError, EngineError
from babytrain.engine.config.settings import Config
from babytrain.engine.execution.devices import choose_device
from babytrain.engine.execution.processor_cores import count_cores
from babytrain.engine.sessions.fork_origin import ForkOrigin
from babytrain.engine.sessions.new_run import NewRunPlan
from babytrain.engine.sessions.run_text import text_of_run
from babytrain.engine.sessions.start_and_resume import FolderCallback, RunResult, train_new, train_resumed
from babytrain.engine.training.rerun_script import RerunScript, StepComparison, StepDifference
from babytrain.runs.events import LogMessage, Started
from babytrain.runs.journal import read_journal
from babytrain.runs.playback.replay_plan import FORK_START, RecordedSession, recorded_sessions
from babytrain.runs.state.live_feed import LiveFeed
from babytrain.runs.store.folder import RunFolder, read_run_toml
from babytrain.runs.store.lock import lock_owner
from babytrain.runs.store.provenance import collect_provenance

# Compared with this machine before the start: the key in `run.toml` and its name in sentences.
_CIRCUMSTANCES = {
    "program_version": "version of babytrain",
    "torch_version": "version of torch",
    "numpy_version": "version of numpy",
    "python": "version of Python",
    "hostname": "machine",
    "cpu_model": "processor",
    "platform": "operating system",
}
_BY_THE_CLOCK = ("minutes", "epochs")


@dataclass(frozen=True)
class RerunPlan:
    """What is needed to train a run again, and a sentence for each thing that differs from the original."""

    source: RunFolder
    sessions: tuple[RecordedSession, ...]
    new_run: NewRunPlan
    differences: tuple[str, ...]

    @property
    def commands(self) -> int:
        """The number of recorded commands."""
        return sum(len(session.commands) for session in self.sessions)


@dataclass(frozen=True)
class RerunResult:
    """The outcome. `differing_bits` is None when the checkpoints could not be compared; `problem` says why."""

    run: RunResult
    steps_compared: int
    first_difference: StepDifference | None
    differing_bits: int | None
    largest_difference: float
    problem: str = ""

    @property
    def same(self) -> bool:
        """Whether every step and every bit of weights and optimizer is the same."""
        return self.first_difference is None and self.differing_bits == 0 and not self.problem

    def sentence(self) -> str:
        """The outcome in words."""
        if self.same:
            return f"The same to the bit: {self.steps_compared:,} steps, the weights and the optimizer."
        parts = []
        if self.first_difference is not None:
            parts.append(f"It {self.first_difference.sentence()}.")
        if self.differing_bits:
            parts.append(
                f"{self.differing_bits:,} bit{'s differ' if self.differing_bits > 1 else ' differs'} in weights and "
                f"optimizer, by {self.largest_difference:.3g} at most."
            )
        if self.problem:
            parts.append(self.problem)
        return " ".join(parts)


def plan_rerun(source: RunFolder, *, runs_dir: Path, name: str | None = None, argv: Sequence[str] = ()) -> RerunPlan:
    """Read the record of a run. Raises EngineError or RunsError when it does not suffice to train the run again."""
    if lock_owner(source) is not None:
        raise EngineError([f"{source.run_id} is being trained at this moment: repeat it once it has ended."])
    sessions = recorded_sessions(read_journal(source.journal).events)
    saved, provenance = read_run_toml(source)
    if not sessions or not isinstance(first := sessions[0].first, Started):
        raise EngineError([f"The journal of {source.run_id} holds no run to repeat."])
    differences: list[str] = []
    # In the steps that were planned at its start: by the clock it would come out differently.
    config = config_of_run(first.config, dict.fromkeys(_BY_THE_CLOCK, 0.0) | {"steps": max(1, first.total_steps)})
    config = changed_config(config, device=_device(first, differences))
    text = text_of_run(source, saved, provenance)
    corpus = text.corpus(config, any_text=True)
    origin = _origin(source, first)
    if corpus.sha256 != first.corpus.sha256:
        differences.append(f"The text has changed since ({', '.join(text.paths) or corpus.name}).")
    differences += _other_circumstances(provenance | {"program_version": first.program_version}, config)
    new_run = NewRunPlan(
        config=config,
        runs_dir=runs_dir,
        name=name or f"{source.name}-rerun",
        argv=tuple(argv),
        text=replace(text, sha256=""),
        origin=origin,
        rerun_of=source.run_id,
        parent_text_sha256=first.parent_text_sha256,
    )
    return RerunPlan(source, tuple(sessions), new_run, tuple(differences))


def train_rerun(plan: RerunPlan, feed: LiveFeed, on_folder: FolderCallback | None = None) -> RerunResult:
    """Train a run again, session by session, and compare. Raises EngineError."""

    def report(difference: StepDifference) -> None:
        sentence = f"The rerun {difference.sentence()}. It goes on to its end."
        feed.publish(LogMessage(t=0.0, step=difference.step, level="warning", text=sentence))

    comparison = StepComparison([step for session in plan.sessions for step in session.steps], report)
    first, *others = plan.sessions
    new_run = replace(plan.new_run, script=RerunScript(first, comparison))
    result = train_new(new_run, feed, on_folder)
    for session in others:
        if feed.stop_requested.is_set() or result.status == "failed":
            break
        changes = {key: value for key, value in session.changes.items() if key not in _BY_THE_CLOCK}
        if {"steps", *_BY_THE_CLOCK} & session.changes.keys():
            changes["steps"] = session.first.total_steps
        result = train_resumed(Path(result.run_dir), changes, feed, script=RerunScript(session, comparison))
    return _compare(plan, result, comparison, stopped=feed.stop_requested.is_set())


def _compare(plan: RerunPlan, result: RunResult, comparison: StepComparison, *, stopped: bool) -> RerunResult:
    problem = ""
    if stopped:
        problem = "It was stopped before its end."
    elif comparison.missing:
        problem = f"It ended at step {result.steps:,}, before what is on record."
    bits: int | None = None
    largest = 0.0
    try:
        original = last_checkpoint(plan.source.checkpoints)
        if original is None:
            problem = problem or "The original has no checkpoint to compare with."
        else:
            repeated = load_checkpoint(RunFolder(Path(result.run_dir)).checkpoints / original.name)
            bits, largest, other = compare_checkpoints(load_checkpoint(original), repeated)
            problem = problem or other
    except CheckpointError as error:
        problem = problem or f"The weights could not be compared: {error}"
    return RerunResult(result, comparison.compared, comparison.first_difference, bits, largest, problem)


def compare_checkpoints(left: LoadedCheckpoint, right: LoadedCheckpoint) -> tuple[int, float, str]:
    """How many bits of weights and optimizer differ, the largest difference, and a sentence on other differences."""
    bits, largest = 0, 0.0
    for ours, theirs in ((left.model, right.model), (left.optimizer, right.optimizer)):
        if {name: (t.shape, t.dtype) for name, t in ours.items()} != {n: (t.shape, t.dtype) for n, t in theirs.items()}:
            return 0, 0.0, "The two are not of the same shape."
        for name, tensor in ours.items():
            if count := differing_bits(tensor, theirs[name]):
                bits += count
                largest = max(largest, float((tensor.double() - theirs[name].double()).abs().nan_to_num().max()))
    unlike = [key for key in ("step", "windows_seen", "optimizer") if left.trainer.get(key) != right.trainer.get(key)]
    return bits, largest, f"The trainer's {', '.join(unlike)} differ." if unlike else ""


def differing_bits(left: Tensor, right: Tensor) -> int:
    """How many bits of two tensors of one shape and type differ."""
    first, second = (tensor.contiguous().reshape(-1).view(torch.uint8).numpy() for tensor in (left, right))
    return int(np.unpackbits(first ^ second).sum())


def _device(first: Started, differences: list[str]) -> str:
    """The device it was trained on, else the automatic choice; differences are appended."""
    try:
        name, label = choose_device(first.device.partition(":")[0])
    except DeviceError as error:
        differences.append(f"It was trained on {first.device}: {error}")
        return choose_device("auto")[0]
    if name == "cuda" and first.device_name and label != first.device_name:
        differences.append(f"Another device: {label} instead of {first.device_name}.")
    return name


def _other_circumstances(provenance: Mapping[str, Any], config: Config) -> list[str]:
    here = collect_provenance(()) | {"program_version": __version__}
    found = [
        f"Another {words}: {here.get(key, 'none')} instead of {provenance[key]}."
        for key, words in _CIRCUMSTANCES.items()
        if provenance.get(key) and here.get(key) != provenance[key]
    ]
    if config.threads > (cores := count_cores().usable):
        found.append(f"It was trained with {config.threads} threads and there are {cores} cores here.")
    return found


def _origin(source: RunFolder, first: Started) -> ForkOrigin | None:
    """The checkpoint that a fork began with, None for other runs. Raises CheckpointError."""
    if not first.parent:
        return None
    return ForkOrigin.of(first.parent, load_checkpoint(source.checkpoints / checkpoint_name(first.step, FORK_START)))
