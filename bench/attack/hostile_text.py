"""Names, paths, settings and texts that hold commands for a terminal, on every way to one.

Each command runs on a pseudo-terminal. What it paints may hold its own colours, and none of the sequences below.
"""

from __future__ import annotations

import json
import os
from functools import partial
from pathlib import Path

from bench.attack.place import ANY_ANSWER, DONE, INTERRUPTED, OBEYED, TEXT, Case, Place
from bench.attack.program import Outcome

# Sequences that the program itself never writes: the clipboard, a title, a colour and a place on the screen with
# unusual numbers, their one-character forms, a bell with a word, a direction override, hidden characters.
SEQUENCES = (
    *("\x1b]52;c;QVRUQUNL\x07", "\x1b]0;ATTACK", "\x1b[7;93m", "\x1b[13;37H", "\x9b7;93m", "\x9d0;ATTACK\x9c"),
    *("\x1bP+q544e\x1b\\", "\x07ATTACK", "\u202eKCATTA", "\u2066ATTACK", "\x08\x08ATTACK", "\rATTACK", "\x1b[8mATTACK"),
)
PAYLOAD = "".join(SEQUENCES)
FILE_PAYLOAD = "x\x1b]52;c;QVRUQUNL\x07\x1b[7;93m\x9b7;93m\u202eKCATTA"  # a part of a path is at most 255 bytes


def cases() -> list[Case]:
    """Every attack of this kind."""
    words = {
        "an unknown option": ("runs", f"--{PAYLOAD}"),
        "an unknown command": (PAYLOAD,),
        "an unknown run": ("runs", "show", PAYLOAD),
        "an unknown run to sample": ("sample", PAYLOAD),
        "an unknown run to delete": ("runs", "delete", PAYLOAD),
        "a text that is not there": ("train", PAYLOAD, "--headless"),
        "an unknown corpus": ("train", "--corpus", PAYLOAD, "--headless"),
        "an unknown preset": ("train", "--preset", PAYLOAD, "--headless"),
        "an unknown setting": ("train", "--set", f"{PAYLOAD}=1", "--headless"),
        "a bad value": ("train", "--set", f"lr={PAYLOAD}", "--headless"),
        "a number that is none": ("train", "--steps", PAYLOAD),
        "a config that is not there": ("train", "--config", PAYLOAD, "--headless"),
        "a month": ("bill", "--month", PAYLOAD),
        "an unknown device": ("train", "--device", PAYLOAD, "--headless"),
    }
    return [
        *(Case(f"typed: {name}", partial(typed, line), quick=name == "an unknown run") for name, line in words.items()),
        Case("the path of the runs folder", hostile_runs_folder, quick=True),
        Case("the name of a run", hostile_name),
        Case("the name of a text", hostile_text_name),
        Case("the text itself, learned and written", hostile_text),
        Case("strings of the journal", hostile_journal),
        Case("strings of run.toml", hostile_settings),
        Case("names of checkpoints", hostile_checkpoints),
        Case("names of run folders", hostile_run_folders),
        Case("the lock", hostile_lock),
        Case("keys.toml and machine.toml", hostile_user_files),
        Case("a config", hostile_config),
        Case("the screen: list of runs and a replay", hostile_screen),
    ]


def on_terminal(place: Place, *words: str, codes: tuple[int, ...] = ANY_ANSWER) -> Outcome:
    """Run a command on a pseudo-terminal and look at what it painted."""
    outcome = place.finish(place.screen(*words), codes)
    check_painted(place, outcome)
    return outcome


def check_painted(place: Place, outcome: Outcome) -> None:
    """None of the sequences reached the terminal, as bytes of UTF-8 or raw."""
    for sequence in SEQUENCES:
        raw = (sequence.encode("latin-1"),) if sequence[0] in "\x9b\x9d" else ()
        if any(form in outcome.output for form in (sequence.encode(), *raw)):
            place.fault(OBEYED, f"{sequence!a} reached the terminal", outcome)


def read_on_terminal(place: Place, run: str) -> None:
    """Every command that speaks of a run."""
    where = ("--runs-dir", str(place.runs))
    for words in (("list",), ("tree",), ("show", run), ("checkpoints", run)):
        on_terminal(place, "runs", *words, *where)
    on_terminal(place, "bill", run, *where)


def typed(words: tuple[str, ...], place: Place) -> None:
    """What was typed comes back in a message."""
    on_terminal(place, "--runs-dir", str(place.runs), *words)


