"""Cores as containers, affinity masks and hyper-threads really leave them to a process."""

from __future__ import annotations

import os
from pathlib import Path

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from babytrain.engine.execution.processor_cores import Cores, count_cores, default_threads, read_cpu_quota


class Machine:
    """A /proc and a /sys of our own."""

    def __init__(self, root: Path) -> None:
        self.proc, self.sys = root / "proc", root / "sys"

    def write(self, path: Path, text: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def cgroup(self, *lines: str) -> None:
        self.write(self.proc / "self" / "cgroup", "".join(f"{line}\n" for line in lines))

    def limit(self, path: str, text: str) -> None:
        self.write(self.sys / "fs" / "cgroup" / path, text)

    def siblings(self, number: int, text: str) -> None:
        self.write(self.sys / "devices/system/cpu" / f"cpu{number}" / "topology/thread_siblings_list", text)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_a_container_limit_of_cgroup_v2(machine: Machine) -> None:
    machine.cgroup("0::/")
    machine.limit("cpu.max", "350000 100000\n")
    assert read_cpu_quota(machine.proc, machine.sys) == 3.5


def test_the_tightest_group_above_us_binds(machine: Machine) -> None:
    machine.cgroup("0::/user.slice/job.scope")
    machine.limit("cpu.max", "max 100000\n")
    machine.limit("user.slice/cpu.max", "200000 100000\n")
    machine.limit("user.slice/job.scope/cpu.max", "800000 100000\n")
    assert read_cpu_quota(machine.proc, machine.sys) == 2.0


def test_a_container_limit_of_cgroup_v1(machine: Machine) -> None:
    machine.cgroup("4:memory:/docker/abc", "3:cpu,cpuacct:/docker/abc", "1:name=systemd:/")
    machine.limit("cpu/cpu.cfs_quota_us", "400000")  # inside the container the group is the mount's root
    machine.limit("cpu/cpu.cfs_period_us", "100000")
    assert read_cpu_quota(machine.proc, machine.sys) == 4.0


@pytest.mark.parametrize(
    ("text", "quota"),
    [
        *((text, None) for text in ("max 100000", "-1", "", "rubbish", "0 100000", "100000 0", "² 1")),
        ("100000", 1.0),  # no limit of cgroup v2, but one of v1
    ],
)
def test_no_limit_and_nonsense_are_no_limit(machine: Machine, text: str, quota: float | None) -> None:
    machine.cgroup("0::/", "3:cpu:/", "", "one:two")
    machine.limit("cpu.max", text)
    machine.limit("cpu/cpu.cfs_quota_us", text)
    machine.limit("cpu/cpu.cfs_period_us", "100000")
    assert read_cpu_quota(machine.proc, machine.sys) == quota


def test_a_path_that_leads_out_of_the_mount_is_not_followed(machine: Machine) -> None:
    machine.cgroup("0::/../../other")
    machine.limit("cpu.max", "100000 100000")
    machine.write(machine.sys / "other/cpu.max", "900000 100000")
    assert read_cpu_quota(machine.proc, machine.sys) == 1.0


def test_hyper_threads_share_a_core(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 4, 6}, raising=False)
    for number, siblings in {0: "0,4", 1: "1,5", 4: "0,4", 6: "2,6"}.items():
        machine.siblings(number, siblings)
    cores = count_cores(machine.proc, machine.sys)
    assert (cores.physical, cores.logical, cores.usable) == (3, 4, 3)


def test_where_the_kernel_hides_the_topology_the_mask_is_the_limit(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1}, raising=False)
    monkeypatch.setattr(psutil, "cpu_count", lambda logical=True: 16 if logical else 8)
    assert count_cores(machine.proc, machine.sys) == Cores(physical=2, logical=2)


def test_without_affinity_masks_the_machine_counts(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(psutil, "cpu_count", lambda logical=True: 10 if logical else None)
    assert count_cores(machine.proc, machine.sys) == Cores(physical=10, logical=10)


@given(physical=st.integers(1, 512), quota=st.none() | st.floats(0.01, 1024))
def test_usable_cores_never_pass_a_limit_but_there_is_always_one(physical: int, quota: float | None) -> None:
    usable = Cores(physical=physical, logical=2 * physical, quota=quota).usable
    assert 1 <= usable <= physical
    if quota is not None and quota >= 1:
        assert usable <= quota


@pytest.mark.parametrize(
    ("value", "threads"), [("3", 3), ("6,2", 6), ("0", 4), ("-2", 4), ("many", 4), ("", 4), (None, 4), ("²", 4)]
)
def test_omp_num_threads_is_obeyed_where_it_makes_sense(value: str | None, threads: int) -> None:
    environ = {} if value is None else {"OMP_NUM_THREADS": value}
    assert default_threads(environ, Cores(physical=4, logical=8)) == threads
