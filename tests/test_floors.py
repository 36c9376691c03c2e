"""The three floors hold, and the light paths stay light."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def test_arrows_only_point_down() -> None:
    """Import contracts in pyproject.toml: floors in order, no torch below the engine, no screen inside it."""
    finished = subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-cache"], cwd=ROOT, capture_output=True, text=True
    )
    assert finished.returncode == 0, finished.stdout


@pytest.mark.parametrize(
    "line",
    [
        "from babytrain.engine.config.settings import FIELDS",
        "def late():\n    import torch",
        "import babytrain.engine",
    ],
)
def test_a_second_door_to_the_engine_breaks_the_contract(line: str, tmp_path: Path) -> None:
    """Also one inside a function: the contract counts those, and imports for type checkers, as well."""
    modules = ("tui/themes.py", "tui/engine_client/requests.py", "engine/config.py", "runs/errors.py")
    for module in ("__init__.py", *modules):
        copy = tmp_path / "babytrain" / module
        for folder in (copy.parent, copy.parent.parent):
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "__init__.py").touch()
        copy.write_bytes((ROOT / "babytrain" / module).read_bytes())
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    assert _one_door(tmp_path) == 0
    with (tmp_path / "babytrain/tui/themes.py").open("a") as themes:
        themes.write(f"\n{line}\n")
    assert _one_door(tmp_path) == 1


def _one_door(root: Path) -> int:
    """The exit code of the linter, asked about this contract alone."""
    lint = Path(sys.executable).parent / "lint-imports"
    environ = {**os.environ, "PYTHONPATH": str(root)}
    finished = subprocess.run(
        [lint, "--no-cache", "--contract", "one-door"], cwd=root, env=environ, capture_output=True, check=False
    )
    return finished.returncode


@pytest.mark.parametrize(
    ("code", "forbidden"),
    [
        (
            "import babytrain.tui.app.babytrain_app, babytrain.tui.engine_client.client, "
            "babytrain.tui.screens.run.run_screen, "
            "babytrain.tui.engine_client.model_access, babytrain.tui.engine_client.validation",
            ("torch", "pynvml"),
        ),
        (
            "import babytrain.runs.journal, babytrain.runs.store.run_list, babytrain.runs.playback.clock",
            ("torch", "textual", "rich"),
        ),
        ("import babytrain.engine.sessions.session, babytrain.engine.doctor.run_checks", ("textual", "rich")),
        ("import babytrain.tui.cli.commands", ("torch", "textual", "numpy")),
    ],
)
def test_importing_stays_light(code: str, forbidden: tuple[str, ...]) -> None:
    check = f"{code}\nimport sys\nprint([name for name in {forbidden!r} if name in sys.modules])"
    finished = subprocess.run([sys.executable, "-c", check], cwd=ROOT, capture_output=True, text=True, check=True)
    assert finished.stdout.strip() == "[]"
