"""What a run stands on is taken away while it trains. At the end it must be whole, somewhere beside, and say so."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from bench.attack.place import DONE, FAILED, INTERRUPTED, LONG, LOST, UNTRUE, Case, Place, newest_step, run_folders


def cases() -> list[Case]:
    """Every attack of this kind: what is done to the folder, by name."""
    attacks: dict[str, Callable[[Place, Path], None]] = {
        "folder removed": lambda place, folder: shutil.rmtree(folder, ignore_errors=True),
        "folder renamed": lambda place, folder: _move(folder, folder.with_name("moved-20260101-000000")),
        "folder moved out of the runs folder": lambda place, folder: _move(folder, place.folder / "elsewhere"),
        "folder replaced by an empty one": _replace_by_empty,
        "folder replaced by a link": _replace_by_link,
        "folder renamed, and back after two seconds": _there_and_back,
        "runs folder removed": lambda place, folder: shutil.rmtree(place.runs, ignore_errors=True),
        "runs folder renamed": lambda place, folder: _move(place.runs, place.folder / "runs-renamed"),
        "journal removed": lambda place, folder: (folder / "journal.jsonl").unlink(),
        "journal renamed": lambda place, folder: _move(folder / "journal.jsonl", folder / "journal.old"),
        "journal replaced by another": lambda place, folder: _write_new(folder / "journal.jsonl", b'{"kind":"x"}\n'),
        "journal replaced by a link": lambda place, folder: _link_instead(folder / "journal.jsonl", place.letter),
        "journal replaced by a folder": lambda place, folder: _folder_instead(folder / "journal.jsonl"),
        "journal emptied": lambda place, folder: os.truncate(folder / "journal.jsonl", 0),
        "journal cut in half": lambda place, folder: os.truncate(folder / "journal.jsonl", 3000),
        "checkpoints removed": lambda place, folder: shutil.rmtree(folder / "checkpoints", ignore_errors=True),
        "checkpoints replaced by a file": _checkpoints_become_a_file,
        "checkpoints replaced by a link": _checkpoints_become_a_link,
        "marks replaced by links": _marks_become_links,
        "lock removed": lambda place, folder: (folder / "lock").unlink(),
        "lock replaced by a link": lambda place, folder: _link_instead(folder / "lock", place.letter),
        "run.toml removed": lambda place, folder: (folder / "run.toml").unlink(),
        "tokenizer.json removed": lambda place, folder: (folder / "tokenizer.json").unlink(),
        "run.toml replaced by a link": lambda place, folder: _link_instead(folder / "run.toml", place.letter),
    }
    quick = {"folder removed", "journal replaced by a link"}
    return [
        *(Case(name, partial(train_without, attack), quick=name in quick) for name, attack in attacks.items()),
        Case("folder renamed while it resumes", resume_without),
        Case("working folder removed", without_working_folder),
        Case("runs folder whose name is not UTF-8", in_undecodable_folder, quick=True),
        Case("the text vanishes while it trains", text_vanishes),
    ]


def train_without(attack: Callable[[Place, Path], None], place: Place) -> None:
    """Train, do it to the folder, and look for the run after the end."""
    program = place.start("--runs-dir", str(place.runs), *place.training_words(**LONG), "--json")
    program.wait_until(lambda: newest_step(place.runs) >= 210, place.hang_seconds)
    found = run_folders(place.runs)
    if not found or not program.is_running():
        place.finish(program)
        return
    attack(place, found[0])
    outcome = place.finish(program)
    _check_claim(place, outcome.output)
    if not place.runs.exists() and (place.folder / "runs-renamed").exists():
        place.runs = place.folder / "runs-renamed"
    _check_newest(place)
    place.look_around()


def _check_claim(place: Place, output: bytes) -> None:
    """The last words name a folder that is there and holds the last step."""
    try:
        result = json.loads(output)
    except ValueError:
        return  # the exit code was judged already
    folder = place.folder / result["run_dir"]
    last = folder / "checkpoints" / f"step-{result['steps']:09d}" / "trainer.json"
    if result["status"] == "done" and not (last.exists() and (folder / "journal.jsonl").is_file()):
        place.fault(UNTRUE, f"it says done with {result['steps']} steps in {folder.name}, where that is not on disk")


def _check_newest(place: Place) -> None:
    """The run is listed with every step it trained, goes on, and writes."""
    whole = [run for run in place.listed().values() if run["step"] == LONG["steps"] and run["status"] == "done"]
    if not whole:
        there = {name: (run["status"], run["step"]) for name, run in place.listed().items()}
        place.fault(LOST, f"no run of {LONG['steps']} steps is listed; there is {there or 'none'}")
        return
    place.check_run(str(whole[0]["run_id"]), at_least=LONG["steps"])


def resume_without(place: Place) -> None:
    """The folder goes away while an older run is trained further."""
    folder = place.copy_run()
    program = place.start("resume", folder.name, "--runs-dir", str(place.runs), "--headless", "--steps", "1200")
    program.wait_until(lambda: newest_step(place.runs) >= 200, place.hang_seconds)
    _move(folder, folder.with_name("moved-20260101-000000"))
    place.finish(program)
    _check_newest(place)


def without_working_folder(place: Place) -> None:
    """The folder the command was typed in is removed; runs folder and text are elsewhere."""
    working = place.folder / "working"
    working.mkdir()
    words = [*place.training_words(**LONG)]
    program = place.start(*words, before=partial(os.chdir, working))
    program.wait_until(lambda: newest_step(place.runs) >= 100, place.hang_seconds)
    working.rmdir()
    place.finish(program)
    _check_newest(place)
    gone = place.folder / "gone"
    gone.mkdir()
    program = place.start("runs", "list", "--runs-dir", str(place.runs), before=partial(_into_removed, gone))
    place.finish(program, (DONE, FAILED))


def _into_removed(folder: Path) -> None:
    os.chdir(folder)
    folder.rmdir()


def in_undecodable_folder(place: Place) -> None:
    """Checkpoints that nobody can load are refused at the start, or they load."""
    place.runs = place.folder / os.fsdecode(b"runs-\xff-\xe9")
    outcome = place.run(*place.training_words(), codes=(DONE, FAILED, 2))
    if outcome.code == DONE:
        place.check_run(at_least=20)
    elif run_folders(place.runs):
        place.fault(UNTRUE, "it was refused, and left a folder behind", outcome)


def text_vanishes(place: Place) -> None:
    """The text a run learns from is removed while it trains; it is stopped, and goes on."""
    program = place.start_long_training()
    place.text.unlink()
    program.signal(2)
    place.finish(program, (INTERRUPTED,))
    place.check_run(at_least=200)


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


def _replace_by_empty(place: Place, folder: Path) -> None:
    _move(folder, place.folder / "elsewhere")
    folder.mkdir()


def _replace_by_link(place: Place, folder: Path) -> None:
    _move(folder, place.folder / "elsewhere")
    folder.symlink_to(place.photographs)


def _there_and_back(place: Place, folder: Path) -> None:
    away = place.folder / "elsewhere"
    _move(folder, away)
    time.sleep(2.0)
    if not folder.exists():
        _move(away, folder)


def _checkpoints_become_a_file(place: Place, folder: Path) -> None:
    shutil.rmtree(folder / "checkpoints", ignore_errors=True)
    (folder / "checkpoints").write_text("not a folder")


def _checkpoints_become_a_link(place: Place, folder: Path) -> None:
    _move(folder / "checkpoints", place.folder / "old-checkpoints")
    (folder / "checkpoints").symlink_to(place.photographs)


def _marks_become_links(place: Place, folder: Path) -> None:
    for mark in ("best", "last"):
        _link_instead(folder / "checkpoints" / mark, place.letter)
