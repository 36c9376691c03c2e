"""Names, paths, settings and texts that hold commands for a terminal, on every way to one.

Each command runs on a pseudo-terminal. What it paints may hold its own colours, and none of the sequences below.
"""

from __future__ import annotations

import json
import os
from functools import partial
from pathlib import Path

from bench.attack.program import Outcome
from bench.attack.sandbox import ANY_ANSWER, DONE, INTERRUPTED, OBEYED, TEXT, Case, Sandbox

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


def on_terminal(sandbox: Sandbox, *words: str, codes: tuple[int, ...] = ANY_ANSWER) -> Outcome:
    """Run a command on a pseudo-terminal and look at what it painted."""
    outcome = sandbox.finish(sandbox.screen(*words), codes)
    check_painted(sandbox, outcome)
    return outcome


def check_painted(sandbox: Sandbox, outcome: Outcome) -> None:
    """None of the sequences reached the terminal, as bytes of UTF-8 or raw."""
    for sequence in SEQUENCES:
        raw = (sequence.encode("latin-1"),) if sequence[0] in "\x9b\x9d" else ()
        if any(form in outcome.output for form in (sequence.encode(), *raw)):
            sandbox.fault(OBEYED, f"{sequence!a} reached the terminal", outcome)


def read_on_terminal(sandbox: Sandbox, run: str) -> None:
    """Every command that speaks of a run."""
    where = ("--runs-dir", str(sandbox.runs))
    for words in (("list",), ("tree",), ("show", run), ("checkpoints", run)):
        on_terminal(sandbox, "runs", *words, *where)
    on_terminal(sandbox, "bill", run, *where)


def typed(words: tuple[str, ...], sandbox: Sandbox) -> None:
    """What was typed comes back in a message."""
    on_terminal(sandbox, "--runs-dir", str(sandbox.runs), *words)


def hostile_runs_folder(sandbox: Sandbox) -> None:
    """The path of the runs folder is said by many commands."""
    for part in (FILE_PAYLOAD, os.fsdecode(b"bad-\xff\x9b7;93m-bytes")):
        sandbox.runs = sandbox.folder / part
        where = ("--runs-dir", str(sandbox.runs))
        for words in (("runs", "list"), ("runs", "tree"), ("runs", "show", "last"), ("bill",), ("runs", "delete", "x")):
            on_terminal(sandbox, *words, *where)
    sandbox.runs = sandbox.folder / FILE_PAYLOAD
    sandbox.runs.mkdir()
    run = sandbox.copy_run()
    read_on_terminal(sandbox, run.name)
    where = ("--runs-dir", str(sandbox.runs))
    on_terminal(sandbox, "resume", run.name, "--headless", "--steps", "25", *where)
    on_terminal(sandbox, "report", run.name, "--out", str(sandbox.runs / "page.html"), *where)
    on_terminal(sandbox, "frame", run.name, "--out", str(sandbox.runs / "poster.svg"), *where)
    on_terminal(sandbox, "runs", "delete", run.name, "--yes", *where)


def hostile_name(sandbox: Sandbox) -> None:
    """A run's name, of its own and of a fork."""
    on_terminal(sandbox, *sandbox.training_words(name=PAYLOAD))
    listed = sandbox.listed()
    for run in listed:
        read_on_terminal(sandbox, run)
        on_terminal(
            sandbox, "fork", run, "--headless", "--steps", "25", "--name", PAYLOAD, "--runs-dir", str(sandbox.runs)
        )


def hostile_text_name(sandbox: Sandbox) -> None:
    """The name of the file and of its folder."""
    folder = sandbox.folder / FILE_PAYLOAD
    folder.mkdir()
    file = folder / f"{FILE_PAYLOAD}.txt"
    file.write_text(TEXT)
    on_terminal(sandbox, *sandbox.training_words(text=str(file)))
    for run in sandbox.listed():
        read_on_terminal(sandbox, run)
        file.unlink()
        on_terminal(sandbox, "resume", run, "--headless", "--steps", "25", "--runs-dir", str(sandbox.runs))
    file.write_bytes(b"")
    on_terminal(sandbox, *sandbox.training_words(text=str(file)))
    on_terminal(sandbox, *sandbox.training_words(text=str(folder / f"{FILE_PAYLOAD}-not-there")))


