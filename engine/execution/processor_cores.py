"""How many processor cores this process may use, and the default number of torch threads.

Counted are physical cores in the affinity mask (taskset, a cpuset), because two threads on one core share its
arithmetic units, up to the limit of the control groups (a container's CPU limit), rounded down because one thread too
many has all of them throttled.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import psutil


@dataclass(frozen=True)
class Cores:
    """Physical and logical cores in the affinity mask, and the control-group limit in cores (None: no limit)."""

    physical: int
    logical: int
    quota: float | None = None

    @property
    def usable(self) -> int:
        """Cores that can work at the same time; at least 1."""
        return max(1, self.physical if self.quota is None else min(self.physical, int(self.quota)))


def count_cores(proc: Path = Path("/proc"), sys: Path = Path("/sys")) -> Cores:
    """The cores visible to this process; those of the machine if the system does not say."""
    everywhere = psutil.cpu_count(logical=False) or psutil.cpu_count() or 1
    if not hasattr(os, "sched_getaffinity"):  # macOS, Windows
        return Cores(physical=everywhere, logical=psutil.cpu_count() or everywhere)
    mask = os.sched_getaffinity(0)
    return Cores(
        physical=_count_physical(mask, sys) or min(everywhere, len(mask)),
        logical=len(mask),
        quota=read_cpu_quota(proc, sys),
    )


def default_threads(environ: Mapping[str, str], cores: Cores) -> int:
    """The default number of torch threads: OMP_NUM_THREADS where it is set, else the usable cores."""
    wanted = environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
    return int(wanted) if wanted.isascii() and wanted.isdigit() and int(wanted) > 0 else cores.usable


def read_cpu_quota(proc: Path, sys: Path) -> float | None:
    """The tightest processor limit of this process's control groups, in cores; None without one."""
    return min(control_group_limits(proc, sys, "cpu", _limit_v2, _limit_v1), default=None)


def control_group_limits(
    proc: Path,
    sys: Path,
    controller: str,
    limit_v2: Callable[[Path], float | None],
    limit_v1: Callable[[Path], float | None],
) -> list[float]:
    """What the two functions find in the folders of this process's control groups and their parents."""
    limits: list[float] = []
    for line in _read_text(proc / "self" / "cgroup").splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if not controllers:
            limits += _limits_upwards(sys / "fs" / "cgroup", path, limit_v2)
        elif controller in controllers.split(","):
            limits += _limits_upwards(sys / "fs" / "cgroup" / controller, path, limit_v1)
    return limits


def _limits_upwards(root: Path, path: str, limit_in: Callable[[Path], float | None]) -> list[float]:
    """The limits of a control group and its parents, which all apply."""
    # Inside a container the path may not exist below the mount, whose root then is the container's group.
    parts = PurePosixPath(path.strip().lstrip("/")).parts
    folders = [root.joinpath(*parts[:depth]) for depth in range(len(parts) + 1) if ".." not in parts]
    found = [limit_in(folder) for folder in folders or [root]]
    return [limit for limit in found if limit is not None]


def _limit_v2(folder: Path) -> float | None:
    quota, _, period = _read_text(folder / "cpu.max").strip().partition(" ")
    return _ratio(quota, period)


def _limit_v1(folder: Path) -> float | None:
    # -1 means no limit, and is not digits.
    return _ratio(_read_text(folder / "cpu.cfs_quota_us").strip(), _read_text(folder / "cpu.cfs_period_us").strip())


def _ratio(quota: str, period: str) -> float | None:
    if quota.isdigit() and period.isdigit() and int(quota) > 0 and int(period) > 0:
        return int(quota) / int(period)
    return None


def _count_physical(mask: Iterable[int], sys: Path) -> int:
    """Physical cores of the logical processors in `mask`; 0 if the kernel does not list all of them."""
    siblings = [
        _read_text(sys / "devices" / "system" / "cpu" / f"cpu{number}" / "topology" / "thread_siblings_list").strip()
        for number in mask
    ]
    return len(set(siblings)) if all(siblings) else 0


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""
