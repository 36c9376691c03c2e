"""What people get wrong: a clear sentence, the exit code, no traceback, nothing left behind."""

import importlib
import json
import os
import threading
import tomllib
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from babytrain.tui.cli import commands
from babytrain.tui.cli.commands import app
from babytrain.tui.engine_client.errors import UsageError
from babytrain.tui.engine_client.validation import check_changes, check_new_run


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


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--steps", "5", "--epochs", "2"), "steps and epochs each say where the run ends"),
        (("--set", "steps=5", "--minutes", "2"), "steps and minutes each say"),
        (("--epochs", "1", "--set", "minutes=2"), "epochs and minutes each say"),
        (("a.txt", "--corpus", "haiku"), "The corpus haiku and a text of your own are both named"),
        (("a.txt", "--set", "corpus=haiku"), "The corpus haiku and a text of your own are both named"),
        (("a.txt", "--field", "content"), "leave --field out"),
        (("a.jsonl",), "its fields with text are content; choose one with --field NAME"),
    ],
)
def test_what_contradicts_itself_is_refused(run, tmp_path: Path, arguments, sentence) -> None:
    (tmp_path / "a.txt").write_text("words " * 500)
    (tmp_path / "a.jsonl").write_text('{"content": "words"}')
    result = run("train", "--headless", *arguments)
    assert result.exit_code == 2
    assert sentence in result.stderr
    assert not (tmp_path / "runs").exists()


def test_two_ends_of_a_resumed_or_forked_run_are_refused_too() -> None:
    with pytest.raises(UsageError, match="each say where the run ends"):
        check_changes({"steps": "5", "minutes": "2"})
    assert check_changes({"steps": "5", "minutes": "0"}) == {"steps": 5, "minutes": 0.0}


def test_the_last_of_two_values_counts_and_that_is_said(run) -> None:
    result = run("train", "--set", "layers=0", "--set", "layers=-1", "--set", "steps=0", "--steps", "-3")
    assert "layers is given twice; -1 counts." in result.stderr
    assert "steps is given twice; -3 counts." in result.stderr
    assert "layers must lie between 1 and 96; it is -1." in result.stderr


def test_an_end_that_is_typed_replaces_one_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "recipe.toml").write_text("epochs = 3.0\nsteps = 70\n")
    config = check_new_run(config_file=tmp_path / "recipe.toml", settings={"minutes": "2"}).config
    assert (config.epochs, config.minutes) == (0.0, 2.0)
    config = check_new_run(config_file=tmp_path / "recipe.toml", settings={"steps": 5}).config
    assert (config.steps, config.epochs) == (5, 0.0)


def test_a_setting_that_does_nothing_is_said() -> None:
    assert check_new_run(settings={"vocabulary": "300"}).notes == (
        "vocabulary does nothing with tokenizer=char: it belongs to tokenizer=bpe.",
    )
    assert check_new_run(settings={"vocabulary": "300", "tokenizer": "bpe"}).notes == ()


def test_pipes_are_read_before_anything_starts_and_kept_as_standard_input(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=(tmp_path / "pipe").write_bytes, args=(b"through a pipe",))
    writer.start()
    request = check_new_run(paths=[str(tmp_path / "pipe")])
    writer.join()
    assert (request.paths, request.stdin) == (("-",), b"through a pipe")


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


def test_the_installed_command_is_the_program(monkeypatch: pytest.MonkeyPatch) -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    module, _, function = project["scripts"]["babytrain-tui"].partition(":")
    monkeypatch.setattr(commands, "main", lambda: called.append(True))
    called: list[bool] = []
    getattr(importlib.import_module(module), function)()
    assert called


def test_settings_lists_every_key(run) -> None:
    text = run("settings").stdout
    groups = ("data", "model", "optimizer", "schedule", "training", "execution", "samples", "power_policy", "energy")
    assert [line.strip() for line in text.splitlines() if line.startswith("[")] == [f"[{group}]" for group in groups]
    for key in ("lr", "schedule", "warmup", "batch_size", "accumulate", "context", "layers", "heads", "width", "mlp",
                "dropout", "weight_decay", "clip", "optimizer", "tokenizer", "precision", "compile", "steps", "seed",
                "eval_every", "sample_every", "checkpoint_every", "keep_checkpoints"):  # fmt: skip
        assert f"\n{key} " in text
