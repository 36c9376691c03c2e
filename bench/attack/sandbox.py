"""Where one attack happens: a folder with runs, files of somebody else beside them, and what must hold after all of it.

Every command that is run through a `Sandbox` is checked for what must never happen: a hang, a traceback or the name of
an exception, an exit code that was not expected, and with `look_around` a file of somebody else that was touched.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import IO, Any

from bench.attack.program import (
    HANG_SECONDS,
    Outcome,
    Program,
    Screen,
    program_environment,
    program_words,
    start_program,
)

LOST, FOLLOWED, HANG = "lost runs", "followed links", "hangs over 20 s"
TRACEBACK, CODE, OBEYED, UNTRUE = "tracebacks", "wrong exit codes", "control characters", "untrue words"
COLUMNS = (LOST, FOLLOWED, HANG, TRACEBACK, CODE, OBEYED, UNTRUE)

DONE, FAILED, USAGE, INTERRUPTED = 0, 1, 2, 130
ANY_ANSWER = (DONE, FAILED, USAGE)
TEXT = "".join(f"the snake number {i} sleeps under stone {i * 7 % 13} until spring comes back\n" for i in range(60))
TINY = {
    "layers": 1,
    "heads": 2,
    "width": 16,
    "context": 16,
    "batch_size": 4,
    "optimizer": "adamw",
    "lr": 3e-3,
    "warmup": 3,
    "steps": 20,
    "eval_every": 10,
    "sample_every": 10,
    "sample_tokens": 12,
    "checkpoint_every": 5,
    "threads": 1,
    "device": "cpu",
    "precision": "fp32",
    "matmul_backend": "torch",
    "compile": "off",
}
LONG = {"steps": 1200, "eval_every": 200, "sample_every": 400, "checkpoint_every": 100}  # about four seconds
_TRACEBACK = re.compile(
    r"Traceback \(most recent|\b(?:[A-Z][A-Za-z]*)?[a-z](?:Error|Exception|Interrupt)\b|panicked at|\[enforce fail"
    r"|should not have happened"
)


@dataclass(frozen=True)
class Fault:
    """Something that fell: the column it counts in, one sentence, and the command line it happened with."""

    column: str
    sentence: str
    command: str = ""


@dataclass(frozen=True)
class Case:
    """One attack. `quick` cases are tried by `--quick` too."""

    name: str
    attack: Callable[[Sandbox], None]
    quick: bool = False


class CannotTryError(Exception):
    """An attack that this machine does not allow; the message says why."""


@dataclass
class Sandbox:
    """The folder of one attack; `base` is a runs folder with one finished run that can be copied."""

    folder: Path
    base: Path
    random: Random
    faults: list[Fault] = field(default_factory=list)
    commands: int = 0

    def __post_init__(self) -> None:
        self.runs, self.foreign, self.home = (self.folder / name for name in ("runs", "foreign", "home"))
        for folder in (self.runs, self.foreign, self.home):
            folder.mkdir(parents=True)
        self.text = self.folder / "snakes.txt"
        self.text.write_text(TEXT, encoding="utf-8")
        self.environment: dict[str, str | None] = {}
        self.hang_seconds = HANG_SECONDS
        (self.foreign / "photographs-20260101-120000").mkdir()
        for name in ("letter.txt", "photographs-20260101-120000/beach.jpg"):
            (self.foreign / name).write_text(f"{name} belongs to somebody else\n", encoding="utf-8")
            os.utime(self.foreign / name, (1_000_000_000, 1_000_000_000))
        self._foreign_before = self._foreign_facts()

    @property
    def letter(self) -> Path:
        """A file of somebody else."""
        return self.foreign / "letter.txt"

    @property
    def photographs(self) -> Path:
        """A folder of somebody else whose name ends like that of a run."""
        return self.foreign / "photographs-20260101-120000"

    # Running the program

    def start(
        self,
        *arguments: str,
        stdin: int | IO[bytes] | None = subprocess.DEVNULL,
        stdout: int | IO[bytes] | None = None,
        stderr: int | IO[bytes] | None = None,
        before: Callable[[], None] | None = None,
    ) -> Program:
        """Start the program; end with `finish`."""
        words = program_words(*arguments)
        return self.start_words(words, stdin=stdin, stdout=stdout, stderr=stderr, before=before)

    def start_words(self, words: Sequence[str], **streams: Any) -> Program:
        """Start any command line in the folder and the environment of the attack."""
        self.commands += 1
        return start_program(words, folder=self.folder, environment=self._variables(), **streams)

    def finish(
        self, program: Program | Screen, codes: Collection[int] = (DONE,), *, said: bytes | None = None
    ) -> Outcome:
        """Wait for its end and check what must hold for every command. `said` is an output kept elsewhere."""
        outcome = program.finish(self.hang_seconds)
        if said is not None:
            outcome = Outcome(outcome.command, outcome.code, said, outcome.messages, outcome.seconds)
        if outcome.code is None:
            self.fault(HANG, f"did not end within {self.hang_seconds:.0f} s; {outcome.last_words}", outcome)
        elif outcome.code not in codes:
            wanted = " or ".join(map(str, codes))
            self.fault(CODE, f"ended with {outcome.code} and not {wanted}: {outcome.last_words}", outcome)
        if (found := _TRACEBACK.search(outcome.text)) is not None:
            self.fault(TRACEBACK, f"{found.group()!r} in its output: {outcome.last_words}", outcome)
        return outcome

    def run(self, *arguments: str, codes: Collection[int] = (DONE,), **streams: Any) -> Outcome:
        """Run the program to its end and check it."""
        return self.finish(self.start(*arguments, **streams), codes)

    def read_json(self, *arguments: str, codes: Collection[int] = (DONE,)) -> Any:
        """What a command with `--json` wrote, None when that is not strict JSON."""
        outcome = self.run(*arguments, "--json", codes=codes)
        if outcome.code != DONE:
            return None
        try:
            return json.loads(outcome.output, parse_constant=_refuse_constant)
        except (ValueError, RecursionError) as error:
            self.fault(UNTRUE, f"not strict JSON ({error}): {outcome.last_words}", outcome)
            return None

    def screen(self, *arguments: str, columns: int = 100, rows: int = 30) -> Screen:
        """Start the program on a pseudo-terminal."""
        self.commands += 1
        words, variables = program_words(*arguments), self._variables()
        return Screen(words, folder=self.folder, environment=variables, columns=columns, rows=rows)

    def _variables(self) -> Mapping[str, str]:
        return program_environment(self.home, self.environment)

    # Runs

    def training_words(self, *, name: str = "victim", text: str = "", **settings: Any) -> list[str]:
        """The arguments that train a tiny run in the runs folder."""
        chosen = [f"--set={key}={value}" for key, value in (TINY | settings).items()]
        return ["train", text or str(self.text), "--runs-dir", str(self.runs), "--name", name, "--headless", *chosen]

    def start_long_training(self, *, name: str = "victim", steps_before: int = 200, **streams: Any) -> Program:
        """Start a training of about four seconds, and return when it has trained `steps_before` of its steps."""
        program = self.start(*self.training_words(name=name, **LONG), **streams)
        program.wait_until(lambda: newest_step(self.runs) >= steps_before, self.hang_seconds)
        return program

    def copy_run(self, name: str = "victim") -> Path:
        """A copy of the finished run as another one; returns its folder."""
        (source,) = run_folders(self.base)
        folder = self.runs / f"{name}-20260101-000001"
        shutil.copytree(source, folder, symlinks=True)
        journal = folder / "journal.jsonl"
        content = journal.read_text(encoding="utf-8")
        journal.write_text(content.replace(source.name, folder.name).replace('"name":"base"', f'"name":"{name}"'))
        return folder

    def listed(self, codes: Collection[int] = (DONE,)) -> dict[str, dict[str, Any]]:
        """What `runs list --json` says, by run id."""
        document = self.read_json("runs", "list", "--runs-dir", str(self.runs), codes=codes)
        return {run["run_id"]: run for run in document} if isinstance(document, list) else {}

    def check_run(self, run_id: str = "", *, at_least: int = 1) -> None:
        """A run is listed, goes on by five steps, and writes. Without `run_id`: the only run, or the newest."""
        runs = self.listed()
        found = runs.get(run_id) if run_id else next(iter(runs.values()), None)
        if found is None:
            self.fault(LOST, f"{run_id or 'the run'} is not listed; there are {sorted(runs) or 'none'}")
            return
        run_id = str(found["run_id"])
        step = int(found.get("step") or 0)
        if found["status"] == "unreadable" or step < at_least:
            self.fault(LOST, f"{run_id} is {found['status']} at step {step}, of at least {at_least}")
        target = max(step, int(found.get("total_steps") or 0)) + 5
        resumed = self.run("resume", run_id, "--runs-dir", str(self.runs), "--steps", str(target), "--headless")
        if resumed.code != DONE:
            self.fault(LOST, f"{run_id} does not go on: {resumed.last_words}", resumed)
        self.check_sample(run_id)

    def check_sample(self, run_id: str) -> None:
        """A run can be listened to."""
        sampled = self.run("sample", run_id, "--runs-dir", str(self.runs), "--tokens", "3")
        if sampled.code != DONE or not sampled.output.strip(b"\n"):
            self.fault(LOST, f"{run_id} does not write: {sampled.last_words}", sampled)

    # Judging

    def fault(self, column: str, sentence: str, outcome: Outcome | None = None) -> None:
        """Put on record that something fell."""
        self.faults.append(Fault(column, sentence, outcome.command if outcome else ""))

    def look_around(self) -> None:
        """The files of somebody else are what they were, and no other file stands among them."""
        after = self._foreign_facts()
        before, self._foreign_before = self._foreign_before, after
        changes = [
            f"{name} was {'changed' if name in before and name in after else 'removed' if name in before else 'made'}"
            for name in sorted(before.keys() | after.keys())
            if before.get(name) != after.get(name)
        ]
        if changes:
            more = f", and {len(changes) - 3} more" if len(changes) > 3 else ""
            self.fault(FOLLOWED, f"in a folder of somebody else {', '.join(changes[:3])}{more}")

    def _foreign_facts(self) -> dict[str, tuple[bytes, float]]:
        return {
            str(path.relative_to(self.foreign)): (path.read_bytes(), path.stat().st_mtime)
            if path.is_file()
            else (b"folder", 0.0)
            for path in self.foreign.rglob("*")
        }


def _refuse_constant(word: str) -> float:
    raise ValueError(f"{word} is not JSON")


def run_folders(runs: Path) -> list[Path]:
    """The folders of the runs in a runs folder, by name."""
    return sorted(path for path in runs.glob("*") if path.is_dir() and not path.name.startswith("."))


def newest_step(runs: Path) -> int:
    """The newest step in any journal of a runs folder; 0 before the first."""
    newest = 0
    for journal in runs.glob("*/journal.jsonl"):
        try:
            tail = journal.read_bytes()[-4096:]
        except OSError:  # on its way to another name
            continue
        steps = re.findall(rb'"kind":"step".*?"step":(\d+)', tail)
        newest = max(newest, int(steps[-1]) if steps else 0)
    return newest


def killed(program: Program) -> Outcome:
    """End a program with `kill -9`."""
    program.signal(signal.SIGKILL)
    return program.finish()
