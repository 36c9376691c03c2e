"""A held key, measured: `+` pressed thirty times a second for ten seconds while the real program trains.

What is asked: does the run get every press, at most one command a step while a step takes less than the
screen waits for an answer (2 s), and nothing but the learning rate; and
does the screen keep up, in frames and in the time from a key to the paint that answers it.

The factor of the learning rate is turned down to its floor first, so that ten seconds of presses have room below its
ceiling, and the run starts with a tiny learning rate, so that the guard has no reason to step in at a factor of a
million. A frame is a burst of output: anything painted more than `FRAME_GAP_SECONDS` after what came before it. A press
is answered when the factor that it asks for, or one that a later press asks for, is painted.

    python -m bench.speed.held_key --rate 30 --seconds 10
"""

from __future__ import annotations

import argparse
import bisect
import itertools
import json
import math
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from babytrain.runs.events import AnyEvent, Command, Ended, GuardEvent, Step
from babytrain.runs.journal import read_journal
from babytrain.tui.terminal.glyphs import GLYPHS
from babytrain.tui.text.wording import describe_command
from bench.measuring import machine_facts, narrate, print_result
from bench.speed.terminal import Terminal, program, terminal

STEP = 1.1  # of the key
LOWEST, HIGHEST = 1e-6, 1e6  # of the factor
FRAME_GAP_SECONDS = 0.004
LEARNING_RATES = ("--set", "lr=1e-9", "--set", "muon_lr=1e-9")
LONGEST_WAIT_SECONDS = 120.0


class Screen:
    """The painted output in chunks with their times, and the key presses."""

    def __init__(self, opened: Terminal) -> None:
        self.terminal = opened
        self.painted: list[float] = []  # seconds of the clock at which each chunk arrived
        self.ends: list[int] = []  # bytes painted by then
        self.pressed: list[float] = []
        self.pressed_at: list[int] = []  # bytes painted by then

    def watch(self, until: float) -> None:
        """Read what is painted until then."""
        while (left := until - time.perf_counter()) > 0:
            if self.terminal.read(left):
                self.painted.append(time.perf_counter())
                self.ends.append(len(self.terminal.output))

    def hold(self, key: bytes, rate: float, seconds: float) -> None:
        """Press a key at a steady rate, like keyboard repetition."""
        start = time.perf_counter()
        for press in range(round(rate * seconds)):
            self.watch(start + press / rate)
            self.pressed.append(time.perf_counter())
            self.pressed_at.append(len(self.terminal.output))
            self.terminal.press(key)
        self.watch(start + seconds)

    def frames(self, begin: float, end: float) -> list[float]:
        """When each frame in an interval began."""
        times = [at for at in self.painted if begin <= at < end]
        return [at for before, at in zip([-math.inf, *times], times, strict=False) if at - before > FRAME_GAP_SECONDS]

    def latencies(self, factors: Sequence[float]) -> list[float]:
        """Milliseconds from each press to the paint that answers it, without presses that change nothing."""
        waits: list[float] = []
        answered = math.inf
        previous = [None, *factors]
        for press in reversed(range(len(factors))):
            words = describe_command("lr_scale", factors[press], "", GLYPHS["braille"]).encode()
            place = self.terminal.output.find(words, self.pressed_at[press])
            chunk = bisect.bisect_right(self.ends, place)
            if place >= 0 and chunk < len(self.painted):  # what came later was painted while the run was stopped
                answered = min(answered, self.painted[chunk])
            if factors[press] != previous[press]:
                waits.append(1000 * (answered - self.pressed[press]))
        return waits


def frame_figures(starts: Sequence[float], begin: float, end: float) -> dict[str, float]:
    """Frames per second, and the longest time without one."""
    edges = [begin, *starts, end]
    return {
        "frames_per_second": round(len(starts) / (end - begin), 2),
        "longest_gap_ms": round(1000 * max(after - before for before, after in itertools.pairwise(edges)), 1),
    }


def expected_factors(factor: float, presses: int) -> list[float]:
    """The factor after each press if every press is applied."""
    factors = []
    for _ in range(presses):
        factor = min(HIGHEST, max(LOWEST, float(f"{factor * STEP:.6g}")))
        factors.append(factor)
    return factors


def command_figures(events: Sequence[AnyEvent], before: int, presses: int) -> dict[str, Any]:
    """The journal's commands from number `before` on, in figures."""
    commands = [event for event in events if isinstance(event, Command)]
    held = commands[before:]
    scales = [event for event in held if event.action == "lr_scale"]
    applied = [event for event in scales if event.status == "applied"]
    final = applied[-1].value if applied else None
    start = commands[before - 1].value if before else 1.0
    expected = expected_factors(start or 1.0, presses)[-1]
    return {
        "presses": presses,
        "lr_scale_events": len(scales),
        "lr_scale_applied": len(applied),
        "distinct_steps": len({event.step for event in applied}),
        "statuses": sorted({event.status for event in held}),
        "factor_before": start,
        "factor_asked": expected,
        "factor_applied": final,
        "every_press_counts": final is not None and math.isclose(final, expected, rel_tol=1e-5),
        "other_commands": sorted({event.action for event in held} - {"lr_scale"}),
        "rescues": sum(isinstance(event, GuardEvent) for event in events),
    }


