"""`sample` and `runs show` on a run that was really trained."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from babytrain.tui.cli import app
from tests.engine.runs_for_tests import train


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sampled")
    train(folder, steps=12)
    return folder / "runs"


def run(trained: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, [*arguments, "--runs-dir", str(trained)])


def test_the_same_seed_writes_the_same_text(trained: Path) -> None:
    first, again, other = (
        run(trained, "sample", "last", "--prompt", "the snake", "--tokens", "60", "--seed", seed)
        for seed in ("5", "5", "6")
    )
    assert first.exit_code == 0
    assert first.stdout.startswith("the snake")
    assert len(first.stdout) == len("the snake") + 60 + 1
    assert first.stdout == again.stdout != other.stdout


def test_without_a_prompt_it_starts_a_text_of_its_own(trained: Path) -> None:
    assert len(run(trained, "sample", "last", "--tokens", "20").stdout) == 21


def test_characters_the_model_never_saw_are_named(trained: Path) -> None:
    result = run(trained, "sample", "last", "--prompt", "the 龍")
    assert result.exit_code == 1
    assert "龍" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_run_without_checkpoints_says_so(trained: Path, tmp_path: Path) -> None:
    train(tmp_path, steps=3)
    (folder,) = (tmp_path / "runs").iterdir()
    for file in sorted((folder / "checkpoints").rglob("*"), reverse=True):
        file.rmdir() if file.is_dir() else file.unlink()
    result = run(tmp_path / "runs", "sample", "last")
    assert result.exit_code == 1
    assert "no checkpoint" in result.stderr


def test_show_tells_what_a_run_was(trained: Path) -> None:
    facts = json.loads(run(trained, "runs", "show", "last", "--json").stdout)
    assert (facts["status"], facts["step"], facts["corpus"]) == ("done", 12, "snakes")
    assert facts["config"]["width"] == 16
    assert "snakes" in run(trained, "runs", "show", "last").stdout


def test_a_deleted_run_is_in_the_trash(trained: Path) -> None:
    train(trained.parent, steps=3, name="doomed")
    assert run(trained, "runs", "delete", "doomed", "--yes").exit_code == 0
    assert run(trained, "runs", "show", "doomed").exit_code == 2
    assert list((trained / ".trash").iterdir())
