"""What the screen costs: tokens per second with and without it, and how fast a key shows while training.

Screen and headless runs alternate (A B A B) with the same seed; speed is tokens over the summed step times of each
run's own journal, after the first steps. Key latency is from the byte written to the terminal until the terminal has
been painted with the answer (the curves smoothed anew).

    python -m bench.speed.screen_cost --rounds 3 --steps 600
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np

from babytrain.runs.journal import load_state
from bench.speed.terminal import Terminal, program, terminal

WARM_UP_STEPS = 50


def speed(runs_dir: str) -> float:
    """Tokens per second of the only run in a folder."""
    (journal,) = Path(runs_dir).glob("*/journal.jsonl")
    steps = load_state(journal).steps
    seconds = steps.step_seconds[WARM_UP_STEPS : steps.count].sum()
    return float((steps.tokens[steps.count - 1] - steps.tokens[WARM_UP_STEPS - 1]) / seconds)


def arguments(runs_dir: str, steps: int, extra: list[str]) -> list[str]:
    return ["train", "--runs-dir", runs_dir, "--steps", str(steps), "--seed", "1", *extra]


def headless_speed(steps: int, extra: list[str]) -> float:
    with tempfile.TemporaryDirectory() as runs_dir:
        subprocess.run(
            program(*arguments(runs_dir, steps, extra), "--headless"), check=True, capture_output=True, timeout=1800
        )
        return speed(runs_dir)


def screen_speed(steps: int, extra: list[str]) -> float:
    with tempfile.TemporaryDirectory() as runs_dir, terminal(program(*arguments(runs_dir, steps, extra))) as screen:
        wait_until_ended(screen, Path(runs_dir))
        return speed(runs_dir)


def wait_until_ended(screen: Terminal, runs_dir: Path) -> None:
    deadline = time.perf_counter() + 1800
    while time.perf_counter() < deadline:
        screen.drain(0.25)
        if any(b'"kind":"ended"' in path.read_bytes()[-2000:] for path in runs_dir.glob("*/journal.jsonl")):
            return
    raise TimeoutError("the run did not end")


def key_latencies(presses: int, extra: list[str]) -> list[float]:
    """Milliseconds from a key to its painted answer while training at full speed: `m` smooths the curves anew."""
    latencies = []
    answers = [b"EMA 0.98", b"EMA 0.995", None, b"EMA 0.95"]  # the third is no smoothing, which has no name of its own
    with (
        tempfile.TemporaryDirectory() as runs_dir,
        terminal(program(*arguments(runs_dir, 1_000_000, extra))) as screen,
    ):
        while not any(b'"kind":"step"' in path.read_bytes() for path in Path(runs_dir).glob("*/journal.jsonl")):
            screen.drain(0.1)
        screen.drain(3.0)
        for press in range(presses):
            screen.drain(0.25 + 0.013 * (press % 17))  # at every phase of the frame timer
            answer, before, pressed = answers[press % 4], len(screen.output), time.perf_counter()
            screen.press(b"m")
            while answer and answer not in screen.output[before:]:
                screen.read(0.5)
                if time.perf_counter() - pressed > 2:
                    raise TimeoutError(f"{answer!r} was not painted")
            if answer:
                latencies.append(1000 * (time.perf_counter() - pressed))
    return latencies


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--presses", type=int, default=100)
    parser.add_argument("extra", nargs="*", help="further arguments for `train`, after --")
    options = parser.parse_args()
    pairs = []
    for round_number in range(options.rounds):
        ways = [headless_speed, screen_speed] if round_number % 2 == 0 else [screen_speed, headless_speed]
        figures = {way.__name__: way(options.steps, options.extra) for way in ways}
        pairs.append((figures["screen_speed"], figures["headless_speed"]))
        print(f"round {round_number + 1}: screen {pairs[-1][0]:,.0f}, headless {pairs[-1][1]:,.0f} tok/s", flush=True)
    ratios = [screen / headless for screen, headless in pairs]
    latencies = key_latencies(options.presses, options.extra)
    result = {
        "screen_over_headless": statistics.median(ratios),
        "ratios": ratios,
        "headless_tokens_per_second": statistics.median(headless for _, headless in pairs),
        "key_to_screen_ms": {f"p{q}": float(np.percentile(latencies, q)) for q in (50, 95, 99)},
    }
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