def hostile_runs_folder(place: Place) -> None:
    """The path of the runs folder is said by many commands."""
    for part in (FILE_PAYLOAD, os.fsdecode(b"bad-\xff\x9b7;93m-bytes")):
        place.runs = place.folder / part
        where = ("--runs-dir", str(place.runs))
        for words in (("runs", "list"), ("runs", "tree"), ("runs", "show", "last"), ("bill",), ("runs", "delete", "x")):
            on_terminal(place, *words, *where)
    place.runs = place.folder / FILE_PAYLOAD
    place.runs.mkdir()
    run = place.copy_run()
    read_on_terminal(place, run.name)
    where = ("--runs-dir", str(place.runs))
    on_terminal(place, "resume", run.name, "--headless", "--steps", "25", *where)
    on_terminal(place, "report", run.name, "--out", str(place.runs / "page.html"), *where)
    on_terminal(place, "frame", run.name, "--out", str(place.runs / "poster.svg"), *where)
    on_terminal(place, "runs", "delete", run.name, "--yes", *where)


def hostile_name(place: Place) -> None:
    """A run's name, of its own and of a fork."""
    on_terminal(place, *place.training_words(name=PAYLOAD))
    listed = place.listed()
    for run in listed:
        read_on_terminal(place, run)
        on_terminal(place, "fork", run, "--headless", "--steps", "25", "--name", PAYLOAD, "--runs-dir", str(place.runs))


def hostile_text_name(place: Place) -> None:
    """The name of the file and of its folder."""
    folder = place.folder / FILE_PAYLOAD
    folder.mkdir()
    file = folder / f"{FILE_PAYLOAD}.txt"
    file.write_text(TEXT)
    on_terminal(place, *place.training_words(text=str(file)))
    for run in place.listed():
        read_on_terminal(place, run)
        file.unlink()
        on_terminal(place, "resume", run, "--headless", "--steps", "25", "--runs-dir", str(place.runs))
    file.write_bytes(b"")
    on_terminal(place, *place.training_words(text=str(file)))
    on_terminal(place, *place.training_words(text=str(folder / f"{FILE_PAYLOAD}-not-there")))


def hostile_text(place: Place) -> None:
    """A model that learned them writes them, and prompts hold them."""
    place.text.write_text((PAYLOAD + "the snake sleeps\n") * 100, encoding="utf-8", newline="")
    on_terminal(place, *place.training_words(steps=60, temperature=0.1))
    for run in place.listed():
        where = ("--runs-dir", str(place.runs))
        on_terminal(place, "sample", run, "--prompt", PAYLOAD, "--tokens", "200", "--temperature", "0", *where)
        on_terminal(place, "sample", run, "--prompt", "\x1b[3;3H 漢", *where)
        read_on_terminal(place, run)


