"""Any terminal and any environment: no colours, no UTF-8, no home, no columns, a terminal that goes away."""

from __future__ import annotations

import signal
import time
from functools import partial

from bench.attack.sandbox import DONE, FAILED, INTERRUPTED, LONG, LOST, UNTRUE, Case, Sandbox, newest_step

ENVIRONMENTS: dict[str, dict[str, str | None]] = {
    "LC_ALL=C": {"LC_ALL": "C", "LANG": None},
    "ASCII": {"PYTHONIOENCODING": "ascii"},
    "ISO-8859-1": {"PYTHONIOENCODING": "iso-8859-1"},
    "UTF-16": {"PYTHONIOENCODING": "utf-16"},
    "cp437": {"PYTHONIOENCODING": "cp437"},
    "LC_ALL=C without UTF-8 mode": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    "a locale that is not there": {"LC_ALL": "xx_YY.UTF-8"},
    "TERM=dumb": {"TERM": "dumb"},
    "TERM=vt100": {"TERM": "vt100"},
    "TERM unknown": {"TERM": "no-such-terminal"},
    "TERM empty": {"TERM": ""},
    "NO_COLOR": {"NO_COLOR": "1"},
    "COLUMNS=1": {"COLUMNS": "1", "LINES": "1"},
    "COLUMNS nonsense": {"COLUMNS": "-7", "LINES": "many"},
    "HOME=/dev/null": {"HOME": "/dev/null"},
    "HOME a file": {"HOME": "/etc/hostname"},
    "HOME not there": {"HOME": "/proc/nonexistent/home"},
    "HOME empty": {"HOME": ""},
    "no HOME": {"HOME": None},
    "XDG folders are devices": dict.fromkeys(("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME"), "/dev/null"),
    "TMPDIR not there": {"TMPDIR": "/proc/nonexistent"},
    "settings files not there": {"BABYTRAIN_KEYS": "/proc/nonexistent/k", "BABYTRAIN_MACHINE": "/proc/nonexistent/m"},
    "a bare environment": {"HOME": None, "LANG": None, "TERM": None, "USER": None, "PATH": "/usr/bin:/bin"},
}
READING = (
    ("doctor",),
    ("runs", "list"),
    ("runs", "show", "last"),
    ("runs", "tree"),
    ("bill",),
    ("settings",),
    ("--help",),
)


def cases() -> list[Case]:
    """Every attack of this kind."""
    return [
        *(
            Case(f"in pipes: {name}", partial(in_pipes, changes), quick=name == "ISO-8859-1")
            for name, changes in ENVIRONMENTS.items()
        ),
        *(Case(f"on a terminal: {name}", partial(on_a_terminal, changes)) for name, changes in ENVIRONMENTS.items()),
        Case("train where .config is a file", config_is_a_file),
        Case("standard input closed", closed_input),
        Case("all streams closed", all_streams_closed),
        *(
            Case(f"screen of {columns} x {rows}", partial(small_screen, columns, rows))
            for columns, rows in ((1, 1), (10, 3), (500, 200))
        ),
        *(
            Case(f"the screen: {name}", partial(leave_screen, keys), quick=name == "Ctrl-C twice")
            for name, keys in {"Ctrl-C twice": b"\x03\x03", "q and s": b"qs"}.items()
        ),
        Case("the terminal of the screen goes away", terminal_goes_away),
        Case("the terminal of a headless run goes away", headless_terminal_goes_away),
        *(
            Case(f"the screen is ended by {number.name}", partial(signal_screen, number))
            for number in (signal.SIGTERM, signal.SIGHUP)
        ),
        Case("every --json is strict", strict_json, quick=True),
    ]


def in_pipes(changes: dict[str, str | None], sandbox: Sandbox) -> None:
    """Every command that reads, and a short training, with its output in a file."""
    sandbox.copy_run()
    sandbox.environment = changes
    for words in READING:
        sandbox.run("--runs-dir", str(sandbox.runs), *words)
    sandbox.run(*sandbox.training_words(steps=3))
    sandbox.run("sample", "last", "--tokens", "3", "--runs-dir", str(sandbox.runs))


def on_a_terminal(changes: dict[str, str | None], sandbox: Sandbox) -> None:
    """The same on a pseudo-terminal. Without UTF-8 nothing but ASCII may be painted."""
    sandbox.copy_run()
    sandbox.environment = changes
    for words in READING:
        outcome = sandbox.finish(sandbox.screen("--runs-dir", str(sandbox.runs), *words))
        ascii_only = changes.get("LC_ALL") == "C" or changes.get("TERM") == "vt100" or "ascii" in changes.values()
        if ascii_only and not outcome.output.isascii():
            sandbox.fault(UNTRUE, f"not ASCII: {outcome.last_words}", outcome)
    screen = sandbox.screen("--runs-dir", str(sandbox.runs))
    screen.wait_for(b"victim", 8.0)
    for _ in range(3):
        screen.press(b"\x03")
        for _ in range(4):
            screen.read(0.1)
    # A terminal that cannot show the screen may say so.
    sandbox.finish(screen, (DONE, FAILED, 2, INTERRUPTED))


def config_is_a_file(sandbox: Sandbox) -> None:
    """Folders for settings and data are in impossible places: they count as absent."""
    for name in (".config", ".local", ".cache"):
        (sandbox.home / name).write_text("a file")
    outcome = sandbox.run(*sandbox.training_words())
    sandbox.run("doctor")
    sandbox.check_run(at_least=20)
    if len(outcome.messages.splitlines()) > 60:
        sandbox.fault(UNTRUE, "it says too much about it", outcome)


