"""A run folder of a stranger: links to files of somebody else, pipes, devices and folders in the place of files.

Nothing is followed when it is written, locked, deleted or moved; nothing waits on a pipe or reads a device.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from bench.attack.sandbox import ANY_ANSWER, DONE, FAILED, FOLLOWED, INTERRUPTED, LOST, USAGE, Case, Sandbox

CHECKPOINT = "checkpoints/step-000000020"
FILES = (
    *("journal.jsonl", "run.toml", "tokenizer.json", "lock", "crash.log", "checkpoints/best", "checkpoints/last"),
    *(f"{CHECKPOINT}/trainer.json", f"{CHECKPOINT}/model.safetensors", f"{CHECKPOINT}/optimizer.safetensors"),
)
DRAFTS = (
    *("checkpoints/.draft-step-000000025", "checkpoints/.draft-best.txt", "checkpoints/.draft-last.txt"),
    *("checkpoints/.draft-replaced-step-000000025", "checkpoints/.draft-removed-step-000000020"),
    *("checkpoints/step-000000025", "checkpoints/step-000000001", "checkpoints", CHECKPOINT),
)


def cases() -> list[Case]:
    """Every attack of this kind."""
    kinds: dict[str, Callable[[Path, Sandbox], None]] = {
        "link to a letter": _link_to_letter,
        "link to nothing yet": _link_to_nothing,
        "pipe": _make_pipe,
        "link to /dev/zero": _link_to_zero,
        "folder": _make_folder,
        "link to a pipe": _link_to_pipe,
        "socket": _make_socket,
    }
    files = [
        Case(f"{name} is a {kind}", partial(put_in_place, name, make), quick=(name, kind) in QUICK)
        for name in FILES
        for kind, make in kinds.items()
    ]
    drafts = [Case(f"{name} is a link to photographs", partial(put_in_place, name, _link_to_folder)) for name in DRAFTS]
    return [
        *drafts,
        *files,
        Case("a checkpoint is hard-linked to a letter", hard_links),
        Case("old checkpoints are links when `keep` removes them", keep_removes_links, quick=True),
        *(
            Case(f"delete {name}", partial(delete_foreign, name))
            for name in ("by path", "by a link", "with dots", "trash")
        ),
        Case("a run that is a link to a run", linked_run),
        Case("entries of the runs folder that are no runs", strange_entries),
        *(Case(f"{name} as training text", partial(train_on, make)) for name, make in TEXTS.items()),
        Case("endless standard input", endless_input),
        Case("Ctrl-C while it reads standard input", interrupted_input),
        *(
            Case(f"{name} as {option}", partial(option_file, option, make))
            for option in ("--config", "BABYTRAIN_KEYS", "BABYTRAIN_MACHINE")
            for name, make in OPTION_FILES.items()
        ),
        *(
            Case(f"{command} --out over a letter", partial(write_over_letter, command))
            for command in ("report", "frame")
        ),
        *(
            Case(f"{command} --out over a link to a letter", partial(write_over_link, command))
            for command in ("report", "frame")
        ),
        *(Case(f"{command} --out into a pipe", partial(write_into_pipe, command)) for command in ("report", "frame")),
    ]


QUICK = {("journal.jsonl", "link to a letter"), ("run.toml", "pipe")}


def put_in_place(name: str, make: Callable[[Path, Sandbox], None], sandbox: Sandbox) -> None:
    """A thing of another kind stands where a run has a file; a good run is beside it."""
    good, bad = sandbox.copy_run("good"), sandbox.copy_run("bad")
    path = bad / name
    if path.is_dir():
        shutil.move(path, sandbox.folder / "taken-away")
    else:
        path.unlink(missing_ok=True)
    make(path, sandbox)
    where = ("--runs-dir", str(sandbox.runs))
    listed = sandbox.listed()
    if not {good.name, bad.name} <= listed.keys():
        sandbox.fault(LOST, f"listed are only {sorted(listed)}")
    sandbox.run("runs", "tree", *where)
    sandbox.run("runs", "show", bad.name, *where, codes=ANY_ANSWER)
    sandbox.run("resume", bad.name, "--headless", "--steps", "31", *where, codes=ANY_ANSWER)
    if not name.endswith((".draft-best.txt", "lock", "crash.log")):
        sandbox.run("sample", bad.name, "--tokens", "3", *where, codes=ANY_ANSWER)
    sandbox.run("runs", "delete", bad.name, "--yes", *where, codes=ANY_ANSWER)
    sandbox.look_around()
    if good.name not in sandbox.listed():
        sandbox.fault(LOST, f"{good.name} is not listed any more")


# What stands in the place of a file


def _link_to_letter(path: Path, sandbox: Sandbox) -> None:
    path.symlink_to(sandbox.letter)


def _link_to_nothing(path: Path, sandbox: Sandbox) -> None:
    path.symlink_to(sandbox.foreign / "new-file")


def _link_to_folder(path: Path, sandbox: Sandbox) -> None:
    path.symlink_to(sandbox.photographs)


def _make_pipe(path: Path, sandbox: Sandbox) -> None:
    os.mkfifo(path)


def _link_to_pipe(path: Path, sandbox: Sandbox) -> None:
    os.mkfifo(sandbox.folder / "pipe")
    path.symlink_to(sandbox.folder / "pipe")


def _link_to_zero(path: Path, sandbox: Sandbox) -> None:
    path.symlink_to("/dev/zero")


def _make_folder(path: Path, sandbox: Sandbox) -> None:
    path.mkdir()
    (path / "inside").write_text("a file")


def _make_socket(path: Path, sandbox: Sandbox) -> None:
    before = Path.cwd()
    os.chdir(path.parent)  # the path of a socket has to be short
    try:
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(path.name)
    finally:
        os.chdir(before)


def hard_links(sandbox: Sandbox) -> None:
    """Files of a run that are a second name of somebody else's: only replaced, never written into."""
    bad = sandbox.copy_run("bad")
    for name in ("crash.log", "lock", "checkpoints/best", "checkpoints/last"):
        (bad / name).unlink(missing_ok=True)
        os.link(sandbox.letter, bad / name)
    where = ("--runs-dir", str(sandbox.runs))
    sandbox.run("resume", bad.name, "--headless", "--steps", "31", *where, codes=ANY_ANSWER)
    sandbox.look_around()


