"""Disks without room and streams that nobody reads: the work goes on, and the exit code tells the truth.

A full disk is a file-size limit (RLIMIT_FSIZE) and `/dev/full`, and with the right to mount also a small tmpfs.
"""

from __future__ import annotations

import contextlib
import os
import resource
import shlex
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from bench.attack.sandbox import (
    DONE,
    FAILED,
    FOLLOWED,
    INTERRUPTED,
    LONG,
    LOST,
    TINY,
    UNTRUE,
    USAGE,
    CannotTryError,
    Case,
    Sandbox,
    newest_step,
    run_folders,
)

# `head -1` has closed the pipe: done, or ended as programs in a pipeline do.
CLOSED_PIPE = (DONE, 128 + signal.SIGPIPE, -signal.SIGPIPE)
READING = {
    "runs list": ("runs", "list"),
    "runs list --json": ("runs", "list", "--json"),
    "runs show": ("runs", "show", "last"),
    "runs tree": ("runs", "tree"),
    "settings": ("settings",),
    "doctor": ("doctor",),
    "bill": ("bill",),
    "sample": ("sample", "last", "--tokens", "3"),
    "--help": ("--help",),
    "--version": ("--version",),
}


def cases() -> list[Case]:
    """Every attack of this kind."""
    full = [Case(f"{name} > /dev/full", partial(read_into_full, words)) for name, words in READING.items()]
    headed = [
        Case(f"{name} | head -1", partial(read_into_head, words), quick=name == "runs show")
        for name, words in READING.items()
    ]
    closed = [Case(f"{name} >&-", partial(read_into_closed, words)) for name, words in READING.items()]
    streams = [
        Case(
            f"train, {which} {state}",
            partial(train_with_stream, which, state),
            quick=(which, state) == ("stderr", "full"),
        )
        for which in ("stdout", "stderr", "both")
        for state in ("full", "closed", "a closed pipe")
    ]
    return [
        *streams,
        *full,
        *headed,
        *closed,
        Case("resume, stderr full", resume_with_full_stderr),
        Case("train with a small file-size limit", train_with_size_limit, quick=True),
        Case("train with a limit that stops the journal", train_with_journal_limit),
        Case("train on a full disk", train_on_full_disk),
        Case("the disk fills while it trains, and empties again", disk_fills_and_empties),
        Case("resume on a full disk", resume_on_full_disk),
        Case("fork on a full disk", fork_on_full_disk),
        Case("report to a full disk keeps the old page", partial(write_to_full_disk, "report")),
        Case("frame to a full disk keeps the old poster", partial(write_to_full_disk, "frame")),
        Case("report --out into a full device", partial(write_to_device, "report")),
        Case("frame --out into a full device", partial(write_to_device, "frame")),
    ]


def read_into_full(words: tuple[str, ...], sandbox: Sandbox) -> None:
    """Data that could not be written is a failure that is said."""
    sandbox.copy_run()
    with open("/dev/full", "wb") as full:
        outcome = sandbox.run("--runs-dir", str(sandbox.runs), *words, stdout=full, codes=(FAILED,))
    if not outcome.messages.strip():
        sandbox.fault(UNTRUE, "nothing was written and nothing was said", outcome)


def read_into_closed(words: tuple[str, ...], sandbox: Sandbox) -> None:
    """A standard output that was closed before the start."""
    sandbox.copy_run()
    sandbox.run("--runs-dir", str(sandbox.runs), *words, codes=(DONE, FAILED), before=partial(_close, (1,)))


def read_into_head(words: tuple[str, ...], sandbox: Sandbox) -> None:
    """`| head -1` is no failure and no reason to say anything."""
    sandbox.copy_run()
    command = shlex.join([sys.executable, "-m", "babytrain", "--runs-dir", str(sandbox.runs), *words])
    program = sandbox.start_words(["bash", "-c", f"{command} | head -c 1; exit ${{PIPESTATUS[0]}}"])
    outcome = sandbox.finish(program, CLOSED_PIPE)
    if outcome.messages.strip():
        sandbox.fault(UNTRUE, f"a closed pipe is commented: {outcome.last_words}", outcome)