def hostile_text(sandbox: Sandbox) -> None:
    """A model that learned them writes them, and prompts hold them."""
    sandbox.text.write_text((PAYLOAD + "the snake sleeps\n") * 100, encoding="utf-8", newline="")
    on_terminal(sandbox, *sandbox.training_words(steps=60, temperature=0.1))
    for run in sandbox.listed():
        where = ("--runs-dir", str(sandbox.runs))
        on_terminal(sandbox, "sample", run, "--prompt", PAYLOAD, "--tokens", "200", "--temperature", "0", *where)
        on_terminal(sandbox, "sample", run, "--prompt", "\x1b[3;3H 漢", *where)
        read_on_terminal(sandbox, run)


def _poison(value: object) -> object:
    """Every string of a document with the payload behind it, kinds of events excepted."""
    if isinstance(value, dict):
        return {key: item if key in ("kind", "level", "status") else _poison(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_poison(item) for item in value]
    return value + PAYLOAD if isinstance(value, str) else value


def hostile_journal(sandbox: Sandbox) -> None:
    """Every string of every event."""
    run = sandbox.copy_run()
    poison_journal(run)
    read_on_terminal(sandbox, run.name)
    on_terminal(sandbox, "resume", run.name, "--headless", "--steps", "25", "--runs-dir", str(sandbox.runs))


def _poisoned(event: dict[str, object]) -> list[tuple[str, object]]:
    poisoned = _poison(event)
    assert isinstance(poisoned, dict)
    return list(poisoned.items())


def hostile_settings(sandbox: Sandbox) -> None:
    """Strings of run.toml: settings, paths, versions, the command line."""
    run = sandbox.copy_run()
    settings = run / "run.toml"
    before = settings.read_text(encoding="utf-8")
    escaped = json.dumps(PAYLOAD)[1:-1].replace("\\u009b", "\\u009B")
    for key in ("prompt", "gpu_nickname", "currency", "tokenizer", "torch_version", "hostname", "sha256", "device"):
        lines = [f'{key} = "{escaped}"' if line.startswith(f"{key} = ") else line for line in before.splitlines()]
        settings.write_text("\n".join(lines), encoding="utf-8")
        on_terminal(sandbox, "runs", "show", run.name, "--runs-dir", str(sandbox.runs))
    settings.write_text(before.replace("snakes.txt", f"snakes{escaped}.txt"), encoding="utf-8")
    for command in ("resume", "rerun", "fork"):
        on_terminal(sandbox, command, run.name, "--headless", "--runs-dir", str(sandbox.runs))
    settings.write_text(f'[config]\n"{escaped}" = 1\nlr = "{escaped}"\n', encoding="utf-8")
    on_terminal(sandbox, "resume", run.name, "--headless", "--runs-dir", str(sandbox.runs))
    read_on_terminal(sandbox, run.name)


def hostile_checkpoints(sandbox: Sandbox) -> None:
    """Names of checkpoint folders, of marks, and strings of trainer.json."""
    run = sandbox.copy_run()
    checkpoints = run / "checkpoints"
    (checkpoints / "step-000000020").rename(checkpoints / f"step-000000020-{FILE_PAYLOAD}")
    read_on_terminal(sandbox, run.name)
    for mark in ("best", "last"):
        (checkpoints / mark).write_text(f"step-000000020-{PAYLOAD}\n", encoding="utf-8")
    where = ("--runs-dir", str(sandbox.runs))
    on_terminal(sandbox, "sample", run.name, *where)
    on_terminal(sandbox, "sample", run.name, "--at", PAYLOAD, *where)
    trainer = checkpoints / "step-000000010" / "trainer.json"
    if trainer.exists():
        trainer.write_text(json.dumps(_poison(json.loads(trainer.read_text()))))
    on_terminal(sandbox, "runs", "checkpoints", run.name, *where)
    on_terminal(sandbox, "resume", run.name, "--headless", *where)


def hostile_run_folders(sandbox: Sandbox) -> None:
    """Folders of the runs folder, whole and broken."""
    whole = sandbox.copy_run()
    moved = whole.with_name(f"{FILE_PAYLOAD}-20260101-000009")
    whole.rename(moved)
    (sandbox.runs / f"{FILE_PAYLOAD}-20260101-000010").mkdir()
    os.mkdir(os.fsencode(sandbox.runs) + b"/\xff\x9b7;93m-20260101-000011")
    read_on_terminal(sandbox, moved.name)
    where = ("--runs-dir", str(sandbox.runs))
    on_terminal(sandbox, "runs", "show", "x", *where)  # the nearest names are said
    on_terminal(sandbox, "resume", moved.name, "--headless", "--steps", "25", *where)
    on_terminal(sandbox, "runs", "delete", moved.name, "--yes", *where)


def hostile_lock(sandbox: Sandbox) -> None:
    """The host that is said to hold a run."""
    run = sandbox.copy_run()
    owner = {"pid": 1, "host": PAYLOAD, "since": 1e9, "process_start": None}
    (run / "lock").write_text(json.dumps(owner))
    read_on_terminal(sandbox, run.name)
    on_terminal(sandbox, "resume", run.name, "--headless", "--steps", "25", "--runs-dir", str(sandbox.runs))


def hostile_user_files(sandbox: Sandbox) -> None:
    """Keys and values of the user's own files."""
    escaped = json.dumps(PAYLOAD)[1:-1]
    for variable in ("BABYTRAIN_KEYS", "BABYTRAIN_MACHINE"):
        for content in (f'"{escaped}" = "{escaped}"\n', f'quiet_hours = "{escaped}"\n', f"{PAYLOAD}\n"):
            file = sandbox.folder / f"{FILE_PAYLOAD}.toml"
            file.write_text(content, encoding="utf-8")
            sandbox.environment = {variable: str(file)}
            on_terminal(sandbox, "doctor")
    sandbox.environment = {"BABYTRAIN_MACHINE": str(file)}
    on_terminal(sandbox, *sandbox.training_words(steps=3))


def hostile_config(sandbox: Sandbox) -> None:
    """Keys and values of a `--config`, and its name."""
    escaped = json.dumps(PAYLOAD)[1:-1]
    for content in (f'"{escaped}" = 1\n', f'device = "{escaped}"\n', f'lr = "{escaped}"\n', f"{PAYLOAD}\n"):
        file = sandbox.folder / f"{FILE_PAYLOAD}.toml"
        file.write_text(content, encoding="utf-8")
        on_terminal(sandbox, *sandbox.training_words(steps=3), "--config", str(file))


def hostile_screen(sandbox: Sandbox) -> None:
    """The list of runs, and a run whose every string is hostile, on the screen."""
    run = sandbox.copy_run()
    (sandbox.runs / f"{FILE_PAYLOAD}-20260101-000010").mkdir()
    poison_journal(run)
    for words in ((), ("replay", run.name)):
        screen = sandbox.screen("--runs-dir", str(sandbox.runs), *words)
        screen.wait_for(b"victim", sandbox.hang_seconds)
        for _ in range(20):
            screen.read(0.1)
        screen.press(b"q")
        for _ in range(10):
            screen.read(0.1)
        screen.press(b"\x03")
        check_painted(sandbox, sandbox.finish(screen, (DONE, INTERRUPTED)))


def poison_journal(run: Path) -> None:
    """Poison the texts of a run's journal; what is needed to find and read it stays."""
    journal = run / "journal.jsonl"
    lines = []
    for line in journal.read_text(encoding="utf-8").splitlines():
        event = json.loads(line)
        kept = {key: event[key] for key in ("run_id", "schema", "config", "name") if key in event}
        lines.append(json.dumps(dict(_poisoned(event)) | kept))
    journal.write_text("\n".join(lines) + "\n", encoding="utf-8")
