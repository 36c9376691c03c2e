"""Start-up: command to first painted screen (and whether torch was loaded by then), and on to the first training step.

python -m bench.speed.startup --repeats 10
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path

from bench.speed.terminal import has_loaded, program, terminal

FIRST_PAINT_MARK = b"babytrain"


def home_paint_seconds(runs_dir: str) -> tuple[float, bool]:
    """Seconds to the first painted home screen, and whether torch was mapped then."""
    with terminal(program("--runs-dir", runs_dir)) as screen:
        seconds = screen.wait_for(FIRST_PAINT_MARK, 30)
        return seconds, has_loaded(screen.process.pid, "libtorch")


def training_seconds(runs_dir: str) -> tuple[float, float]:
    """Seconds to the first painted training screen, and from there to the first step in the journal."""
    with terminal(program("train", "--runs-dir", runs_dir)) as screen:
        painted = screen.wait_for(FIRST_PAINT_MARK, 30)
        deadline = time.perf_counter() + 60
        while time.perf_counter() < deadline:
            screen.read(0.01)
            if any(b'"kind":"step"' in path.read_bytes() for path in Path(runs_dir).glob("*/journal.jsonl")):
                return painted, time.perf_counter() - screen.started - painted
    raise TimeoutError("no step within a minute")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=10)
    options = parser.parse_args()
    home, train_paint, first_step, torch_loaded = [], [], [], []
    for _ in range(options.repeats + 1):  # the first round warms the file cache and is dropped
        with tempfile.TemporaryDirectory() as runs_dir:
            seconds, loaded = home_paint_seconds(runs_dir)
            home.append(seconds)
            torch_loaded.append(loaded)
            painted, step = training_seconds(runs_dir)
            train_paint.append(painted)
            first_step.append(step)
    result = {
        "home_first_paint_seconds": statistics.median(home[1:]),
        "home_first_paint_seconds_worst": max(home[1:]),
        "torch_loaded_at_first_paint": any(torch_loaded),
        "train_first_paint_seconds": statistics.median(train_paint[1:]),
        "first_step_after_paint_seconds": statistics.median(first_step[1:]),
        "first_step_after_paint_seconds_worst": max(first_step[1:]),
        "repeats": options.repeats,
    }
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
