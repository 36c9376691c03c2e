"""What the screen costs: tokens per second with and without it, and how fast a key shows while training.

Screen and headless runs alternate (A B A B) with the same seed; speed is tokens over the summed step times of each
run's own journal, after the first steps. Key latency is from the byte written to the terminal until the terminal has
been painted with the answer (the curves smoothed anew). The latency of a command is split at the moment at which the
engine applied it, as its journal says: before it the engine was at its step, after it the screen had not drawn yet.
`--busy` starts as many processes that only compute, as on a machine that does other work as well.

    python -m bench.speed.screen_cost --rounds 3 --steps 600
    python -m bench.speed.screen_cost --rounds 0 --busy 2
"""

from __future__ import annotations

import argparse
import contextlib
import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
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


def applied_latencies(presses: int, extra: list[str]) -> dict[str, list[float]]:
    """Milliseconds from a key that turns a dial until the engine applied it, and then until the screen said so."""
    painted: list[tuple[float, float, int]] = []  # when it was pressed and painted, seconds of the epoch, and the step
    with (
        tempfile.TemporaryDirectory() as runs_dir,
        terminal(program(*arguments(runs_dir, 1_000_000, extra))) as screen,
    ):
        while not any(b'"kind":"step"' in path.read_bytes() for path in Path(runs_dir).glob("*/journal.jsonl")):
            screen.drain(0.1)
        screen.drain(3.0)
        for press in range(presses):
            screen.drain(1.0 + 0.037 * (press % 17))
            before, pressed = len(screen.output), time.time()
            screen.press(b"-" if press % 2 else b"+")
            answered = step = painted[-1][2] if painted else -1
            while answered == step:
                screen.read(0.5)
                steps = re.findall(rb"applied at step ([\d,]+)", screen.output[before:])
                answered = int(steps[-1].replace(b",", b"")) if steps else step
                if time.time() - pressed > 20:
                    raise TimeoutError("it was not painted that the dial was turned")
            painted.append((pressed, time.time(), answered))
        screen.drain(1.0)
        (journal,) = Path(runs_dir).glob("*/journal.jsonl")
        state = load_state(journal)
    assert state.started is not None
    commands = state.commands.events
    applied = [state.started.wall_time + command.t for command in commands if command.status == "applied"]
    rows = list(zip(painted, applied, strict=True))
    return {
        "asked_to_engine_ms": [1000 * (at - pressed) for (pressed, _, _), at in rows],
        "applied_to_screen_ms": [1000 * (shown - at) for (_, shown, _), at in rows],
    }


@contextlib.contextmanager
def busy_processes(count: int) -> Iterator[None]:
    """As many processes that only compute."""
    processes = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--presses", type=int, default=100)
    parser.add_argument("--turns", type=int, default=30, help="presses that turn a dial")
    parser.add_argument("--busy", type=int, default=0, help="processes that only compute meanwhile")
    parser.add_argument("extra", nargs="*", help="further arguments for `train`, after --")
    options = parser.parse_args()
    with busy_processes(options.busy):
        print(json.dumps(measure(options), indent=1))


def measure(options: argparse.Namespace) -> dict[str, object]:
    pairs = []
    for round_number in range(options.rounds):
        ways = [headless_speed, screen_speed] if round_number % 2 == 0 else [screen_speed, headless_speed]
        figures = {way.__name__: way(options.steps, options.extra) for way in ways}
        pairs.append((figures["screen_speed"], figures["headless_speed"]))
        print(f"round {round_number + 1}: screen {pairs[-1][0]:,.0f}, headless {pairs[-1][1]:,.0f} tok/s", flush=True)
    ratios = [screen / headless for screen, headless in pairs]
    result: dict[str, object] = {"busy_processes": options.busy}
    if ratios:
        result["screen_over_headless"] = statistics.median(ratios)
        result["ratios"] = ratios
        result["headless_tokens_per_second"] = statistics.median(headless for _, headless in pairs)
    latencies = {} if not options.turns else applied_latencies(options.turns, options.extra)
    if options.presses:
        latencies["key_to_screen_ms"] = key_latencies(options.presses, options.extra)
    for name, waits in latencies.items():
        result[name] = {f"p{q}": round(float(np.percentile(waits, q)), 1) for q in (50, 95, 100)}
    return result


if __name__ == "__main__":
    main()
