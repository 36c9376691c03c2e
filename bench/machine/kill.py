"""`kill -9` at random moments: is every run still there, and can it go on?

    python -m bench.machine.kill --kills 200

A child process trains a tiny run, saving and evaluating every few steps, and is killed at a random moment of its
training, or of its start; then the same run is resumed and killed again, and so on until it is done and a new one
begins. After every kill:

- the run can be opened: it is listed, its journal reads, and at most the line that was being written is torn,
- no step line is missing that was followed by another one,
- every checkpoint under its final name can be loaded,
- the run can go on: the next child gets to its own first event. (A run killed before its first checkpoint has nothing
  to go on from; it is counted apart.)

At the end every run that was done is compared with one that was never killed: the bits of weights and optimizer that
differ. The child is forked from this process, which has loaded torch, so that a kill costs a second and not five.
Narration goes to standard error, one JSON object to standard output; the exit code is 1 if anything went wrong.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path

import torch

from babytrain.engine.checkpoints.format import CheckpointError, list_checkpoints, load_checkpoint
from babytrain.engine.config.build import build_config
from babytrain.engine.config.errors import EngineError
from babytrain.engine.config.settings import Config
from babytrain.engine.sessions.new_run import NewRunPlan
from babytrain.engine.sessions.rerun import compare_checkpoints
from babytrain.engine.sessions.start_and_resume import train_new, train_resumed
from babytrain.runs.errors import RunsError
from babytrain.runs.events import Resumed, Started, Step
from babytrain.runs.journal import read_journal
from babytrain.runs.state.live_feed import LiveFeed
from babytrain.runs.store.folder import RunFolder
from babytrain.runs.store.run_list import find_run, list_runs
from bench.measuring import narrate

TEXT = "".join(f"the snake number {i} sleeps under stone {i * 7 % 13} until spring comes back\n" for i in range(60))
SHARE_WHILE_STARTING = 0.2  # of the kills that come at any moment of the start; the others come while it trains
LONGEST_START_SECONDS = 0.9
LONGEST_TRAINING_SECONDS = 0.4
LONGEST_WAIT_SECONDS = 60.0


@dataclass
class Tally:
    """The results of the kills."""

    kills: int = 0
    runs: int = 0
    finished_runs: int = 0
    before_first_checkpoint: int = 0
    torn_last_lines: int = 0
    cannot_be_opened: int = 0
    cannot_resume: int = 0
    missing_step_lines: int = 0
    unreadable_checkpoints: int = 0
    differing_bits: int = 0
    problems: list[str] = field(default_factory=list)

    @property
    def all_is_well(self) -> bool:
        """Whether no kill did any harm."""
        return not (
            self.cannot_be_opened
            or self.cannot_resume
            or self.missing_step_lines
            or self.unreadable_checkpoints
            or self.differing_bits
            or self.problems
        )


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="kill -9 at random moments")
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--steps", type=int, default=150, help="length of a run")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as place:
        tally = kill_many(Path(place), options.kills, options.steps, random.Random(options.seed))
    print(json.dumps(asdict(tally)))
    return 0 if tally.all_is_well else 1


def kill_many(place: Path, kills: int, steps: int, random_source: random.Random) -> Tally:
    """Train and kill; the runs are in `place/runs`."""
    tally = Tally()
    text = place / "snakes.txt"
    text.write_text(TEXT, encoding="utf-8")
    plan = NewRunPlan(config=_config(steps), runs_dir=place / "runs", paths=(str(text),), name="victim")
    folder: RunFolder | None = None
    while tally.kills < kills:
        if folder is None:
            tally.runs += 1
            before = set((place / "runs").glob("*"))
            finished = _live_for(lambda feed: train_new(plan, feed), random_source, tally)
            born = set((place / "runs").glob("*")) - before
            if not finished:
                tally.kills += 1
            folder = RunFolder(born.pop()) if born else None
        else:
            run_dir, openings = folder.path, _openings(folder)
            finished = _live_for(partial(train_resumed, run_dir, {}), random_source, tally)
            if finished and _openings(folder) == openings:
                tally.cannot_resume += 1
                tally.problems.append(f"{run_dir.name} did not go on")
                folder = None
                continue
            tally.kills += not finished
        if folder is not None:
            folder = _look(folder, tally, plan, place)
        well = "all well" if tally.all_is_well else f"{len(tally.problems)} problems"
        narrate(f"{tally.kills} kills, {tally.runs} runs, {tally.finished_runs} of them done, {well}")
    return tally


def _look(folder: RunFolder, tally: Tally, plan: NewRunPlan, place: Path) -> RunFolder | None:
    """Check a run; returns it if it can be resumed."""
    try:
        (summary,) = [one for one in list_runs(folder.path.parent) if one.run_id == folder.run_id]
        find_run(folder.path.parent, folder.run_id)
        if summary.status == "unreadable":
            raise RunsError(f"{folder.run_id} is unreadable")
        contents = read_journal(folder.journal) if folder.journal.exists() else None
    except RunsError as error:
        tally.cannot_be_opened += 1
        tally.problems.append(str(error))
        return None
    if contents is not None:
        if contents.bad_lines > _openings(folder):  # each session may have left one torn line behind
            tally.cannot_be_opened += 1
            tally.problems.append(f"{folder.run_id} has {contents.bad_lines} damaged lines")
        tally.torn_last_lines += not folder.journal.read_bytes().endswith(b"\n")
        tally.missing_step_lines += _missing_steps(contents.events)
    checkpoints = list_checkpoints(folder.checkpoints)
    for checkpoint in checkpoints:
        try:
            load_checkpoint(checkpoint)
        except CheckpointError as error:
            tally.unreadable_checkpoints += 1
            tally.problems.append(str(error))
    if not checkpoints:
        tally.before_first_checkpoint += 1
        return None
    if summary.status == "done":
        tally.finished_runs += 1
        tally.differing_bits += _differing_bits(folder, plan, place)
        return None
    return folder


def _missing_steps(events: Sequence[object]) -> int:
    """Steps that are not recorded though a later one of the same session is."""
    missing, expected = 0, 1
    for event in events:
        if isinstance(event, Started | Resumed):
            expected = event.step + 1
        elif isinstance(event, Step):
            missing += max(0, event.step - event.merged + 1 - expected)
            expected = event.step + 1
    return missing


def _openings(folder: RunFolder) -> int:
    """The number of sessions in the journal."""
    if not folder.journal.exists():
        return 0
    return sum(isinstance(event, Started | Resumed) for event in read_journal(folder.journal).events)


def _differing_bits(folder: RunFolder, plan: NewRunPlan, place: Path) -> int:
    """Between a run that was killed on its way and one that never was."""
    untouched = place / "untouched"
    if not untouched.exists():
        never_killed = NewRunPlan(**{**vars(plan), "runs_dir": untouched, "name": "untouched"})
        if not _live_for(lambda feed: train_new(never_killed, feed), None, Tally()):
            raise RuntimeError("the run to compare with could not be trained")
    (other,) = untouched.glob("untouched-*")
    name = f"step-{plan.config.steps:09d}"
    one, two = (load_checkpoint(path / "checkpoints" / name) for path in (folder.path, other))
    bits, _, unlike = compare_checkpoints(one, two)
    return bits + bool(unlike)


class _FirstStepFeed(LiveFeed):
    """Writes a byte into a pipe at the first step."""

    def __init__(self, pipe: int) -> None:
        super().__init__()
        self._pipe: int | None = pipe

    def publish_step(self, event: Step) -> None:
        super().publish_step(event)
        if self._pipe is not None:
            os.write(self._pipe, b".")
            self._pipe = None


def _live_for(work: Callable[[LiveFeed], object], random_source: random.Random | None, tally: Tally) -> bool:
    """Do `work` in a child and kill it at a random moment, None = never. True when it was done before that."""
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            work(_FirstStepFeed(write_end))
            code = 0
        except EngineError as error:
            narrate(str(error))
        except BaseException:  # noqa: BLE001 - the child must never return into the parent's code
            traceback.print_exc()
        finally:
            os._exit(code)
    os.close(write_end)
    try:
        if random_source is None:
            seconds = LONGEST_WAIT_SECONDS
        elif random_source.random() < SHARE_WHILE_STARTING:
            seconds = random_source.uniform(0.0, LONGEST_START_SECONDS)
        else:
            os.read(read_end, 1)  # also returns when the child has ended
            seconds = random_source.uniform(0.0, LONGEST_TRAINING_SECONDS)
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if (status := os.waitpid(child, os.WNOHANG))[0]:
                if status[1]:
                    tally.problems.append(f"a child ended with {os.waitstatus_to_exitcode(status[1])}")
                return True
            time.sleep(0.002)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        return False
    finally:
        os.close(read_end)


def _config(steps: int) -> Config:
    return build_config(
        "baby",
        {
            "layers": 1,
            "heads": 2,
            "width": 16,
            "context": 16,
            "batch_size": 4,
            "accumulate": 2,
            "dropout": 0.1,
            "window_shift": 0.5,
            "token_noise": 0.05,
            "steps": steps,
            "eval_every": 10,
            "sample_every": 25,
            "sample_tokens": 12,
            "checkpoint_every": 3,
            "threads": 1,
            "device": "cpu",
            "precision": "fp32",
            "matmul_backend": "torch",
            "compile": "off",
        },
    )


if __name__ == "__main__":
    sys.exit(main())
