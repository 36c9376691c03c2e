"""Does a long run need more memory than a short one? Resident memory of the program over 100,000 steps.

A very small model is trained by the program itself, without a screen and with one, while the resident set size (RSS) of
that process is read twice a second. Growth is from step 10,000 on: before that, imports, buffers and the memory that is
set aside for the record of the run are still being filled. Under the screen the caches of the libraries that draw it
(styles, widths of words, lines) fill up more slowly, so the second half of the run is told apart. The journal on disk
may grow, the process may not.

    python -m bench.machine.memory --steps 100000
"""

from __future__ import annotations

import argparse
import re
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from bench.measuring import BenchError, load_now, machine_facts, narrate, print_result
from bench.speed.terminal import program, terminal

SECONDS_BETWEEN_LOOKS = 0.5
SETTLED_STEPS = 10_000
MIB = 2**20
# About a millisecond a step; everything a run does between steps still happens, several times before it counts as
# settled.
TINY = (
    *("layers=1", "heads=1", "width=8", "context=8", "batch_size=2", "optimizer=adamw", "lr=1e-3", "warmup=10"),
    *("precision=fp32", "device=cpu", "threads=1", "eval_every=2500", "sample_every=2500", "sample_tokens=60"),
    *("checkpoint_every=2500", "seed=1"),
)


@dataclass(frozen=True)
class Look:
    """The memory of the process after `step` steps, `seconds` after it started."""

    seconds: float
    step: int
    rss_bytes: int


def newest_step(runs_dir: Path) -> int:
    """The newest step in the journal of the only run in a folder; 0 before the first."""
    for journal in runs_dir.glob("*/journal.jsonl"):
        with journal.open("rb") as file:
            file.seek(max(0, journal.stat().st_size - 8192))
            steps = re.findall(rb'"kind":"step".*?"step":(\d+)', file.read())
        return int(steps[-1]) if steps else 0
    return 0


def has_ended(runs_dir: Path) -> bool:
    """Whether the journal of the only run in a folder is closed."""
    return any(b'"kind":"ended"' in path.read_bytes()[-4096:] for path in runs_dir.glob("*/journal.jsonl"))


def watch(process_id: int, runs_dir: Path, wait: Callable[[float], object]) -> list[Look]:
    """Read the memory of a process until the last step of its run. Raises BenchError if it ends before."""
    process, began, looks = psutil.Process(process_id), time.perf_counter(), []
    while not has_ended(runs_dir):
        wait(SECONDS_BETWEEN_LOOKS)
        try:
            rss = process.memory_info().rss
        except psutil.NoSuchProcess:
            rss = 0
        if not rss and not has_ended(runs_dir):
            raise BenchError("The program ended before its run did.")
        if rss:
            looks.append(Look(time.perf_counter() - began, newest_step(runs_dir), rss))
    return looks


def train_headless(arguments: Sequence[str], runs_dir: Path) -> list[Look]:
    """Measure a run without a screen."""
    command = program(*arguments, "--headless")
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            return watch(process.pid, runs_dir, time.sleep)
        finally:
            process.wait(timeout=60)


def train_on_screen(arguments: Sequence[str], runs_dir: Path) -> list[Look]:
    """Measure a run with its screen, in a terminal of its own."""
    with terminal(program(*arguments)) as screen:

        def wait(seconds: float) -> None:
            screen.drain(seconds)
            screen.output = b""  # what was painted is not needed

        return watch(screen.process.pid, runs_dir, wait)


WAYS = {"headless": train_headless, "screen": train_on_screen}


def rss_after(looks: Sequence[Look], step: int) -> float:
    """RSS in MiB at the first look at or after a step, else at the last look."""
    return next((look for look in looks if look.step >= step), looks[-1]).rss_bytes / MIB


def figures(looks: Sequence[Look], steps: int) -> dict[str, Any]:
    """Memory from `SETTLED_STEPS` to the end; the slope is of a line fitted to all looks."""
    settled = [look for look in looks if look.step >= SETTLED_STEPS]
    if len(settled) < 4:
        raise BenchError(f"Too few looks after step {SETTLED_STEPS:,}: ask for more steps.")
    training = [look for look in settled if look.step < steps]
    x, y = np.array([(look.step, look.rss_bytes) for look in training], dtype=float).T
    slope = float(np.polyfit(x - x[0], y, 1)[0])
    before, after = rss_after(looks, SETTLED_STEPS), rss_after(looks, steps)
    grown = after - before
    return {
        "seconds": round(looks[-1].seconds, 1),
        "looks": len(looks),
        f"rss_mib_after_{SETTLED_STEPS}_steps": round(before, 2),
        f"rss_mib_after_{steps}_steps": round(after, 2),
        "highest_rss_mib": round(max(look.rss_bytes for look in looks) / MIB, 2),
        "growth_mib": round(grown, 2),
        "growth_bytes_per_step": round(grown * MIB / (steps - SETTLED_STEPS), 2),
        "growth_mib_second_half": round(after - rss_after(looks, steps // 2), 2),
        "slope_bytes_per_step": round(slope, 2),
        "rss_mib_by_step": {
            step: round(rss_after(looks, step), 2) for step in range(SETTLED_STEPS, steps + 1, max(1, steps // 10))
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=100_000)
    parser.add_argument("--way", choices=[*WAYS, "both"], default="both")
    parser.add_argument("--set", dest="settings", action="append", default=[], metavar="KEY=VALUE")
    options = parser.parse_args()
    if options.steps <= SETTLED_STEPS:
        parser.error(f"--steps must be above {SETTLED_STEPS}: growth is counted from there")
    result: dict[str, Any] = {"machine": machine_facts(1), "steps": options.steps, "ways": {}}
    for way in WAYS if options.way == "both" else [options.way]:
        with tempfile.TemporaryDirectory() as runs_dir:
            settings = [word for pair in (*TINY, *options.settings) for word in ("--set", pair)]
            arguments = ["train", "--runs-dir", runs_dir, "--steps", str(options.steps), *settings]
            found = figures(WAYS[way](arguments, Path(runs_dir)), options.steps)
        before, after = (found[f"rss_mib_after_{step}_steps"] for step in (SETTLED_STEPS, options.steps))
        narrate(
            f"{way}: {before:.1f} MiB after {SETTLED_STEPS:,} steps, {after:.1f} after {options.steps:,}: "
            f"{found['growth_mib']:+.2f} MiB, {found['growth_bytes_per_step']:+.1f} bytes a step, "
            f"{found['growth_mib_second_half']:+.2f} MiB of it in the second half"
        )
        result["ways"][way] = found
    result["load_average_after"] = load_now()
    print_result(result)


if __name__ == "__main__":
    main()
