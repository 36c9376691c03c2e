"""The first screen is painted before anything heavy is loaded."""

from __future__ import annotations

import subprocess
import sys

import pytest


def modules_after(statement: str) -> set[str]:
    code = f"{statement}\nimport sys\nprint(chr(10).join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_the_home_screen_needs_neither_torch_nor_numpy() -> None:
    loaded = modules_after("import babytrain.tui.app.babytrain_app")
    assert loaded & {"torch", "numpy", "msgspec", "psutil", "pynvml"} == set()


@pytest.mark.parametrize("screen", ["live_screen", "replay_and_watch"])
def test_no_run_screen_needs_torch_or_the_engine(screen: str) -> None:
    loaded = modules_after(f"import babytrain.tui.screens.run.{screen}")
    assert not any(name.split(".")[0] == "torch" or name.startswith("babytrain.engine") for name in loaded)