def keep_removes_links(sandbox: Sandbox) -> None:
    """Checkpoints to remove that are links, or hold links, take nothing with them that is not theirs."""
    folder = sandbox.copy_run()
    checkpoints = folder / "checkpoints"
    (checkpoints / "step-000000001").symlink_to(sandbox.photographs)
    (checkpoints / "step-000000002").mkdir()
    (checkpoints / "step-000000002" / "more").symlink_to(sandbox.foreign)
    (checkpoints / "step-000000003").mkdir()
    (checkpoints / "step-000000003" / "trainer.json").symlink_to(sandbox.letter)
    where = ("--runs-dir", str(sandbox.runs))
    sandbox.run(
        "resume", folder.name, "--headless", "--steps", "60", "--set=keep_checkpoints=1", *where, codes=(DONE, FAILED)
    )
    sandbox.look_around()
    sandbox.check_sample(folder.name)


def delete_foreign(how: str, sandbox: Sandbox) -> None:
    """`runs delete` takes runs of the runs folder and nothing else."""
    good = sandbox.copy_run()
    where = ("--runs-dir", str(sandbox.runs))
    (sandbox.runs / "linked-20260101-000000").symlink_to(sandbox.photographs)
    names = {
        "by path": [str(sandbox.photographs), str(sandbox.foreign)],
        "by a link": ["linked-20260101-000000", str(sandbox.runs / "linked-20260101-000000"), "linked"],
        "with dots": ["../foreign/photographs-20260101-120000", "..", ".", str(sandbox.runs), ""],
    }.get(how, [])
    if how == "trash":
        (sandbox.runs / ".trash").symlink_to(sandbox.photographs)
        names = [good.name]
    for name in names:
        sandbox.run("runs", "delete", "--yes", *where, "--", name, codes=ANY_ANSWER)
    sandbox.look_around()
    if not (sandbox.runs / "linked-20260101-000000").resolve().is_dir():
        sandbox.fault(FOLLOWED, "the photographs are gone")
    if not good.is_dir() and how != "trash":
        sandbox.fault(LOST, "the run was deleted though something else was named")


def linked_run(sandbox: Sandbox) -> None:
    """A run elsewhere that is linked into the runs folder can be read; deleting it takes the link at most."""
    run = sandbox.copy_run()
    moved = sandbox.foreign / "my-run-20260101-000001"
    shutil.move(run, moved)
    (sandbox.runs / moved.name).symlink_to(moved)
    before = sorted(str(path) for path in moved.rglob("*"))
    where = ("--runs-dir", str(sandbox.runs))
    sandbox.run("runs", "list", *where)
    sandbox.run("runs", "delete", moved.name, "--yes", *where, codes=ANY_ANSWER)
    if not moved.is_dir() or sorted(str(path) for path in moved.rglob("*")) != before:
        sandbox.fault(FOLLOWED, "deleting a link took files behind it")


def strange_entries(sandbox: Sandbox) -> None:
    """Beside a good run stand pipes, links in a circle, devices, files and folders with hostile names."""
    good = sandbox.copy_run()
    os.mkfifo(sandbox.runs / "pipe-20260101-000000")
    (sandbox.runs / "circle-20260101-000000").symlink_to(sandbox.runs / "circle-20260101-000000")
    (sandbox.runs / "self-20260101-000000").symlink_to(sandbox.runs)
    (sandbox.runs / "zero-20260101-000000").symlink_to("/dev/zero")
    (sandbox.runs / "file-20260101-000000").write_text("a file")
    (sandbox.runs / "empty-20260101-000000").mkdir()
    (sandbox.runs / ".hidden-20260101-000000").mkdir()
    os.mkdir(os.fsencode(sandbox.runs) + b"/bad-\xff\x9b-20260101-000000")
    where = ("--runs-dir", str(sandbox.runs))
    for words in (("runs", "list"), ("runs", "tree"), ("bill",), ("runs", "show", "last"), ("runs", "list", "--json")):
        sandbox.run(*words, *where)
    sandbox.check_run(good.name, at_least=20)
    sandbox.look_around()


