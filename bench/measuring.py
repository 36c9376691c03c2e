"""The machine a figure was measured on, and how figures are compared.

Also narration to standard error (standard output is data), child processes with a given number of threads, and variants
of a recipe as they are typed.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from babytrain.engine.execution.processor_cores import count_cores
from babytrain.runs.store.provenance import cpu_model

PROJECT = Path(__file__).resolve().parent.parent
BUSY_LOAD = 0.5


class BenchError(Exception):
    """A comparison that cannot be made; the message is one sentence."""


@dataclass(frozen=True)
class Variant:
    """A recipe to measure: a preset and settings on top of it."""

    preset: str
    settings: Mapping[str, str]

    @property
    def name(self) -> str:
        """The variant as it was typed."""
        return ",".join([self.preset, *(f"{key}={value}" for key, value in self.settings.items())])


def parse_variant(text: str) -> Variant:
    """`PRESET,key=value,...`. Raises BenchError."""
    preset, *pairs = text.split(",")
    return Variant(preset, parse_settings(pairs))


def parse_settings(pairs: Sequence[str]) -> dict[str, str]:
    """`key=value` words as a dict. Raises BenchError for a word without `=`."""
    settings = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals:
            raise BenchError(f"A setting is key=value, not {pair!r}.")
        settings[key] = value
    return settings


def narrate(text: str) -> None:
    """Print progress to standard error."""
    print(text, file=sys.stderr, flush=True)


def print_result(result: Mapping[str, Any]) -> None:
    """The figures, on standard output."""
    print(json.dumps(result, indent=1))


def machine_facts(threads: int) -> dict[str, Any]:
    """Processor, cores, versions and the load before anything was measured."""
    cores = count_cores()
    load = os.getloadavg()
    if load[0] > BUSY_LOAD:
        narrate(f"warning: the load average is {load[0]:.2f}; timings taken now are no more than a smoke test")
    return {
        "cpu_model": cpu_model(),
        "physical_cores": cores.physical,
        "logical_cores": cores.logical,
        "core_quota": cores.quota,
        "threads_asked": threads or "each side's own default",
        "torch": torch.__version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "load_average_before": [round(figure, 2) for figure in load],
    }


def load_now() -> float:
    """The load average of the last minute."""
    return round(os.getloadavg()[0], 2)


def run_child(command: Sequence[str], *, threads: int, folder: Path = PROJECT) -> str:
    """Standard output of a child process with `threads` torch threads (0: the default). Raises BenchError."""
    environment = dict(os.environ)
    if threads:
        environment["OMP_NUM_THREADS"] = str(threads)
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        tail = (done.stderr.strip() or done.stdout.strip())[-2000:]
        raise BenchError(f"{' '.join(command[:6])} ... ended with code {done.returncode}:\n{tail}")
    return done.stdout


def compare(numerators: Sequence[float], denominators: Sequence[float]) -> dict[str, float]:
    """Ratio of the medians, and its spread: the least and the greatest ratio of any pairing of runs."""
    pairings = [above / below for above in numerators for below in denominators]
    return {
        "ratio": statistics.median(numerators) / statistics.median(denominators),
        "lowest_pairing": min(pairings),
        "highest_pairing": max(pairings),
    }
