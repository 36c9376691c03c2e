"""Ends that nobody planned: `kill -9` at any moment, signals, what the first instant leaves behind.

`bench.machine.kill` kills the engine far more often and compares bits; here it is the program, and every command after
it.
"""

from __future__ import annotations

import signal
import time
from functools import partial

from bench.attack.sandbox import (
    DONE,
    FAILED,
    INTERRUPTED,
    LONG,
    LOST,
    USAGE,
    Case,
    Sandbox,
    killed,
    newest_step,
    run_folders,
)

READING = (("runs", "list"), ("runs", "tree"), ("bill",))
OF_ONE_RUN = (("runs", "show"), ("runs", "checkpoints"), ("sample",), ("report",), ("frame",), ("resume", "--headless"))


def cases() -> list[Case]:
    """Every attack of this kind."""
    return [
        *(Case(f"killed at the start {number}", kill_at_the_start, quick=number == 1) for number in (1, 2, 3)),
        *(Case(f"killed while training {number}", kill_while_training, quick=number == 1) for number in (1, 2)),
        Case("killed while it resumes", kill_while_resuming),
        Case("killed while it forks", kill_while_forking),
        *(
            Case(f"stopped by {number.name}", partial(stop_by_signal, number), quick=number is signal.SIGTERM)
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        ),
        Case("stopped by Ctrl-C twice", stop_twice),
        Case("an empty run folder", partial(leave_parts, ()), quick=True),
        Case("a run folder with run.toml alone", partial(leave_parts, ("run.toml",))),
        Case("a run folder with all but the journal", partial(leave_parts, ("run.toml", "tokenizer.json", "lock"))),
        Case("a run folder with an empty journal", leave_empty_journal),
        Case("stray drafts of checkpoints", stray_drafts),
    ]


def look_with_every_command(sandbox: Sandbox, run_id: str) -> None:
    """No command falls over a folder that is no whole run."""
    where = ("--runs-dir", str(sandbox.runs))
    for words in READING:
        sandbox.run(*words, *where)
    for words in OF_ONE_RUN:
        out = ("--out", str(sandbox.folder / f"{words[0]}.out")) if words[0] in ("report", "frame") else ()
        sandbox.run(*words, run_id, *out, *where, codes=(DONE, FAILED, USAGE))


def kill_at_the_start(sandbox: Sandbox) -> None:
    """Killed before or just after its first step: what is left is shown for what it is."""
    program = sandbox.start(*sandbox.training_words())
    program.wait_until(lambda: bool(run_folders(sandbox.runs)), sandbox.hang_seconds)
    time.sleep(sandbox.random.uniform(0.0, 0.3))
    killed(program)
    for folder in run_folders(sandbox.runs):
        look_with_every_command(sandbox, folder.name)


def kill_while_training(sandbox: Sandbox) -> None:
    """Killed in the middle, resumed, killed again: the run goes on every time."""
    program = sandbox.start_long_training(steps_before=sandbox.random.randint(110, 600))
    killed(program)
    (folder,) = run_folders(sandbox.runs)
    before = newest_step(sandbox.runs)
    program = sandbox.start("resume", folder.name, "--runs-dir", str(sandbox.runs), "--headless")
    program.wait_until(lambda: newest_step(sandbox.runs) > before, sandbox.hang_seconds)
    killed(program)
    sandbox.check_run(folder.name, at_least=100)


def kill_while_resuming(sandbox: Sandbox) -> None:
    """Killed at a random moment of three resumes, most of them before a step."""
    folder = sandbox.copy_run()
    for _ in range(3):
        program = sandbox.start("resume", folder.name, "--runs-dir", str(sandbox.runs), "--headless", "--steps", "40")
        time.sleep(sandbox.random.uniform(0.8, 3.0))
        killed(program)
    sandbox.check_run(folder.name, at_least=20)


def kill_while_forking(sandbox: Sandbox) -> None:
    """The original is what it was, and what there is of the fork hurts nobody."""
    folder = sandbox.copy_run()
    program = sandbox.start("fork", folder.name, "--runs-dir", str(sandbox.runs), "--headless", "--steps", "60")
    program.wait_until(lambda: len(run_folders(sandbox.runs)) > 1, sandbox.hang_seconds)
    time.sleep(sandbox.random.uniform(0.0, 0.2))
    killed(program)
    for other in run_folders(sandbox.runs):
        if other != folder:
            look_with_every_command(sandbox, other.name)
    sandbox.check_run(folder.name, at_least=20)


def stop_by_signal(number: signal.Signals, sandbox: Sandbox) -> None:
    """A signal saves and stops, and the exit code says that it was stopped."""
    program = sandbox.start_long_training()
    program.signal(number)
    sandbox.finish(program, (INTERRUPTED,))
    sandbox.check_run(at_least=200)


def stop_twice(sandbox: Sandbox) -> None:
    """The second Ctrl-C leaves at once, with the same code."""
    program = sandbox.start(
        *sandbox.training_words(**LONG | {"steps": 100_000, "sample_every": 10, "sample_tokens": 2000})
    )
    program.wait_until(lambda: newest_step(sandbox.runs) >= 9, sandbox.hang_seconds)
    time.sleep(0.3)  # into the long sample
    program.signal(signal.SIGINT)
    time.sleep(0.7)
    program.signal(signal.SIGINT)
    sandbox.finish(program, (INTERRUPTED,))


def leave_parts(parts: tuple[str, ...], sandbox: Sandbox) -> None:
    """A folder in which only some files were written, as a kill in the first instant leaves it."""
    folder = sandbox.copy_run("partial")
    good = sandbox.copy_run("good")
    for entry in folder.iterdir():
        if entry.name == "checkpoints":
            for file in sorted(entry.rglob("*"), reverse=True):
                file.rmdir() if file.is_dir() else file.unlink()
            entry.rmdir()
        elif entry.name not in parts:
            entry.unlink()
    look_with_every_command(sandbox, folder.name)
    sandbox.check_run(good.name, at_least=20)
    sandbox.run("runs", "delete", folder.name, "--yes", "--runs-dir", str(sandbox.runs), codes=(DONE, FAILED))


def leave_empty_journal(sandbox: Sandbox) -> None:
    """The journal was made and nothing written; the checkpoints are all there."""
    folder = sandbox.copy_run()
    (folder / "journal.jsonl").write_bytes(b"")
    look_with_every_command(sandbox, folder.name)
    sandbox.check_sample(folder.name)


def stray_drafts(sandbox: Sandbox) -> None:
    """Drafts under every name the program uses, as files, folders and full folders, block no later checkpoint."""
    folder = sandbox.copy_run()
    checkpoints = folder / "checkpoints"
    for step in (20, 25):
        (checkpoints / f".draft-step-{step:09d}").write_text("a file in the place of a draft")
    (checkpoints / ".draft-removed-step-000000010").write_text("another")
    full = checkpoints / ".draft-replaced-step-000000025" / "deep"
    full.mkdir(parents=True)
    (full / "rest").write_text("of an older checkpoint")
    for mark in ("best", "last"):
        (checkpoints / f".draft-{mark}.txt").mkdir()
        (checkpoints / f".draft-{mark}.txt" / "rest").write_text("a folder in the place of a draft")
    sandbox.check_run(folder.name, at_least=20)
    if not (checkpoints / "step-000000025" / "trainer.json").exists():
        sandbox.fault(LOST, "the checkpoint of step 25 was not written beside stray drafts")