def train_with_stream(which: str, state: str, sandbox: Sandbox) -> None:
    """Training ends as it would have, whatever happened to its narration."""
    numbers = {"stdout": (1,), "stderr": (2,), "both": (1, 2)}[which]
    with contextlib.ExitStack() as files:
        if state == "full":
            file = files.enter_context(open("/dev/full", "wb"))
        elif state == "a closed pipe":
            read_end, write_end = os.pipe()
            os.close(read_end)
            file = files.enter_context(os.fdopen(write_end, "wb"))
        streams = {} if state == "closed" else {{1: "stdout", 2: "stderr"}[number]: file for number in numbers}
        before = partial(_close, numbers) if state == "closed" else None
        # What was asked for on standard output and could not be written is a failure, with the run done all the same.
        codes = (DONE,) if which == "stderr" else (DONE, FAILED)
        sandbox.run(*sandbox.training_words(), "--json", codes=codes, before=before, **streams)
    _check_done(sandbox)


def _check_done(sandbox: Sandbox) -> None:
    """The run is on record as done, and not as stopped by hand."""
    for name, run in sandbox.listed().items():
        if run["status"] != "done":
            sandbox.fault(LOST, f"{name} is on record as {run['status']} at step {run['step']}, and should be done")
    sandbox.check_run(at_least=20)


def resume_with_full_stderr(sandbox: Sandbox) -> None:
    """A resume is not ended by its narration either."""
    folder = sandbox.copy_run()
    with open("/dev/full", "wb") as full:
        where = ("--runs-dir", str(sandbox.runs))
        sandbox.run("resume", folder.name, *where, "--headless", "--steps", "40", stderr=full)
    sandbox.check_run(folder.name, at_least=40)


def _close(numbers: tuple[int, ...]) -> None:
    for number in numbers:
        os.close(number)


def _limit_files(size: int) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def train_with_size_limit(sandbox: Sandbox) -> None:
    """The journal fits, no checkpoint does; the run that cannot be saved says so and is shown for what it is."""
    program = sandbox.start(*sandbox.training_words(), before=partial(_limit_files, 12_000))
    program.wait_until(lambda: newest_step(sandbox.runs) >= TINY["steps"], sandbox.hang_seconds)
    program.wait_until(lambda: False, 3.0)
    for _ in range(2):  # it waits for room, and Ctrl-C gives up
        program.signal(signal.SIGINT)
        program.wait_until(lambda: False, 1.0)
    sandbox.finish(program, (FAILED, INTERRUPTED))
    sandbox.listed()
    for folder in run_folders(sandbox.runs):
        sandbox.run("runs", "show", folder.name, "--runs-dir", str(sandbox.runs), codes=(DONE, FAILED))


def train_with_journal_limit(sandbox: Sandbox) -> None:
    """Checkpoints fit, the journal does not: training goes on and the run is there at the end."""
    words = sandbox.training_words(**LONG | {"steps": 600})
    outcome = sandbox.run(*words, codes=(DONE, FAILED), before=partial(_limit_files, 60_000))
    _check_whole_or_said(sandbox, outcome.text)


def _check_whole_or_said(sandbox: Sandbox, said: str) -> None:
    """After a run whose disk was full it can be listened to, and what is missing was said."""
    if not any(word in said for word in ("full", "space", "Cannot", "could not", "too large")):
        sandbox.fault(UNTRUE, "that the disk was full was not said")
    for folder in run_folders(sandbox.runs):
        if any(folder.glob("checkpoints/step-*/model.safetensors")):
            sandbox.check_run(folder.name, at_least=0)


@contextlib.contextmanager
def small_disk(sandbox: Sandbox, size: str) -> Iterator[Path]:
    """A tmpfs of `size`, unmounted at the end. Raises CannotTryError without the right to mount."""
    disk = sandbox.folder / "disk"
    disk.mkdir()
    mount = shutil.which("mount")
    if mount is None or os.geteuid() != 0:
        raise CannotTryError("a small disk cannot be mounted without root")
    done = subprocess.run([mount, "-t", "tmpfs", "-o", f"size={size}", "tmpfs", disk], capture_output=True, check=False)
    if done.returncode:
        raise CannotTryError("this machine does not allow to mount a small disk")
    try:
        yield disk
    finally:
        subprocess.run(["umount", "-l", disk], check=False, capture_output=True)


