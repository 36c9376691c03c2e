"""What a run stands on is taken away while it trains. At the end it must be whole, somewhere beside, and say so."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from bench.attack.sandbox import DONE, FAILED, INTERRUPTED, LONG, LOST, UNTRUE, Case, Sandbox, newest_step, run_folders


def cases() -> list[Case]:
    """Every attack of this kind: what is done to the folder, by name."""
    attacks: dict[str, Callable[[Sandbox, Path], None]] = {
        "folder removed": lambda sandbox, folder: shutil.rmtree(folder, ignore_errors=True),
        "folder renamed": lambda sandbox, folder: _move(folder, folder.with_name("moved-20260101-000000")),
        "folder moved out of the runs folder": lambda sandbox, folder: _move(folder, sandbox.folder / "elsewhere"),
        "folder replaced by an empty one": _replace_by_empty,
        "folder replaced by a link": _replace_by_link,
        "folder renamed, and back after two seconds": _there_and_back,
        "runs folder removed": lambda sandbox, folder: shutil.rmtree(sandbox.runs, ignore_errors=True),
        "runs folder renamed": lambda sandbox, folder: _move(sandbox.runs, sandbox.folder / "runs-renamed"),
        "journal removed": lambda sandbox, folder: (folder / "journal.jsonl").unlink(),
        "journal renamed": lambda sandbox, folder: _move(folder / "journal.jsonl", folder / "journal.old"),
        "journal replaced by another": lambda sandbox, folder: _write_new(folder / "journal.jsonl", b'{"kind":"x"}\n'),
        "journal replaced by a link": lambda sandbox, folder: _link_instead(folder / "journal.jsonl", sandbox.letter),
        "journal replaced by a folder": lambda sandbox, folder: _folder_instead(folder / "journal.jsonl"),
        "journal emptied": lambda sandbox, folder: os.truncate(folder / "journal.jsonl", 0),
        "journal cut in half": lambda sandbox, folder: os.truncate(folder / "journal.jsonl", 3000),
        "checkpoints removed": lambda sandbox, folder: shutil.rmtree(folder / "checkpoints", ignore_errors=True),
        "checkpoints replaced by a file": _checkpoints_become_a_file,
        "checkpoints replaced by a link": _checkpoints_become_a_link,
        "marks replaced by links": _marks_become_links,
        "lock removed": lambda sandbox, folder: (folder / "lock").unlink(),
        "lock replaced by a link": lambda sandbox, folder: _link_instead(folder / "lock", sandbox.letter),
        "run.toml removed": lambda sandbox, folder: (folder / "run.toml").unlink(),
        "tokenizer.json removed": lambda sandbox, folder: (folder / "tokenizer.json").unlink(),
        "run.toml replaced by a link": lambda sandbox, folder: _link_instead(folder / "run.toml", sandbox.letter),
    }
    quick = {"folder removed", "journal replaced by a link"}
    return [
        *(Case(name, partial(train_without, attack), quick=name in quick) for name, attack in attacks.items()),
        Case("folder renamed while it resumes", resume_without),
        Case("working folder removed", without_working_folder),
        Case("runs folder whose name is not UTF-8", in_undecodable_folder, quick=True),
        Case("the text vanishes while it trains", text_vanishes),
    ]


def train_without(attack: Callable[[Sandbox, Path], None], sandbox: Sandbox) -> None:
    """Train, do it to the folder, and look for the run after the end."""
    program = sandbox.start("--runs-dir", str(sandbox.runs), *sandbox.training_words(**LONG), "--json")
    program.wait_until(lambda: newest_step(sandbox.runs) >= 210, sandbox.hang_seconds)
    found = run_folders(sandbox.runs)
    if not found or not program.is_running():
        sandbox.finish(program)
        return
    attack(sandbox, found[0])
    outcome = sandbox.finish(program)
    _check_claim(sandbox, outcome.output)
    if not sandbox.runs.exists() and (sandbox.folder / "runs-renamed").exists():
        sandbox.runs = sandbox.folder / "runs-renamed"
    _check_newest(sandbox)
    sandbox.look_around()


def _check_claim(sandbox: Sandbox, output: bytes) -> None:
    """The last words name a folder that is there and holds the last step."""
    try:
        result = json.loads(output)
    except ValueError:
        return  # the exit code was judged already
    folder = sandbox.folder / result["run_dir"]
    last = folder / "checkpoints" / f"step-{result['steps']:09d}" / "trainer.json"
    if result["status"] == "done" and not (last.exists() and (folder / "journal.jsonl").is_file()):
        sandbox.fault(UNTRUE, f"it says done with {result['steps']} steps in {folder.name}, where that is not on disk")


def _check_newest(sandbox: Sandbox) -> None:
    """The run is listed with every step it trained, goes on, and writes."""
    whole = [run for run in sandbox.listed().values() if run["step"] == LONG["steps"] and run["status"] == "done"]
    if not whole:
        there = {name: (run["status"], run["step"]) for name, run in sandbox.listed().items()}
        sandbox.fault(LOST, f"no run of {LONG['steps']} steps is listed; there is {there or 'none'}")
        return
    sandbox.check_run(str(whole[0]["run_id"]), at_least=LONG["steps"])


def resume_without(sandbox: Sandbox) -> None:
    """The folder goes away while an older run is trained further."""
    folder = sandbox.copy_run()
    program = sandbox.start("resume", folder.name, "--runs-dir", str(sandbox.runs), "--headless", "--steps", "1200")
    program.wait_until(lambda: newest_step(sandbox.runs) >= 200, sandbox.hang_seconds)
    _move(folder, folder.with_name("moved-20260101-000000"))
    sandbox.finish(program)
    _check_newest(sandbox)


def without_working_folder(sandbox: Sandbox) -> None:
    """The folder the command was typed in is removed; runs folder and text are elsewhere."""
    working = sandbox.folder / "working"
    working.mkdir()
    words = [*sandbox.training_words(**LONG)]
    program = sandbox.start(*words, before=partial(os.chdir, working))
    program.wait_until(lambda: newest_step(sandbox.runs) >= 100, sandbox.hang_seconds)
    working.rmdir()
    sandbox.finish(program)
    _check_newest(sandbox)
    gone = sandbox.folder / "gone"
    gone.mkdir()
    program = sandbox.start("runs", "list", "--runs-dir", str(sandbox.runs), before=partial(_into_removed, gone))
    sandbox.finish(program, (DONE, FAILED))


def _into_removed(folder: Path) -> None:
    os.chdir(folder)
    folder.rmdir()


def in_undecodable_folder(sandbox: Sandbox) -> None:
    """Checkpoints that nobody can load are refused at the start, or they load."""
    sandbox.runs = sandbox.folder / os.fsdecode(b"runs-\xff-\xe9")
    outcome = sandbox.run(*sandbox.training_words(), codes=(DONE, FAILED, 2))
    if outcome.code == DONE:
        sandbox.check_run(at_least=20)
    elif run_folders(sandbox.runs):
        sandbox.fault(UNTRUE, "it was refused, and left a folder behind", outcome)


def text_vanishes(sandbox: Sandbox) -> None:
    """The text a run learns from is removed while it trains; it is stopped, and goes on."""
    program = sandbox.start_long_training()
    sandbox.text.unlink()
    program.signal(2)
    sandbox.finish(program, (INTERRUPTED,))
    sandbox.check_run(at_least=200)


# What is done to a folder


def _move(path: Path, to: Path) -> None:
    path.rename(to)


def _write_new(path: Path, content: bytes) -> None:
    path.unlink()
    path.write_bytes(content)


def _link_instead(path: Path, target: Path) -> None:
    path.unlink()
    path.symlink_to(target)


def _folder_instead(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _replace_by_empty(sandbox: Sandbox, folder: Path) -> None:
    _move(folder, sandbox.folder / "elsewhere")
    folder.mkdir()


def _replace_by_link(sandbox: Sandbox, folder: Path) -> None:
    _move(folder, sandbox.folder / "elsewhere")
    folder.symlink_to(sandbox.photographs)


def _there_and_back(sandbox: Sandbox, folder: Path) -> None:
    away = sandbox.folder / "elsewhere"
    _move(folder, away)
    time.sleep(2.0)
    if not folder.exists():
        _move(away, folder)


def _checkpoints_become_a_file(sandbox: Sandbox, folder: Path) -> None:
    shutil.rmtree(folder / "checkpoints", ignore_errors=True)
    (folder / "checkpoints").write_text("not a folder")


def _checkpoints_become_a_link(sandbox: Sandbox, folder: Path) -> None:
    _move(folder / "checkpoints", sandbox.folder / "old-checkpoints")
    (folder / "checkpoints").symlink_to(sandbox.photographs)


def _marks_become_links(sandbox: Sandbox, folder: Path) -> None:
    for mark in ("best", "last"):
        _link_instead(folder / "checkpoints" / mark, sandbox.letter)
