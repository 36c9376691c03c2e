"""Every bench is a command that can be asked how it is used."""

from __future__ import annotations

import pkgutil
import sys
from importlib import import_module

import pytest

import bench

MODULES = [module.name for module in pkgutil.walk_packages(bench.__path__, "bench.") if not module.ispkg]
# Runs inside the process of nanoGPT, and hands its arguments on to it.
NOT_FOR_PEOPLE = {"bench.learning.nanogpt_child"}
# Started as `python -m bench.attack`.
NAMES = {"bench.attack.__main__": "bench.attack"}
COMMANDS = [name for name in MODULES if hasattr(import_module(name), "main") and name not in NOT_FOR_PEOPLE]


def test_benches_stand_in_groups() -> None:
    assert {name.split(".")[1] for name in COMMANDS} == {
        "attack",
        "judging",
        "learning",
        "machine",
        "pictures",
        "speed",
    }


@pytest.mark.parametrize("name", COMMANDS)
def test_it_says_how_it_is_used(name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    module = import_module(name)
    monkeypatch.setattr(sys, "argv", [name, "--help"])
    with pytest.raises(SystemExit) as left:
        module.main()
    assert not left.value.code
    assert "usage:" in capsys.readouterr().out
    assert f"python -m {NAMES.get(name, name)}" in (module.__doc__ or "")