def _fill(disk: Path) -> Path:
    """Fill a disk to the last byte; returns the file to remove."""
    ballast = disk / "ballast"
    with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
        while True:
            file.write(b"\0" * 4096)
    return ballast


def train_on_full_disk(sandbox: Sandbox) -> None:
    """What never started leaves nothing behind, and says why."""
    with small_disk(sandbox, "256k") as disk:
        sandbox.runs = disk / "runs"
        sandbox.runs.mkdir()
        _fill(disk)
        outcome = sandbox.run(*sandbox.training_words(), codes=(FAILED, USAGE))
        left = [folder.name for folder in run_folders(sandbox.runs)]
        if left and outcome.code != DONE:
            sandbox.fault(UNTRUE, f"it never started, and left {left} behind", outcome)
        sandbox.listed()


def disk_fills_and_empties(sandbox: Sandbox) -> None:
    """No room for half of the training: it goes on, and everything is there at the end."""
    with small_disk(sandbox, "8m") as disk:
        sandbox.runs = disk / "runs"
        sandbox.runs.mkdir()
        program = sandbox.start(*sandbox.training_words(**LONG))
        program.wait_until(lambda: newest_step(sandbox.runs) >= 200, sandbox.hang_seconds)
        ballast = _fill(disk)
        program.wait_until(lambda: False, 1.5)
        ballast.unlink()
        sandbox.finish(program)
        sandbox.check_run(at_least=LONG["steps"])


def resume_on_full_disk(sandbox: Sandbox) -> None:
    """A resume without room says so; afterwards the run is what it was."""
    with small_disk(sandbox, "2m") as disk:
        sandbox.runs = disk / "runs"
        sandbox.runs.mkdir()
        folder = sandbox.copy_run()
        ballast = _fill(disk)
        where = ("--runs-dir", str(sandbox.runs))
        sandbox.run("resume", folder.name, *where, "--headless", "--steps", "40", codes=(DONE, FAILED))
        sandbox.listed()
        sandbox.check_sample(folder.name)
        ballast.unlink()
        sandbox.check_run(folder.name, at_least=20)


def fork_on_full_disk(sandbox: Sandbox) -> None:
    """A fork without room leaves nothing behind."""
    with small_disk(sandbox, "2m") as disk:
        sandbox.runs = disk / "runs"
        sandbox.runs.mkdir()
        folder = sandbox.copy_run()
        _fill(disk)
        where = ("--runs-dir", str(sandbox.runs))
        outcome = sandbox.run("fork", folder.name, *where, "--headless", "--steps", "40", codes=(FAILED,))
        left = [other.name for other in run_folders(sandbox.runs) if other != folder]
        if left:
            sandbox.fault(UNTRUE, f"the fork never started, and left {left} behind", outcome)


def write_to_full_disk(command: str, sandbox: Sandbox) -> None:
    """A page that cannot be written leaves the old one as it was."""
    folder = sandbox.copy_run()
    with small_disk(sandbox, "256k") as disk:
        page = disk / ("page.html" if command == "report" else "poster.svg")
        where = ("--runs-dir", str(sandbox.runs))
        sandbox.run(command, folder.name, "--out", str(page), *where)
        before = page.read_bytes() if page.is_file() else b""
        _fill(disk)
        sandbox.run(command, folder.name, "--out", str(page), *where, codes=(FAILED, USAGE))
        if before and (not page.is_file() or page.read_bytes() != before):
            sandbox.fault(UNTRUE, f"the old file of {command} is damaged after a disk was full")


def write_to_device(command: str, sandbox: Sandbox) -> None:
    """A device that is full is a failure that is said, and stays a device."""
    folder, device = sandbox.copy_run(), Path("/dev/full")
    if os.geteuid() == 0:  # who could replace the real one
        device = sandbox.folder / "full"
        try:
            os.mknod(device, 0o666 | stat.S_IFCHR, Path("/dev/full").stat().st_rdev)
        except OSError as error:
            raise CannotTryError("this machine does not allow to make a device") from error
    sandbox.run(command, folder.name, "--out", str(device), "--runs-dir", str(sandbox.runs), codes=(FAILED, USAGE))
    if not device.is_char_device():
        sandbox.fault(FOLLOWED, "the device was replaced by a file")
