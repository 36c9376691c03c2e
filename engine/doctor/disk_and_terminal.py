"""Whether the runs folder is writable, and what the terminal can display."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from babytrain.engine.doctor.check_result import CheckResult
from babytrain.runs.errors import error_reason
from babytrain.runs.formatting import format_bytes

ENOUGH_FREE_BYTES = 200 * 1024**2
_ELSEWHERE = "choose another place with --runs-dir or BABYTRAIN_RUNS_DIR"
_GIB = 1024**3


def check_runs_dir(runs_dir: Path) -> CheckResult:
    """Whether runs can be written there, and the free space. Creates no folder."""
    path = runs_dir.absolute()
    base = next((folder for folder in (path, *path.parents) if os.path.lexists(folder)), path)
    if not base.is_dir():
        what = f"{runs_dir} cannot be a folder: {base} is a file"
        return CheckResult("runs", False, what, f"Move it, or {_ELSEWHERE}.")
    try:
        # Permission bits say nothing about read-only mounts, quotas and root squash.
        with tempfile.TemporaryFile(dir=base):
            pass
    except OSError as error:
        what = f"{runs_dir} cannot be written ({error_reason(error)})"
        return CheckResult("runs", False, what, f"Change its owner, or {_ELSEWHERE}.")
    try:
        free = shutil.disk_usage(base).free
    except OSError as error:
        return CheckResult("runs", None, f"{runs_dir} is writable; its free space is unknown ({error.strerror})")
    what = f"{runs_dir} is writable, {format_bytes(free)} free"
    if free < ENOUGH_FREE_BYTES:
        return CheckResult("runs", False, what, f"Checkpoints will not fit for long: make room, or {_ELSEWHERE}.")
    return CheckResult("runs", True, what)


def check_terminal(environ: Mapping[str, str], *, is_tty: bool, size: tuple[int, int]) -> list[CheckResult]:
    """Terminal or pipe, size (columns, rows), colours, UTF-8 and tmux, by the environment."""
    if is_tty:
        results = [CheckResult("terminal", True, "the output is a terminal"), _check_size(*size)]
    else:
        why = "The screen needs a terminal to be shown in."
        results = [CheckResult("terminal", None, "the output is a pipe or a file", why)]
    results += [_check_colours(environ), _check_utf8(environ)]
    if "TMUX" in environ:
        why = "ctrl-b d leaves, the run goes on, `tmux attach` comes back."
        if not environ.get("COLORTERM"):
            why += ' For all colours: set -as terminal-features ",*:RGB" in ~/.tmux.conf.'
        results.append(CheckResult("tmux", True, "inside tmux", why))
    return results


def _check_size(columns: int, rows: int) -> CheckResult:
    what = f"{columns} columns, {rows} rows"
    if columns >= 100 and rows >= 30:
        return CheckResult("size", True, what)
    if columns >= 60 and rows >= 20:
        why = "The compact layout fits; from 100 x 30 on there is room for everything."
        return CheckResult("size", True, what, why)
    return CheckResult("size", None, what, "Only the small layout fits: widen the window or choose a smaller font.")


def _check_colours(environ: Mapping[str, str]) -> CheckResult:
    term = environ.get("TERM", "")
    settings = f"TERM={term or 'unset'}, COLORTERM={environ.get('COLORTERM') or 'unset'}"
    if environ.get("NO_COLOR"):
        return CheckResult("colours", None, f"switched off by NO_COLOR ({settings})", "Unset NO_COLOR to have colours.")
    if environ.get("COLORTERM", "").lower() in ("truecolor", "24bit") or term.endswith("-direct"):
        return CheckResult("colours", True, f"16 million ({settings})")
    if term in ("", "dumb"):
        why = "This terminal says that it can show nothing: try another, or set TERM to what it is."
        return CheckResult("colours", False, f"none ({settings})", why)
    if "256color" in term or term.startswith(("tmux", "screen")):
        why = "Enough. Most terminals can do all of them: export COLORTERM=truecolor"
        return CheckResult("colours", True, f"256 ({settings})", why)
    return CheckResult("colours", None, f"16 ({settings})", "Charts are plainer; try export TERM=xterm-256color")


def _check_utf8(environ: Mapping[str, str]) -> CheckResult:
    name = next((key for key in ("LC_ALL", "LC_CTYPE", "LANG") if environ.get(key)), None)
    value = environ[name] if name else ""
    setting = f"{name}={value}" if name else "no LC_ALL, LC_CTYPE or LANG"
    if "utf8" in value.lower().replace("-", ""):
        return CheckResult("utf-8", True, setting)
    return CheckResult(
        "utf-8", False, setting, "Charts need more than ASCII: export LC_ALL=C.UTF-8 (and restart tmux)."
    )
