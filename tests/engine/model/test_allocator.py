"""Freed memory stays with the process."""

from __future__ import annotations

import platform

import pytest
import torch

from babytrain.engine.model.allocator import keep_freed_memory


def faults_while_reusing(buffers: int, megabytes: int) -> int:
    import resource  # not on Windows

    numbers = megabytes * 2**18
    torch.empty(numbers).fill_(1.0)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(buffers):
        torch.empty(numbers).fill_(1.0)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="a setting of glibc")
def test_a_buffer_that_comes_back_costs_no_page_faults() -> None:
    assert keep_freed_memory()
    assert faults_while_reusing(buffers=40, megabytes=24) < 500  # one 24 MB buffer alone is 6144 pages


def test_elsewhere_it_does_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "libc_ver", lambda: ("", ""))
    assert not keep_freed_memory.__wrapped__()