def _pipe_text(sandbox: Sandbox) -> str:
    os.mkfifo(sandbox.folder / "text.txt")
    return str(sandbox.folder / "text.txt")


def _folder_with_pipes(sandbox: Sandbox) -> str:
    folder = sandbox.folder / "notes"
    folder.mkdir()
    os.mkfifo(folder / "a.txt")
    (folder / "b.txt").symlink_to("/dev/zero")
    (folder / "c.txt").symlink_to(folder)
    shutil.copy(sandbox.text, folder / "d.txt")
    return str(folder)


def _zero_text(sandbox: Sandbox) -> str:
    (sandbox.folder / "zero.txt").symlink_to("/dev/zero")
    return str(sandbox.folder / "zero.txt")


def _circle_text(sandbox: Sandbox) -> str:
    (sandbox.folder / "circle.txt").symlink_to(sandbox.folder / "circle.txt")
    return str(sandbox.folder / "circle.txt")


TEXTS: dict[str, Callable[[Sandbox], str]] = {
    "a pipe": _pipe_text,
    "a folder with pipes and devices": _folder_with_pipes,
    "/dev/zero": lambda sandbox: "/dev/zero",
    "/dev/tty": lambda sandbox: "/dev/tty",
    "a link to /dev/zero": _zero_text,
    "a link to itself": _circle_text,
    "/proc/self/mem": lambda sandbox: "/proc/self/mem",
    "an empty folder": lambda sandbox: str(sandbox.home),
}


def train_on(make: Callable[[Sandbox], str], sandbox: Sandbox) -> None:
    """A text that is no regular file is refused or passed over, at once."""
    sandbox.run(*sandbox.training_words(text=make(sandbox), steps=5), codes=ANY_ANSWER)


def endless_input(sandbox: Sandbox) -> None:
    """An endless standard input ends at a limit that is said."""
    source = [sys.executable, "-c", "import sys\nwhile True: sys.stdout.write('the snake sleeps\\n' * 10000)"]
    with subprocess.Popen(source, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True) as writer:
        program = sandbox.start(*sandbox.training_words(text="-", steps=5), stdin=writer.stdout)
        assert writer.stdout is not None
        writer.stdout.close()
        sandbox.hang_seconds *= 3  # a limit may be a gigabyte
        sandbox.finish(program, ANY_ANSWER)
        if writer.poll() is None:
            os.killpg(writer.pid, signal.SIGKILL)


def interrupted_input(sandbox: Sandbox) -> None:
    """Ctrl-C works while it waits for a standard input that never comes."""
    read_end, write_end = os.pipe()
    program = sandbox.start(*sandbox.training_words(text="-"), stdin=read_end)
    os.close(read_end)
    program.wait_until(lambda: False, 3.0)
    program.signal(signal.SIGINT)
    sandbox.finish(program, (INTERRUPTED,))
    os.close(write_end)


def _pipe_at(sandbox: Sandbox) -> Path:
    os.mkfifo(sandbox.folder / "settings.toml")
    return sandbox.folder / "settings.toml"


OPTION_FILES: dict[str, Callable[[Sandbox], Path]] = {
    "a pipe": _pipe_at,
    "/dev/zero": lambda sandbox: Path("/dev/zero"),
    "a folder": lambda sandbox: sandbox.home,
}


def option_file(option: str, make: Callable[[Sandbox], Path], sandbox: Sandbox) -> None:
    """A settings file that is no regular file is refused or passed over, at once."""
    sandbox.copy_run()
    path = str(make(sandbox))
    if option != "--config":
        sandbox.environment[option] = path
    more = ("--config", path) if option == "--config" else ()
    sandbox.run(*sandbox.training_words(steps=5), *more, codes=ANY_ANSWER)
    sandbox.run("runs", "list", "--runs-dir", str(sandbox.runs), codes=(DONE, USAGE))
    sandbox.run("doctor", codes=ANY_ANSWER)


def _write(command: str, out: Path, sandbox: Sandbox) -> None:
    folder = sandbox.copy_run()
    sandbox.run(command, folder.name, "--out", str(out), "--runs-dir", str(sandbox.runs), codes=ANY_ANSWER)
    sandbox.look_around()


def write_over_letter(command: str, sandbox: Sandbox) -> None:
    """`--out` overwrites no file that the program did not write."""
    _write(command, sandbox.letter, sandbox)


def write_over_link(command: str, sandbox: Sandbox) -> None:
    """A link in the place of a page is not written through."""
    link = sandbox.folder / ("page.html" if command == "report" else "poster.svg")
    link.symlink_to(sandbox.letter)
    _write(command, link, sandbox)


def write_into_pipe(command: str, sandbox: Sandbox) -> None:
    """A pipe that nobody reads is no place to write to."""
    pipe = sandbox.folder / ("page.html" if command == "report" else "poster.svg")
    os.mkfifo(pipe)
    _write(command, pipe, sandbox)
