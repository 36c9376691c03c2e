"""The doctor: checks of this machine, each with what to do about it. Nothing is installed, created or changed.

A check that raises becomes a result. Takes about a second, most of it importing torch, and at most five more when a
graphics driver hangs.
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
from babytrain.runs.errors import error_reason
from babytrain.runs.store.folder import default_runs_dir


def run_checks(
    *,
    runs_dir: Path | None = None,
    environ: Mapping[str, str] | None = None,
    is_tty: bool | None = None,
    size: tuple[int, int] | None = None,
) -> list[CheckResult]:
    """All results, in the order they are shown. Raises nothing.

    The arguments replace the runs folder, `os.environ`, whether the output is a terminal, and its (columns, rows).
    """
    environ = os.environ if environ is None else environ
    is_tty = sys.stdout.isatty() if is_tty is None else is_tty
    size = shutil.get_terminal_size() if size is None else size
    results: list[CheckResult] = []
    _attempt(results, "python", lambda: [check_python()])
    _attempt(results, "packages", check_packages)
    _attempt(results, "torch", lambda: [check_torch()])
    _attempt(results, "compute", lambda: _compute(environ, torch_works=results[-1].ok is True))
    _attempt(results, "sensors", check_host)
    _attempt(results, "energy", lambda: [check_energy_counter()])
    _attempt(results, "runs", lambda: [check_runs_dir(runs_dir or default_runs_dir())])
    _attempt(results, "terminal", lambda: check_terminal(environ, is_tty=is_tty, size=size))
    return results


def _compute(environ: Mapping[str, str], *, torch_works: bool) -> list[CheckResult]:
    """Cards first: the commonest fault is a card that the driver sees and torch does not."""
    found: list[CheckResult] = []
    cards_seen, card_results = check_gpus()
    device = "cpu"
    if torch_works:
        device, result = check_device(cards_seen)
        found.append(result)
    cores = count_cores()
    found.append(check_cores(cores, environ))
    if torch_works:
        threads = default_threads(environ, cores)
        _attempt(found, "bf16", lambda: [check_bf16(device, threads)])
        _attempt(found, "compile", lambda: [check_compile(environ, device)])
    return found + card_results


def _attempt(results: list[CheckResult], topic: str, check: Callable[[], list[CheckResult]]) -> None:
    try:
        results.extend(check())
    except Exception as error:  # noqa: BLE001 - a check that fails must not end the others
        what = f"could not be examined ({error_reason(error)})"
        results.append(CheckResult(topic, False, what, "Unexpected; please report it with this line."))
