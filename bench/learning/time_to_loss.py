"""Training time to a validation loss: the peer nanoGPT with its CPU recipe against ours, on this machine, in turn.

    python -m bench.learning.time_to_loss --peer NANOGPT --text tinyshakespeare.txt
    python -m bench.learning.time_to_loss --peer NANOGPT --text tinyshakespeare.txt \
        --preset baby:350 gpt2:2000 --set precision=bf16 --seeds 3 --final

What is compared:

- Both train on the first 90% of the characters; the loss is mean nats per character over the whole last 10%, measured
  by the same code from saved weights (see `validation_loss.py`).
- Time is the time of training steps, evaluation and saving excluded on both sides (`nanogpt.py`, `babytrain_run.py`);
  ours is also given with everything before its first step, from the start of the process. The peer's start is never
  counted.
- Ours reaches the target at the first checkpoint (every 25 steps, and the end) whose loss is at or below it. The peer
  is judged every 50 steps and credited with the last checkpoint *before* the first one at or below it: no
  interpolation flatters it more. A peer that never gets there counts with its whole run, and the result says so.
- A schedule needs to know its end: `--preset NAME:STEPS` (or `--steps`) says how long our run is. Choose it so that
  the run ends just under the target.
- Runs alternate, one seed after the other: peer, each of ours, peer, each of ours. The ratio is that of the medians;
  its spread is the least and greatest ratio of any pairing of a peer's run with one of ours.
- Same shape: at most 0.81M parameters and context 64. Free shape: at most 1.5M. Anything else is refused.
- `--final` measures the last 5% of the text once, with the finished models. Tune nothing on it.

The checkout needs train.py, model.py, configurator.py and config/; it is read, never written. Narration goes to
standard error, one JSON object to standard output.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from babytrain.engine.config.errors import CorpusError
from babytrain.engine.config.settings import Config
from babytrain.engine.data.corpus import Corpus, build_corpus
from bench import measuring
from bench.learning import nanogpt
from bench.learning.babytrain_run import OurRun, count_parameters, resolve, run_ours
from bench.learning.validation_loss import judge_ours, judge_peer
from bench.measuring import BenchError, Variant, compare, narrate

SAME_SHAPE_PARAMETERS, FREE_SHAPE_PARAMETERS = 810_000, 1_500_000
OUR_GRID = 25
HELD_OUT_SHARE = 0.05
DEFINITION = "mean nats per character over the whole last 10% of the text, windows of 64 characters, fp32"


@dataclass(frozen=True)
class Row:
    """One of our recipes and its class."""

    variant: Variant
    config: Config
    shape: str
    parameters: int


@dataclass(frozen=True)
class Timed:
    """One run with its time to the target. `reached_step` is None when it never got there."""

    reached_step: int | None
    seconds: float
    figures: dict[str, Any]


@dataclass(frozen=True)
class Task:
    """What all runs share."""

    text: Path
    folder: Path
    copy: nanogpt.WorkingCopy
    target: float
    threads: int
    peer_steps: int
    peer_grid: int
    final: bool

    @property
    def val(self) -> Path:
        """Token numbers of the validation split."""
        return self.folder / "val.npy"

    @property
    def held_out(self) -> Path:
        """Token numbers of its second half."""
        return self.folder / "held-out.npy"


def read_rows(presets: Sequence[str], steps: int | None, settings: Mapping[str, str], vocabulary: int) -> list[Row]:
    """Our recipes with their classes. Raises BenchError for one that fits neither."""
    rows = []
    for text in presets:
        preset, _, own_steps = text.partition(":")
        planned = own_steps or (str(steps) if steps else "")
        variant = Variant(preset, {**settings, **({"steps": planned} if planned else {})})
        config = resolve(variant, {})
        parameters = count_parameters(config, vocabulary)
        rows.append(Row(variant, config, classify(variant.name, config, parameters), parameters))
    return rows


def classify(name: str, config: Config, parameters: int) -> str:
    """ "same-shape" or "free-shape". Raises BenchError for a recipe that fits neither."""
    if config.tokenizer != "char" or config.val_fraction != 0.1:
        raise BenchError(f"{name}: the peer learns characters and keeps 10% for validation; so must ours.")
    if config.context < nanogpt.CONTEXT:
        raise BenchError(f"{name}: a context of {config.context} cannot be judged in windows of {nanogpt.CONTEXT}.")
    if parameters <= SAME_SHAPE_PARAMETERS and config.context == nanogpt.CONTEXT:
        return "same-shape"
    if parameters <= FREE_SHAPE_PARAMETERS:
        return "free-shape"
    raise BenchError(f"{name} has {parameters:,} parameters; at most {FREE_SHAPE_PARAMETERS:,} may compete.")


def write_splits(corpus: Corpus, task: Task) -> None:
    """The validation split and, for the very end, the last 5% of the whole text."""
    np.save(task.val, corpus.val)
    total = len(corpus.train) + len(corpus.val)
    np.save(task.held_out, corpus.val[-round(total * HELD_OUT_SHARE) :])


def first_at_or_below(losses: Mapping[int, float], target: float) -> int | None:
    """The first step whose loss is at or below `target`."""
    return next((step for step in sorted(losses) if losses[step] <= target), None)


def credited_step(losses: Mapping[int, float], target: float) -> int | None:
    """The last evaluated step before the first one at or below `target` (0 if none); None if never reached."""
    reached = first_at_or_below(losses, target)
    if reached is None:
        return None
    return max((step for step in losses if step < reached), default=0)


def time_peer(task: Task, seed: int) -> Timed:
    """Train and evaluate the peer once. Raises BenchError."""
    checkpoints = task.folder / f"peer-{seed}"
    run = nanogpt.run_peer(
        task.copy, checkpoints, seed=seed, threads=task.threads, steps=task.peer_steps, eval_every=task.peer_grid
    )
    verdict = judge_peer(task.copy, checkpoints, task.val, threads=task.threads)
    step = credited_step(verdict.losses, task.target)
    seconds = sum(run.iteration_seconds[: task.peer_steps if step is None else step])
    figures = {
        "seed": seed,
        "reached": step is not None,
        "step_credited": step,
        "seconds_counted": seconds,
        "step_milliseconds": 1000 * statistics.median(run.iteration_seconds),
        "full_run_seconds": sum(run.iteration_seconds),
        "final_loss": verdict.losses[max(verdict.losses)],
        "losses": verdict.losses,
        "parameters": verdict.parameters,
        "threads": run.threads,
        "load_average": run.load,
    }
    if task.final:
        last = judge_peer(task.copy, checkpoints, task.held_out, threads=task.threads, last_only=True)
        figures["held_out_loss"] = last.losses[max(last.losses)]
    ending = f"at {task.target} by step {step}" if step is not None else f"never at {task.target}"
    narrate(
        f"  peer, seed {seed}: {ending}, {seconds:.1f} s counted, {figures['step_milliseconds']:.1f} ms a step, "
        f"{figures['final_loss']:.4f} at the end"
    )
    return Timed(step, seconds, figures)


def time_ours(task: Task, row: Row, seed: int) -> Timed:
    """Train and evaluate one of our recipes once. Raises BenchError."""
    extra = {"eval_every": row.config.steps, "checkpoint_every": OUR_GRID, "keep_checkpoints": 100_000, "device": "cpu"}
    run = run_ours(row.variant, task.text, task.folder / "runs", seed=seed, threads=task.threads, extra=extra)
    verdict = judge_ours(run.run_dir, task.val, threads=task.threads)
    if not run.parameters == verdict.parameters == row.parameters:
        raise BenchError(f"{row.variant.name} trained {run.parameters:,} parameters, not {row.parameters:,}.")
    step = first_at_or_below(verdict.losses, task.target)
    seconds = sum(run.iteration_seconds[: row.config.steps if step is None else step])
    figures = {
        **_figures_of(run),
        "reached": step is not None,
        "step": step,
        "seconds": seconds,
        "seconds_with_startup": seconds + run.startup_seconds,
        "final_loss": verdict.losses[max(verdict.losses)],
        "losses": verdict.losses,
    }
    if task.final:
        last = judge_ours(run.run_dir, task.held_out, threads=task.threads, last_only=True)
        figures["held_out_loss"] = last.losses[max(last.losses)]
    ending = f"at {task.target} by step {step}" if step is not None else f"never at {task.target}"
    narrate(
        f"  {row.variant.name}, seed {seed}: {ending}, {seconds:.1f} s (+ {run.startup_seconds:.1f} s start), "
        f"{figures['step_milliseconds']:.1f} ms a step, {figures['final_loss']:.4f} at the end"
    )
    return Timed(step, seconds, figures)


def _figures_of(run: OurRun) -> dict[str, Any]:
    return {
        "seed": run.seed,
        "step_milliseconds": 1000 * statistics.median(run.iteration_seconds),
        "startup_seconds": run.startup_seconds,
        "precision": run.precision,
        "threads": run.threads,
        "load_average": run.load,
    }


def summarise_row(row: Row, ours: Sequence[Timed], peers: Sequence[Timed]) -> dict[str, Any]:
    """One of our recipes against the peer. There is no ratio unless every run of ours reached the target."""
    result: dict[str, Any] = {
        "preset": row.variant.name,
        "shape": row.shape,
        "parameters": row.parameters,
        "steps": row.config.steps,
        "runs_that_reached": sum(run.reached_step is not None for run in ours),
        "median_final_loss": statistics.median(run.figures["final_loss"] for run in ours),
        "runs": [run.figures for run in ours],
    }
    if all(run.reached_step is not None for run in ours):
        peer_seconds = [run.seconds for run in peers]
        with_startup = [run.figures["seconds_with_startup"] for run in ours]
        result["median_seconds"] = statistics.median(run.seconds for run in ours)
        result["median_seconds_with_startup"] = statistics.median(with_startup)
        result["times_faster"] = compare(peer_seconds, [run.seconds for run in ours])
        result["times_faster_with_startup"] = compare(peer_seconds, with_startup)
    return result


def summarise_peer(task: Task, peers: Sequence[Timed]) -> dict[str, Any]:
    """The peer's runs and their medians."""
    reached = sum(run.reached_step is not None for run in peers)
    return {
        "commit": task.copy.commit,
        "steps": task.peer_steps,
        "runs_that_reached": reached,
        "note": "" if reached == len(peers) else "a run that never reached the target counts with all its steps",
        "median_seconds": statistics.median(run.seconds for run in peers),
        "median_step_milliseconds": statistics.median(run.figures["step_milliseconds"] for run in peers),
        "median_final_loss": statistics.median(run.figures["final_loss"] for run in peers),
        "runs": [run.figures for run in peers],
    }


