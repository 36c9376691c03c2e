"""How much memory this process may still take: that of the machine, of its control groups, and of `ulimit -v`."""

from __future__ import annotations

import ctypes
import gc
import resource
import sys
from contextlib import suppress
from pathlib import Path

import psutil

from babytrain.engine.execution.processor_cores import control_group_limits


def free_memory_bytes(proc: Path = Path("/proc"), sys: Path = Path("/sys")) -> int:
    """Bytes that can still be allocated; what the system can give back at once (file caches) counts as free."""
    free: list[int] = [psutil.virtual_memory().available]
    free += [int(value) for value in control_group_limits(proc, sys, "memory", _free_v2, _free_v1)]
    if hasattr(resource, "RLIMIT_AS"):
        limit, _ = resource.getrlimit(resource.RLIMIT_AS)
        if limit != resource.RLIM_INFINITY:
            free.append(limit - psutil.Process().memory_info().vms)
    return max(0, int(min(free)))


def release_freed_memory() -> None:
    """Give back what was freed: the C library of Linux keeps the gigabytes of a large batch for later."""
    gc.collect()
    if sys.platform == "linux":
        with suppress(AttributeError, OSError):  # another C library
            ctypes.CDLL(None).malloc_trim(0)


def _free_v2(folder: Path) -> float | None:
    return _free(folder, "memory.max", "memory.current", "inactive_file")


def _free_v1(folder: Path) -> float | None:
    return _free(folder, "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")


def _free(folder: Path, limit_file: str, used_file: str, cache: str) -> float | None:
    try:
        limit, used = (int((folder / name).read_text(encoding="ascii")) for name in (limit_file, used_file))
        stat = dict(line.split() for line in (folder / "memory.stat").read_text(encoding="ascii").splitlines())
        return max(0, limit - used + int(stat.get(cache, 0)))
    except (OSError, ValueError):  # no such file, or "max" for no limit
        return None
