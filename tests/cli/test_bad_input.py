"""What people get wrong: a clear sentence, the exit code, no traceback, nothing left behind."""

import importlib
import json
import tomllib
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from babytrain.tui.cli.commands import app, main


@pytest.fixture
def run(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("BABYTRAIN_RUNS_DIR", str(tmp_path / "runs"))
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str) -> Result:
        return CliRunner().invoke(app, [str(argument) for argument in arguments])

    return call


def test_every_problem_is_listed_at_once(run) -> None:
    result = run("train", "nowhere.txt", "--set", "batchsize=3", "--set", "lr=fast", "--set", "layers=0")
    assert result.exit_code == 2
    for expected in ("nowhere.txt", "batch_size", "lr is a number", "layers must lie"):
        assert expected in result.stderr


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "empty"),
        (b"\x00\x01\x02binary\x00" * 50, "tokenizer=byte"),
        (b"caf\xe9 " * 50, "tokenizer=byte"),
    ],
)
def test_texts_that_are_no_texts(run, tmp_path: Path, content: bytes, sentence: str) -> None:
    (tmp_path / "text.txt").write_bytes(content)
    result = run("train", tmp_path / "text.txt", "--headless")
    assert result.exit_code == 2
    assert sentence in result.stderr
    assert not list((tmp_path / "runs").glob("*"))


def test_a_text_shorter_than_a_window(run, tmp_path: Path) -> None:
    (tmp_path / "short.txt").write_text("a tiny text")
    result = run("train", tmp_path / "short.txt", "--headless")
    assert result.exit_code == 1
    assert "too short" in result.stderr
    assert not list((tmp_path / "runs").glob("*"))


def test_a_folder_without_text(run, tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    result = run("train", tmp_path / "pictures")
    assert result.exit_code == 2
    assert "pictures" in result.stderr


def test_a_runs_folder_that_cannot_be_written(run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    result = run("train", "--runs-dir", tmp_path / "file" / "runs", "--headless", "--steps", "1")
    assert result.exit_code == 1
    assert "file" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("arguments", [("train", "--set", "lr"), ("train", "--nonsense"), ("replay",), ("nonsense",)])
def test_usage_is_exit_code_2(run, arguments) -> None:
    assert run(*arguments).exit_code == 2


def test_an_unknown_run_is_named(run) -> None:
    result = run("resume", "ziggy")
    assert result.exit_code == 2
    assert "ziggy" in result.stderr


def test_hostile_names_are_shown_not_obeyed(run) -> None:
    result = run("resume", "\x1b[31mred[bold]")
    assert "\x1b" not in result.stderr
    assert "[bold]" in result.stderr


def test_runs_of_an_empty_folder(run) -> None:
    assert json.loads(run("runs", "list", "--json").stdout) == []
    assert run("runs").exit_code == 0


@pytest.mark.parametrize(
    "command",
    [(), ("train",), ("resume",), ("replay",), ("sample",), ("chat",), ("doctor",), ("settings",), ("runs",),
     ("runs", "list"), ("runs", "show"), ("runs", "delete")],
)  # fmt: skip
def test_every_command_has_help_with_an_example(run, command) -> None:
    result = run(*command, "--help")
    assert result.exit_code == 0
    assert "Example: babytrain-tui" in result.stdout


@pytest.mark.parametrize("command", [("train",), ("resume", "nobody"), ("fork", "nobody")])
def test_an_old_name_is_told_once_and_the_setting_checked_under_its_new_one(run, command) -> None:
    result = run(*command, "--set", "noise=3", "--set", "noise=2", "--set", "overfitting=say")
    assert result.exit_code == 2
    assert result.stderr.count("noise is called token_noise now.") == 1
    assert result.stderr.count("overfitting is called on_overfitting now.") == 1
    if command == ("train",):
        assert "token_noise must lie between 0 and 0.5; it is 2." in result.stderr
        assert "on_overfitting must" not in result.stderr


def test_the_installed_command_is_the_program() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    module, _, function = project["scripts"]["babytrain-tui"].partition(":")
    assert getattr(importlib.import_module(module), function) is main


def test_settings_lists_every_key(run) -> None:
    text = run("settings").stdout
    groups = ("data", "model", "optimizer", "schedule", "training", "execution", "samples", "power_policy", "energy")
    assert [line.strip() for line in text.splitlines() if line.startswith("[")] == [f"[{group}]" for group in groups]
    for key in ("lr", "schedule", "warmup", "batch_size", "accumulate", "context", "layers", "heads", "width", "mlp",
                "dropout", "weight_decay", "clip", "optimizer", "tokenizer", "precision", "compile", "steps", "seed",
                "eval_every", "sample_every", "checkpoint_every", "keep_checkpoints"):  # fmt: skip
        assert f"\n{key} " in text