def closed_input(sandbox: Sandbox) -> None:
    """`<&-` for commands that do not read it, and for one that does."""
    sandbox.copy_run()
    for words in (("runs", "list"), ("sample", "last", "--tokens", "3"), ("chat", "last"), ("runs", "delete", "last")):
        program = sandbox.start("--runs-dir", str(sandbox.runs), *words, stdin=None, before=_close_input)
        sandbox.finish(program, (DONE, FAILED, 2, INTERRUPTED))
    sandbox.run(*sandbox.training_words(steps=3), stdin=None, before=_close_input)
    program = sandbox.start(*sandbox.training_words(text="-", steps=3), stdin=None, before=_close_input)
    sandbox.finish(program, (FAILED, 2))


def _close_input() -> None:
    import os

    os.close(0)


def _close_all() -> None:
    import os

    for number in (0, 1, 2):
        os.close(number)


def all_streams_closed(sandbox: Sandbox) -> None:
    """Training does not need a stream."""
    sandbox.run(*sandbox.training_words(), before=_close_all)
    sandbox.check_run(at_least=20)


def small_screen(columns: int, rows: int, sandbox: Sandbox) -> None:
    """The list of runs on a screen of a strange size."""
    sandbox.copy_run()
    screen = sandbox.screen("--runs-dir", str(sandbox.runs), columns=columns, rows=rows)
    for _ in range(30):
        screen.read(0.1)
    screen.press(b"\x03")
    for _ in range(5):
        screen.read(0.1)
    screen.press(b"\x03")
    sandbox.finish(screen, (DONE, INTERRUPTED))
    sandbox.finish(sandbox.screen("runs", "list", "--runs-dir", str(sandbox.runs), columns=columns, rows=rows))


def _screen_words(sandbox: Sandbox, **settings: object) -> list[str]:
    return [word for word in sandbox.training_words(**LONG | settings) if word != "--headless"]


def leave_screen(keys: bytes, sandbox: Sandbox) -> None:
    """Leaving a run that trains on the screen saves it, and the code says that it was stopped."""
    screen = sandbox.screen(*_screen_words(sandbox, steps=100_000))
    deadline = time.monotonic() + sandbox.hang_seconds
    while newest_step(sandbox.runs) < 150 and time.monotonic() < deadline:
        screen.read(0.05)
    for key in keys:
        screen.press(bytes([key]))
        for _ in range(8):
            screen.read(0.1)
    sandbox.finish(screen, (INTERRUPTED,))
    _check_stopped(sandbox)


def _check_stopped(sandbox: Sandbox) -> None:
    """The run that was left is there, at a step it had reached, and writes."""
    for name, run in sandbox.listed().items():
        if run["step"] < 100:
            sandbox.fault(LOST, f"{name} is {run['status']} at step {run['step']} after it was left past 100")
        sandbox.check_sample(name)


def terminal_goes_away(sandbox: Sandbox) -> None:
    """The window is closed: the run is saved, and the program ends."""
    screen = sandbox.screen(*_screen_words(sandbox, steps=100_000))
    deadline = time.monotonic() + sandbox.hang_seconds
    while newest_step(sandbox.runs) < 150 and time.monotonic() < deadline:
        screen.read(0.05)
    screen.hang_up()
    sandbox.finish(screen, (INTERRUPTED, FAILED, -signal.SIGHUP))
    _check_stopped(sandbox)


def headless_terminal_goes_away(sandbox: Sandbox) -> None:
    """The same without a screen."""
    screen = sandbox.screen(*sandbox.training_words(**LONG | {"steps": 100_000}))
    deadline = time.monotonic() + sandbox.hang_seconds
    while newest_step(sandbox.runs) < 150 and time.monotonic() < deadline:
        screen.read(0.05)
    screen.hang_up()
    sandbox.finish(screen, (INTERRUPTED, -signal.SIGHUP))
    _check_stopped(sandbox)


def signal_screen(number: signal.Signals, sandbox: Sandbox) -> None:
    """A signal to the screen saves and restores the terminal."""
    screen = sandbox.screen(*_screen_words(sandbox, steps=100_000))
    deadline = time.monotonic() + sandbox.hang_seconds
    while newest_step(sandbox.runs) < 150 and time.monotonic() < deadline:
        screen.read(0.05)
    screen.program.signal(number)
    sandbox.finish(screen, (INTERRUPTED,))
    _check_stopped(sandbox)


def strict_json(sandbox: Sandbox) -> None:
    """NaN and Infinity never reach a document, also when the losses of a run are none."""
    good, bad = sandbox.copy_run("good"), sandbox.copy_run("bad")
    journal = bad / "journal.jsonl"
    content = journal.read_text(encoding="utf-8")
    for key in ("loss", "val_loss", "gradient_norm", "seconds"):
        content = content.replace(f'"{key}":', f'"{key}":1e999,"x_{key}":')
    journal.write_text(content, encoding="utf-8")
    where = ("--runs-dir", str(sandbox.runs))
    for run in (good.name, bad.name):
        for words in (
            ("runs", "list"),
            ("runs", "tree"),
            ("runs", "show", run),
            ("runs", "checkpoints", run),
            ("bill", run),
        ):
            sandbox.read_json(*words, *where, codes=(DONE, FAILED))
    sandbox.read_json("sample", good.name, "--tokens", "3", *where)
    sandbox.read_json("resume", good.name, "--steps", "25", *where)
