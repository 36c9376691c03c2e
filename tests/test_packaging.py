"""What a person installs: a wheel with real folders, styles and recordings in it, whose modules all import."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def test_the_wheel_holds_what_the_program_needs(unpacked: Path) -> None:
    package = unpacked / "babytrain"
    assert (package / "py.typed").is_file()
    assert list((package / "tui" / "styles").glob("*.tcss"))
    assert len(list((package / "runs" / "recorded").glob("*.jsonl"))) == 2
    assert not (unpacked / "tests").exists()
    assert not (unpacked / "tui").exists()


def test_every_module_imports_from_the_wheel(unpacked: Path) -> None:
    modules = sorted(
        ".".join(path.relative_to(unpacked).with_suffix("").parts).removesuffix(".__init__")
        for path in (unpacked / "babytrain").rglob("*.py")
        if path.name != "__main__.py"
    )
    script = f"import importlib\nfor name in {modules!r}:\n    importlib.import_module(name)\n"
    script += "import babytrain; print(babytrain.__file__)"
    assert run_from(unpacked, script).strip() == str(unpacked / "babytrain" / "__init__.py")


def test_every_list_of_words_is_read_from_the_wheel(unpacked: Path) -> None:
    script = """if True:
        from babytrain.engine.data.haiku.grammar import generate_corpus
        from babytrain.engine.analysis.haiku import syllable_ranges
        from babytrain.engine.analysis.words import common_verbs
        from babytrain.tui.text.encouragement import encouragement_lines
        from babytrain.tui.screens.dialogs.help import explanations
        print(bool(generate_corpus(poems=1) and syllable_ranges() and common_verbs()))
        print(bool(encouragement_lines().fitting and explanations()))
    """
    assert run_from(unpacked, script).split() == ["True", "True"]


def run_from(unpacked: Path, script: str) -> str:
    """What a script prints that sees the unpacked wheel and not this checkout."""
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=unpacked.parent,
        env={**os.environ, "PYTHONPATH": str(unpacked)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_recordings_are_real_runs_one_healthy_one_not() -> None:
    from babytrain.runs.journal import load_state
    from babytrain.runs.recorded import recorded_runs

    healthy, wrong = (load_state(path).at() for path in recorded_runs())
    assert healthy.status == "done"
    assert healthy.best_eval is not None
    assert healthy.evals[-1].val_loss == healthy.best_eval.val_loss
    assert wrong.best_eval is not None
    rescued = any(event.action == "rolled back" for event in wrong.state.guard_events.events)
    assert rescued or wrong.evals[-1].val_loss > 1.5 * wrong.best_eval.val_loss
    for snapshot in (healthy, wrong):
        assert snapshot.state.bad_lines == 0
        assert snapshot.state.unknown_lines == 0
