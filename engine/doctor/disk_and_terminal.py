"""Where runs are kept, and what the terminal around us can show."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from babytrain.engine.doctor.check_result import CheckResult

ENOUGH_FREE_BYTES = 200 * 1024**2
_ELSEWHERE = "choose another place with --runs-dir or BABYTRAIN_RUNS_DIR"
_GIB = 1024**3


def check_runs_dir(runs_dir: Path) -> CheckResult:
    """Whether runs can be written there, and how much room is left. Makes no folder."""
    base = _nearest_existing(runs_dir)
    if not base.is_dir():
        return CheckResult(
            "runs", False, f"{runs_dir} cannot be a folder: {base} is a file", f"Move it, or {_ELSEWHERE}."
        )
    problem = _why_not_writable(base)
    if problem is not None:
        return CheckResult(
            "runs", False, f"{runs_dir} cannot be written ({problem})", f"Change its owner, or {_ELSEWHERE}."
        )
    try:
        free = shutil.disk_usage(base).free
    except OSError as error:
        what = f"{runs_dir} is writable; its free space is unknown ({error.strerror})"
        return CheckResult("runs", None, what, "Nothing to do.")
    what = f"{runs_dir} is writable, {free / _GIB:.1f} GiB free"
    if free < ENOUGH_FREE_BYTES:
        return CheckResult("runs", False, what, f"Checkpoints will not fit for long: make room, or {_ELSEWHERE}.")
    return CheckResult("runs", True, what, "Nothing to do.")


def check_terminal(environ: Mapping[str, str], *, is_tty: bool, size: tuple[int, int]) -> list[CheckResult]:
    """Terminal or pipe, size (columns, rows), colours, UTF-8 and tmux, as far as the environment tells."""
    findings = [_check_tty(is_tty)]
    if is_tty:
        findings.append(_check_size(*size))
    findings += [_check_colours(environ), _check_utf8(environ)]
    if "TMUX" in environ:
        findings.append(_inside_tmux(environ))
    return findings


def _check_tty(is_tty: bool) -> CheckResult:
    if is_tty:
        return CheckResult("terminal", True, "the output is a terminal", "Nothing to do.")
    return CheckResult(
        "terminal", None, "the output is a pipe or a file", "The screen needs a terminal to be shown in."
    )


def _check_size(columns: int, rows: int) -> CheckResult:
    what = f"{columns} columns, {rows} rows"
    if columns >= 100 and rows >= 30:
        return CheckResult("size", True, what, "Nothing to do.")
    if columns >= 60 and rows >= 20:
        return CheckResult(
            "size", True, what, "The compact layout fits; from 100 x 30 on there is room for everything."
        )
    return CheckResult("size", None, what, "Only the small layout fits: widen the window or choose a smaller font.")


def _check_colours(environ: Mapping[str, str]) -> CheckResult:
    term = environ.get("TERM", "")
    told = f"TERM={term or 'unset'}, COLORTERM={environ.get('COLORTERM') or 'unset'}"
    if environ.get("NO_COLOR"):
        return CheckResult("colours", None, f"switched off by NO_COLOR ({told})", "Unset NO_COLOR to have colours.")
    if environ.get("COLORTERM", "").lower() in ("truecolor", "24bit") or term.endswith("-direct"):
        return CheckResult("colours", True, f"16 million ({told})", "Nothing to do.")
    if term in ("", "dumb"):
        why = "This terminal says that it can show nothing: try another, or set TERM to what it is."
        return CheckResult("colours", False, f"none ({told})", why)
    if "256color" in term or term.startswith(("tmux", "screen")):
        why = "Enough. Most terminals can do all of them: export COLORTERM=truecolor"
        return CheckResult("colours", True, f"256 ({told})", why)
    return CheckResult("colours", None, f"16 ({told})", "Charts are plainer; try export TERM=xterm-256color")


def _check_utf8(environ: Mapping[str, str]) -> CheckResult:
    name = next((key for key in ("LC_ALL", "LC_CTYPE", "LANG") if environ.get(key)), None)
    value = environ[name] if name else ""
    told = f"{name}={value}" if name else "no LC_ALL, LC_CTYPE or LANG"
    if "utf8" in value.lower().replace("-", ""):
        return CheckResult("utf-8", True, told, "Nothing to do.")
    return CheckResult("utf-8", False, told, "Charts need more than ASCII: export LC_ALL=C.UTF-8 (and restart tmux).")


def _inside_tmux(environ: Mapping[str, str]) -> CheckResult:
    why = "ctrl-b d leaves, the run goes on, `tmux attach` comes back."
    if not environ.get("COLORTERM"):
        why += ' For all colours: set -as terminal-features ",*:RGB" in ~/.tmux.conf.'
    return CheckResult("tmux", True, "inside tmux", why)


def _nearest_existing(path: Path) -> Path:
    path = path.absolute()
    return next((folder for folder in (path, *path.parents) if os.path.lexists(folder)), path)


def _why_not_writable(folder: Path) -> str | None:
    # A trial, because permission bits say nothing about read-only mounts, quotas and root squash.
    try:
        with tempfile.TemporaryFile(dir=folder):
            return None
    except OSError as error:
        return error.strerror or type(error).__name__
