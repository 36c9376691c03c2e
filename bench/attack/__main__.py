"""Attack the program with kills, full disks, damaged files, links, pipes and hostile text, and count what falls.

    python -m bench.attack                      ten minutes: as many as fit, and the seed chooses which come first
    python -m bench.attack --minutes 90         all of them
    python -m bench.attack --quick              one or two of each kind, a minute or two
    python -m bench.attack --kind kills --seed 7
    python -m bench.attack --case "kills/an empty run folder" --folder /tmp/attack

The real program is run, in a process group of its own, on tiny runs in a folder of its own. Every attack draws from
its own random numbers, made of the seed and its name, so that one alone can be repeated. On standard output is a table
of what was tried and what fell, with the command line of each failure; the exit code is 1 if anything fell.
"""

from __future__ import annotations

import argparse
import itertools
import json
import shlex
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from types import ModuleType

from bench.attack import (
    full_disks_and_pipes,
    hostile_text,
    kills,
    links_and_pipes,
    mutated_files,
    terminals,
    vanishing_folders,
)
from bench.attack.sandbox import COLUMNS, CannotTryError, Case, Fault, Sandbox
from bench.measuring import BenchError, narrate

MODULES: tuple[ModuleType, ...] = (
    *(kills, vanishing_folders, full_disks_and_pipes, mutated_files, links_and_pipes, hostile_text, terminals),
)
KINDS: dict[str, list[Case]] = {module.__name__.rpartition(".")[2]: module.cases() for module in MODULES}
SLOW_MACHINE = 4.0  # a training of 20 steps that takes more than 20 s / 4 counts as a slow machine


@dataclass(frozen=True)
class Result:
    """What became of one attack; `not_tried` says why there was none."""

    kind: str
    name: str
    commands: int
    seconds: float
    faults: tuple[Fault, ...]
    not_tried: str = ""


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parse(arguments)
    kinds = options.kind or list(KINDS)
    chosen = choose_cases(kinds, seed=options.seed, quick=options.quick, only=options.case)
    with tempfile.TemporaryDirectory(prefix="attack-", ignore_cleanup_errors=True) as temporary:
        results = attack(chosen, Path(options.folder or temporary).resolve(), options.seed, options.minutes)
    if options.json:
        print(json.dumps([asdict(result) for result in results]))
    else:
        print(table(results))
        print(failures(results, options.seed))
    return 1 if any(result.faults for result in results) else 0


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.attack", description="attacks on the program")
    parser.add_argument("--kind", action="append", choices=list(KINDS), help="only this kind; repeat for more")
    parser.add_argument("--case", default="", help="only attacks whose KIND/NAME contains this")
    parser.add_argument("--quick", action="store_true", help="one or two of each kind")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=8.5, help="no attack begins after this time")
    parser.add_argument("--folder", type=Path, help="where the runs are made, and stay; default: a temporary folder")
    parser.add_argument("--json", action="store_true", help="one JSON document in place of the table")
    return parser.parse_args(arguments)


def choose_cases(kinds: Sequence[str], *, seed: int = 1, quick: bool = False, only: str = "") -> list[tuple[str, Case]]:
    """The attacks, one of each kind in turn, in an order that the seed chooses: time seldom suffices for all."""
    chosen = [
        [(kind, case) for case in KINDS[kind] if only in f"{kind}/{case.name}" and (case.quick or not quick)]
        for kind in kinds
    ]
    for number, cases in enumerate(chosen):
        Random(seed + number).shuffle(cases)
    return [one for turn in itertools.zip_longest(*chosen) for one in turn if one is not None]


def attack(chosen: Sequence[tuple[str, Case]], folder: Path, seed: int, minutes: float) -> list[Result]:
    """Try every chosen case in `folder`, one program at a time."""
    base, seconds = make_base_run(folder)
    deadline = time.monotonic() + minutes * 60
    results = []
    for number, (kind, case) in enumerate(chosen, 1):
        if time.monotonic() > deadline:
            results.append(Result(kind, case.name, 0, 0.0, (), f"the {minutes:g} minutes were over"))
            continue
        result = try_case(kind, case, folder / f"{number:03d}", base, seed, seconds * SLOW_MACHINE)
        fell = ", ".join(dict.fromkeys(fault.column for fault in result.faults))
        narrate(f"{number}/{len(chosen)} {kind}/{case.name}: {fell or result.not_tried or 'survived'}")
        results.append(result)
    return results


def make_base_run(folder: Path) -> tuple[Path, float]:
    """A runs folder with one finished run to copy, and how long its training took. Raises BenchError."""
    sandbox = Sandbox(folder / "base", folder, Random(0))
    sandbox.hang_seconds = 300.0
    outcome = sandbox.run(*sandbox.training_words(name="base"))
    if sandbox.faults:
        raise BenchError(f"The program cannot train a tiny run here: {sandbox.faults[0].sentence}")
    return sandbox.runs, outcome.seconds


def try_case(kind: str, case: Case, folder: Path, base: Path, seed: int, hang_seconds: float = 0.0) -> Result:
    """One attack in a new `folder`. A command hangs after 20 s, or `hang_seconds` on a slower machine."""
    sandbox = Sandbox(folder, base, Random(f"{seed}/{kind}/{case.name}"))
    sandbox.hang_seconds = max(sandbox.hang_seconds, hang_seconds)
    began, not_tried = time.monotonic(), ""
    try:
        case.attack(sandbox)
        sandbox.look_around()
    except CannotTryError as error:
        not_tried = str(error)
    return Result(
        kind, case.name, sandbox.commands, time.monotonic() - began, tuple(dict.fromkeys(sandbox.faults)), not_tried
    )


def table(results: Sequence[Result]) -> str:
    """A row for each kind: tried, survived, and what fell."""
    heads = ("kind", "tried", "survived", *COLUMNS, "not tried")
    kinds = dict.fromkeys(result.kind for result in results)
    rows = [heads, *(_row(kind, [one for one in results if one.kind == kind]) for kind in kinds)]
    rows.append(_row("all", results))
    widths = [max(len(row[column]) for row in rows) for column in range(len(heads))]
    return "\n".join(
        "  ".join(cell.ljust(width) if not index else cell.rjust(width) for index, (cell, width) in enumerate(pairs))
        for pairs in (list(zip(row, widths, strict=True)) for row in rows)
    )


def _row(kind: str, results: Sequence[Result]) -> tuple[str, ...]:
    tried = [result for result in results if not result.not_tried]
    counts = [sum(fault.column == column for one in tried for fault in one.faults) for column in COLUMNS]
    survived = sum(not result.faults for result in tried)
    return kind, *map(str, (len(tried), survived, *counts, len(results) - len(tried)))


def failures(results: Sequence[Result], seed: int) -> str:
    """Each failure with its command line and how to repeat the attack, and why some were not tried."""
    lines = []
    for result in results:
        if result.faults:
            case = shlex.quote(f"{result.kind}/{result.name}")
            lines += [f"\n{result.kind}/{result.name}", f"  repeat: python -m bench.attack --case {case} --seed {seed}"]
        for fault in result.faults:
            lines += [f"  {fault.column}: {fault.sentence}", *([f"    {fault.command}"] if fault.command else [])]
    reasons = dict.fromkeys(result.not_tried for result in results if result.not_tried)
    for reason in reasons:
        count = sum(result.not_tried == reason for result in results)
        lines.append(f"\n{count} not tried: {reason}.")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
