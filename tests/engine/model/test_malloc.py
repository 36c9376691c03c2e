"""Freed memory stays with the process."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

from babytrain.engine.model.cpu.malloc import tune_malloc

REUSE = """
import resource, torch
from babytrain.engine.model.cpu.malloc import tune_malloc
assert tune_malloc()
def fill():
    buffers = [torch.empty(2**20).fill_(1.0) for _ in range(40)]
fill(), fill()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    fill()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="a setting of glibc")
def test_memory_that_comes_back_costs_no_page_faults() -> None:
    # In a process of its own: what else lies on the heap decides what may be given back.
    child = subprocess.run([sys.executable, "-c", REUSE], capture_output=True, text=True, check=True)
    assert int(child.stdout) < 10_000  # some 40,000 without; ten fillings touch 410,000 pages


def test_elsewhere_it_does_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "libc_ver", lambda: ("", ""))
    assert not tune_malloc.__wrapped__()
