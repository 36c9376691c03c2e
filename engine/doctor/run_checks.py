"""The doctor: everything about this machine that decides how training will go, each thing with what to do about it.

Choices: findings are plain data, rendered elsewhere; a check that breaks becomes a finding of its own, because a broken
machine is what the doctor is for; nothing is installed, created or changed. Takes about a second, most of it importing
torch, and at most five more when a graphics driver hangs.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from babytrain.engine.doctor.check_result import CheckResult
from babytrain.engine.doctor.compute import check_bf16, check_cores, check_device
from babytrain.engine.doctor.disk_and_terminal import check_runs_dir, check_terminal
from babytrain.engine.doctor.sensors import check_energy_counter, check_gpus, check_host
from babytrain.engine.doctor.software import check_compile, check_packages, check_python, check_torch
from babytrain.engine.execution.processor_cores import count_cores, default_threads
from babytrain.runs.store.folder import default_runs_dir

__all__ = ["CheckResult", "run_checks"]


def run_checks(
    *,
    runs_dir: Path | None = None,
    environ: Mapping[str, str] | None = None,
    is_tty: bool | None = None,
    size: tuple[int, int] | None = None,
) -> list[CheckResult]:
    """Everything there is to know, in the order of a consultation. Raises nothing.

    The arguments stand in for the person's runs folder, `os.environ`, whether the output is a terminal, and its size in
    (columns, rows).
    """
    environ = os.environ if environ is None else environ
    is_tty = sys.stdout.isatty() if is_tty is None else is_tty
    size = shutil.get_terminal_size() if size is None else size
    findings: list[CheckResult] = []
    _attempt(findings, "python", lambda: [check_python()])
    _attempt(findings, "packages", check_packages)
    _attempt(findings, "torch", lambda: [check_torch()])
    _attempt(findings, "compute", lambda: _compute(environ, torch_works=findings[-1].ok is True))
    _attempt(findings, "sensors", check_host)
    _attempt(findings, "energy", lambda: [check_energy_counter()])
    _attempt(findings, "runs", lambda: [check_runs_dir(runs_dir or default_runs_dir())])
    _attempt(findings, "terminal", lambda: check_terminal(environ, is_tty=is_tty, size=size))
    return findings


def _compute(environ: Mapping[str, str], *, torch_works: bool) -> list[CheckResult]:
    """Cards first: a card that the driver sees and torch does not is the commonest thing to put right."""
    found: list[CheckResult] = []
    cards_seen, card_findings = check_gpus()
    device = "cpu"
    if torch_works:
        device, finding = check_device(cards_seen)
        found.append(finding)
    cores = count_cores()
    found.append(check_cores(cores, environ))
    if torch_works:
        threads = default_threads(environ, cores)
        _attempt(found, "bf16", lambda: [check_bf16(device, threads)])
        _attempt(found, "compile", lambda: [check_compile(environ, device)])
    return found + card_findings


def _attempt(findings: list[CheckResult], topic: str, check: Callable[[], list[CheckResult]]) -> None:
    try:
        findings.extend(check())
    except Exception as error:  # noqa: BLE001 - the doctor survives whatever the machine does, and says so
        what = f"could not be examined ({type(error).__name__}: {error})"
        findings.append(CheckResult(topic, False, what, "Unexpected; please report it with this line."))
