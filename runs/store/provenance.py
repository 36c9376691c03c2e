"""The code, machine and versions a run was made with. Nothing here fails or takes long: what is unknown is left out."""

from __future__ import annotations

import os
import platform
import socket
import subprocess
from collections.abc import Sequence
from datetime import datetime
from importlib import metadata
from pathlib import Path
from typing import Any

GIT_TIMEOUT_SECONDS = 2.0
# Read from the packages' metadata, because importing torch takes seconds.
_PACKAGES = ("torch", "textual", "numpy")


def collect_provenance(argv: Sequence[str]) -> dict[str, Any]:
    """A flat table for `run.toml`: str, int, bool and list of str values.

    Always: argv, started (ISO 8601 with offset), working_directory, hostname, platform, python, cpu_model, cores (those
    this process may use). Where known: git_commit, git_dirty, `<package>_version`.
    """
    table: dict[str, Any] = {
        "argv": list(argv),
        "started": datetime.now().astimezone().isoformat(timespec="seconds"),
        "working_directory": _working_directory(),
        "hostname": socket.gethostname(),
        "platform": platform.platform(),
        "python": platform.python_version(),
        "cpu_model": cpu_model(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
    }
    table.update(_git_state())
    for package in _PACKAGES:
        try:
            table[f"{package}_version"] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return table


def cpu_model(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    """The processor's marketing name where known, else its architecture."""
    try:
        lines = cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    for line in lines:
        key, _, value = line.partition(":")
        if key.strip() in ("model name", "Model", "Hardware") and value.strip():
            return value.strip()
    return platform.processor() or platform.machine() or "unknown"


def _working_directory() -> str:
    try:
        return str(Path.cwd())
    except OSError:  # it was deleted
        return ""


def _git_state() -> dict[str, Any]:
    """Commit of the working directory and whether tracked files differ; empty outside of git."""
    commit = _git("rev-parse", "--verify", "HEAD")
    if not commit:
        return {}
    changes = _git("status", "--porcelain", "--untracked-files=no")
    return {"git_commit": commit} | ({} if changes is None else {"git_dirty": bool(changes)})


def _git(*arguments: str) -> str | None:
    try:
        done = subprocess.run(
            # A repository's own config may name a program to run as file system monitor.
            ["git", "-c", "core.fsmonitor=false", *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=GIT_TIMEOUT_SECONDS,
            env={**os.environ, "GIT_OPTIONAL_LOCKS": "0"},  # must not write the index
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.decode("utf-8", "replace").strip()