def _poison(value: object) -> object:
    """Every string of a document with the payload behind it, kinds of events excepted."""
    if isinstance(value, dict):
        return {key: item if key in ("kind", "level", "status") else _poison(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_poison(item) for item in value]
    return value + PAYLOAD if isinstance(value, str) else value


def hostile_journal(place: Place) -> None:
    """Every string of every event."""
    run = place.copy_run()
    poison_journal(run)
    read_on_terminal(place, run.name)
    on_terminal(place, "resume", run.name, "--headless", "--steps", "25", "--runs-dir", str(place.runs))


def _poisoned(event: dict[str, object]) -> list[tuple[str, object]]:
    poisoned = _poison(event)
    assert isinstance(poisoned, dict)
    return list(poisoned.items())


def hostile_settings(place: Place) -> None:
    """Strings of run.toml: settings, paths, versions, the command line."""
    run = place.copy_run()
    settings = run / "run.toml"
    before = settings.read_text(encoding="utf-8")
    escaped = json.dumps(PAYLOAD)[1:-1].replace("\\u009b", "\\u009B")
    for key in ("prompt", "gpu_nickname", "currency", "tokenizer", "torch_version", "hostname", "sha256", "device"):
        lines = [f'{key} = "{escaped}"' if line.startswith(f"{key} = ") else line for line in before.splitlines()]
        settings.write_text("\n".join(lines), encoding="utf-8")
        on_terminal(place, "runs", "show", run.name, "--runs-dir", str(place.runs))
    settings.write_text(before.replace("snakes.txt", f"snakes{escaped}.txt"), encoding="utf-8")
    for command in ("resume", "rerun", "fork"):
        on_terminal(place, command, run.name, "--headless", "--runs-dir", str(place.runs))
    settings.write_text(f'[config]\n"{escaped}" = 1\nlr = "{escaped}"\n', encoding="utf-8")
    on_terminal(place, "resume", run.name, "--headless", "--runs-dir", str(place.runs))
    read_on_terminal(place, run.name)


def hostile_checkpoints(place: Place) -> None:
    """Names of checkpoint folders, of marks, and strings of trainer.json."""
    run = place.copy_run()
    checkpoints = run / "checkpoints"
    (checkpoints / "step-000000020").rename(checkpoints / f"step-000000020-{FILE_PAYLOAD}")
    read_on_terminal(place, run.name)
    for mark in ("best", "last"):
        (checkpoints / mark).write_text(f"step-000000020-{PAYLOAD}\n", encoding="utf-8")
    where = ("--runs-dir", str(place.runs))
    on_terminal(place, "sample", run.name, *where)
    on_terminal(place, "sample", run.name, "--at", PAYLOAD, *where)
    trainer = checkpoints / "step-000000010" / "trainer.json"
    if trainer.exists():
        trainer.write_text(json.dumps(_poison(json.loads(trainer.read_text()))))
    on_terminal(place, "runs", "checkpoints", run.name, *where)
    on_terminal(place, "resume", run.name, "--headless", *where)


def hostile_run_folders(place: Place) -> None:
    """Folders of the runs folder, whole and broken."""
    whole = place.copy_run()
    moved = whole.with_name(f"{FILE_PAYLOAD}-20260101-000009")
    whole.rename(moved)
    (place.runs / f"{FILE_PAYLOAD}-20260101-000010").mkdir()
    os.mkdir(os.fsencode(place.runs) + b"/\xff\x9b7;93m-20260101-000011")
    read_on_terminal(place, moved.name)
    where = ("--runs-dir", str(place.runs))
    on_terminal(place, "runs", "show", "x", *where)  # the nearest names are said
    on_terminal(place, "resume", moved.name, "--headless", "--steps", "25", *where)
    on_terminal(place, "runs", "delete", moved.name, "--yes", *where)


def hostile_lock(place: Place) -> None:
    """The host that is said to hold a run."""
    run = place.copy_run()
    owner = {"pid": 1, "host": PAYLOAD, "since": 1e9, "process_start": None}
    (run / "lock").write_text(json.dumps(owner))
    read_on_terminal(place, run.name)
    on_terminal(place, "resume", run.name, "--headless", "--steps", "25", "--runs-dir", str(place.runs))


def hostile_user_files(place: Place) -> None:
    """Keys and values of the user's own files."""
    escaped = json.dumps(PAYLOAD)[1:-1]
    for variable in ("BABYTRAIN_KEYS", "BABYTRAIN_MACHINE"):
        for content in (f'"{escaped}" = "{escaped}"\n', f'quiet_hours = "{escaped}"\n', f"{PAYLOAD}\n"):
            file = place.folder / f"{FILE_PAYLOAD}.toml"
            file.write_text(content, encoding="utf-8")
            place.environment = {variable: str(file)}
            on_terminal(place, "doctor")
    place.environment = {"BABYTRAIN_MACHINE": str(file)}
    on_terminal(place, *place.training_words(steps=3))


def hostile_config(place: Place) -> None:
    """Keys and values of a `--config`, and its name."""
    escaped = json.dumps(PAYLOAD)[1:-1]
    for content in (f'"{escaped}" = 1\n', f'device = "{escaped}"\n', f'lr = "{escaped}"\n', f"{PAYLOAD}\n"):
        file = place.folder / f"{FILE_PAYLOAD}.toml"
        file.write_text(content, encoding="utf-8")
        on_terminal(place, *place.training_words(steps=3), "--config", str(file))


def hostile_screen(place: Place) -> None:
    """The list of runs, and a run whose every string is hostile, on the screen."""
    run = place.copy_run()
    (place.runs / f"{FILE_PAYLOAD}-20260101-000010").mkdir()
    poison_journal(run)
    for words in ((), ("replay", run.name)):
        screen = place.screen("--runs-dir", str(place.runs), *words)
        screen.wait_for(b"victim", place.hang_seconds)
        for _ in range(20):
            screen.read(0.1)
        screen.press(b"q")
        for _ in range(10):
            screen.read(0.1)
        screen.press(b"\x03")
        check_painted(place, place.finish(screen, (DONE, INTERRUPTED)))


def poison_journal(run: Path) -> None:
    """Poison the texts of a run's journal; what is needed to find and read it stays."""
    journal = run / "journal.jsonl"
    lines = []
    for line in journal.read_text(encoding="utf-8").splitlines():
        event = json.loads(line)
        kept = {key: event[key] for key in ("run_id", "schema", "config", "name") if key in event}
        lines.append(json.dumps(dict(_poisoned(event)) | kept))
    journal.write_text("\n".join(lines) + "\n", encoding="utf-8")
