"""The three floors hold, and the light paths stay light."""

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
    ("code", "forbidden"),
    [
        ("import babytrain.tui.app, babytrain.tui.session, babytrain.tui.screens.run", ("torch", "pynvml")),
        (
            "import babytrain.runs.journal, babytrain.runs.library, babytrain.runs.playback",
            ("torch", "textual", "rich"),
        ),
        ("import babytrain.engine.sessions.session, babytrain.engine.doctor", ("textual", "rich")),
        ("import babytrain.tui.cli", ("torch", "textual", "numpy")),
    ],
)
def test_importing_stays_light(code: str, forbidden: tuple[str, ...]) -> None:
    check = f"{code}\nimport sys\nprint([name for name in {forbidden!r} if name in sys.modules])"
    finished = subprocess.run([sys.executable, "-c", check], cwd=ROOT, capture_output=True, text=True, check=True)
    assert finished.stdout.strip() == "[]"