def measure(task: Task, rows: Sequence[Row], seeds: Sequence[int]) -> dict[str, Any]:
    """All runs, alternating. Raises BenchError."""
    peers: list[Timed] = []
    ours: list[list[Timed]] = [[] for _ in rows]
    for seed in seeds:
        peers.append(time_peer(task, seed))
        for row, timed in zip(rows, ours, strict=True):
            timed.append(time_ours(task, row, seed))
    summaries = [summarise_row(row, timed, peers) for row, timed in zip(rows, ours, strict=True)]
    for summary in summaries:
        ratio = summary.get("times_faster")
        told = (
            f"{ratio['ratio']:.2f} times faster ({ratio['lowest_pairing']:.2f} to {ratio['highest_pairing']:.2f})"
            if ratio
            else f"reached the target in {summary['runs_that_reached']} of {len(seeds)} runs, so no ratio"
        )
        narrate(f"{summary['shape']:>11}  {summary['parameters']:>9,}  {summary['preset']}: {told}")
    return {"peer": summarise_peer(task, peers), "ours": summaries}


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer", type=Path, required=True, help="a checkout of nanoGPT")
    parser.add_argument("--text", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=3, help="runs of each")
    parser.add_argument("--target", type=float, default=1.88, help="nats per character")
    parser.add_argument("--preset", nargs="+", action="extend", metavar="NAME[:STEPS]", help="default: baby")
    parser.add_argument("--steps", type=int, help="length of our runs where the preset has no :STEPS")
    parser.add_argument("--set", nargs="+", action="extend", default=[], metavar="KEY=VALUE", dest="settings")
    parser.add_argument("--threads", type=int, default=0, help="for both sides; 0 = each side's own default")
    parser.add_argument("--peer-steps", type=int, default=nanogpt.STEPS, help="less than 2000 only for a smoke test")
    parser.add_argument("--peer-every", type=int, default=50, help="steps between the peer's checkpoints")
    parser.add_argument("--final", action="store_true", help="also report the held-out last 5%% of the text, once")
    return parser.parse_args()


def main() -> None:
    options = parse_options()
    try:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            config = resolve(Variant("gpt2", {}), {})
            corpus = build_corpus(config, [str(options.text)])
            vocabulary = corpus.tokenizer.vocabulary_size
            settings = measuring.parse_settings(options.settings)
            rows = read_rows(options.preset or ["baby"], options.steps, settings, vocabulary)
            facts = measuring.machine_facts(options.threads)
            copy = nanogpt.copy_peer(options.peer, folder / "peer")
            nanogpt.write_data(copy, corpus)
            task = Task(
                options.text,
                folder,
                copy,
                options.target,
                options.threads,
                options.peer_steps,
                options.peer_every,
                options.final,
            )
            write_splits(corpus, task)
            result = measure(task, rows, range(1337, 1337 + options.seeds))
    except (BenchError, CorpusError) as error:
        sys.exit(str(error))
    facts["load_average_after"] = measuring.load_now()
    measuring.print_result({"target": options.target, "loss": DEFINITION, "machine": facts, **result})


if __name__ == "__main__":
    main()