def final_dials(runs_dir: Path) -> dict[str, Any]:
    """Dials in the checkpoint saved at the stop, and in the settings."""
    (last,) = runs_dir.glob("*/checkpoints/last")
    state = json.loads((last.parent / last.read_text().strip() / "trainer.json").read_text())
    return dict(state["dials"])


def journal_of(runs_dir: Path) -> Path:
    (journal,) = runs_dir.glob("*/journal.jsonl")
    return journal


def wait_for_training(screen: Screen, runs_dir: Path) -> None:
    """Wait until the first steps are on disk. Raises TimeoutError."""
    deadline = time.perf_counter() + LONGEST_WAIT_SECONDS
    while time.perf_counter() < deadline:
        screen.watch(time.perf_counter() + 0.2)
        if any(b'"kind":"step"' in path.read_bytes() for path in runs_dir.glob("*/journal.jsonl")):
            return
    raise TimeoutError("the run did not begin")


def stop(screen: Screen, runs_dir: Path) -> None:
    """Save and stop with the keys of the program. Raises TimeoutError."""
    screen.terminal.press(b"q")
    screen.watch(time.perf_counter() + 1.0)
    screen.terminal.press(b"s")
    screen.terminal.wait_end(LONGEST_WAIT_SECONDS)
    if not any(isinstance(event, Ended) for event in read_journal(journal_of(runs_dir)).events[-20:]):
        raise TimeoutError("the run did not end in order")


def measure(rate: float, seconds: float, extra: Sequence[str]) -> dict[str, Any]:
    """One run: quiet, factor down to the floor, quiet, the held key, stopped in order."""
    with tempfile.TemporaryDirectory() as folder:
        runs_dir = Path(folder)
        arguments = ["train", "--runs-dir", folder, "--steps", "1000000", "--seed", "1", *LEARNING_RATES, *extra]
        with terminal(program(*arguments), environment={"BABYTRAIN_CHARSET": "braille"}) as opened:
            screen = Screen(opened)
            wait_for_training(screen, runs_dir)
            down = math.ceil(math.log(LOWEST) / math.log(1 / STEP)) + 5
            screen.hold(b"-", 2 * rate, down / (2 * rate))
            screen.watch(time.perf_counter() + 3.0)
            before = sum(isinstance(event, Command) for event in read_journal(journal_of(runs_dir)).events)
            quiet = time.perf_counter()
            screen.watch(quiet + seconds)
            screen.pressed.clear()
            screen.pressed_at.clear()
            begin = time.perf_counter()
            screen.hold(b"+", rate, seconds)
            end = time.perf_counter()
            screen.watch(end + 2.0)
            stop(screen, runs_dir)
        events = read_journal(journal_of(runs_dir)).events
        (started,) = [event for event in events if event.step == 0 and hasattr(event, "config")]
        dials = final_dials(runs_dir)
        waits = screen.latencies(expected_factors(LOWEST, len(screen.pressed)))
        quiet_steps, held_steps = _steps_in(events, before, seconds)
        return {
            **command_figures(events, before, len(screen.pressed)),
            "dials_changed": sorted(
                name
                for name, value in dials.items()
                if (name in started.config and started.config[name] != value)
                or (name == "lr_hold" and value is not None)
                or (name.startswith("rewarm") and value)
            ),
            "steps_during_quiet": quiet_steps,
            "steps_during_hold": held_steps,
            "quiet": frame_figures(screen.frames(quiet, begin), quiet, begin),
            "hold": frame_figures(screen.frames(begin, end), begin, end),
            "key_to_screen_ms": {f"p{q}": round(float(np.percentile(waits, q)), 1) for q in (50, 95, 99, 100)},
            "presses_never_shown": sum(math.isinf(wait) for wait in waits),
        }


def _steps_in(events: Sequence[AnyEvent], before: int, seconds: float) -> tuple[int, int]:
    """Steps in the seconds before the first press was applied, and after it."""
    commands = [event for event in events if isinstance(event, Command)][before:]
    if not commands:
        return 0, 0
    t = commands[0].t
    steps = [(event.t, event.step) for event in events if isinstance(event, Step)]  # of a long run not every one

    def newest(until: float) -> int:
        return max((step for at, step in steps if at < until), default=0)

    return newest(t) - newest(t - seconds), newest(t + seconds) - newest(t)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=float, default=30.0, help="presses a second")
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("extra", nargs="*", help="further arguments for `train`, after --")
    options = parser.parse_args()
    facts = machine_facts(0)
    narrate(f"holding + at {options.rate:g} a second for {options.seconds:g} s")
    print_result(facts | measure(options.rate, options.seconds, options.extra))


if __name__ == "__main__":
    main()
