"""`sample` and `runs show` on a run that was really trained."""

import base64
import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner, Result

from babytrain.tui.cli.commands import app
from tests.engine.tiny_runs import train


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
    assert len(first.stdout) == len("the snake") + 60
    assert first.stdout == again.stdout != other.stdout


def test_without_a_prompt_it_starts_a_text_of_its_own(trained: Path) -> None:
    assert len(run(trained, "sample", "last", "--tokens", "20").stdout) == 20


def test_a_new_file_takes_the_exact_text_and_an_old_one_stays(trained: Path, tmp_path: Path) -> None:
    file = tmp_path / "text.txt"
    command = ("sample", "last", "--prompt", "the", "--tokens", "20")
    assert run(trained, *command, "--out", str(file)).stdout == ""
    assert file.read_bytes() == run(trained, *command).stdout_bytes
    again = run(trained, *command, "--seed", "9", "--out", str(file))
    assert again.exit_code == 1
    assert "is there already" in again.stderr
    assert file.read_bytes() == run(trained, *command).stdout_bytes


def test_a_byte_model_writes_its_bytes(tmp_path: Path) -> None:
    train(tmp_path, steps=2, tokenizer="byte", temperature=10.0)
    runs = tmp_path / "runs"
    command = ("sample", "last", "--prompt", "a", "--tokens", "200")
    written = run(runs, *command).stdout_bytes
    assert len(written) == 201
    (told,) = json.loads(run(runs, *command, "--json").stdout)
    assert base64.b64decode(told["bytes_base64"]) == written[1:]
    assert told["text"] == written[1:].decode("utf-8", "replace")


def test_characters_the_model_never_saw_are_named(trained: Path) -> None:
    result = run(trained, "sample", "last", "--prompt", "the 龍")
    assert result.exit_code == 1
    assert "龍" in result.stderr
    assert "Traceback" not in result.stderr


def test_unknown_characters_are_left_out_when_asked_to_and_it_says_so(trained: Path) -> None:
    result = run(trained, "sample", "last", "--prompt", "the 龍snake", "--unknown", "drop", "--tokens", "20")
    assert result.exit_code == 0
    assert result.stdout.startswith("the snake")
    assert "龍" in result.stderr


def test_all_prompts_are_checked_before_anything_is_written(trained: Path) -> None:
    result = run(trained, "sample", "last", "--prompt", "the snake", "--prompt", "龍", "--prompt", "§")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "龍" in result.stderr
    assert "§" in result.stderr


def test_a_long_prompt_is_cropped_and_it_says_so(trained: Path) -> None:
    result = run(trained, "sample", "last", "--prompt", "the snake " * 10, "--tokens", "5")
    assert "The first 84 characters were left out: the model looks at 16 tokens at most." in result.stderr
    assert result.stdout.startswith("snake the snake ")


def test_several_prompts_and_seeds_give_several_texts(trained: Path) -> None:
    arguments = ("sample", "last", "--prompt", "the", "--prompt", "spring", "--count", "2", "--seed", "7")
    texts = json.loads(run(trained, *arguments, "--tokens", "30", "--json").stdout)
    assert [(text["prompt"], text["seed"]) for text in texts] == [
        ("the", 7), ("the", 8), ("spring", 7), ("spring", 8),
    ]  # fmt: skip
    assert len({text["text"] for text in texts}) == 4
    assert {len(text["text"]) for text in texts} == {30}
    alone = run(trained, "sample", "last", "--prompt", "the", "--seed", "8", "--tokens", "30").stdout
    assert alone.rstrip("\n") == ("the" + texts[1]["text"]).rstrip("\n")
    streamed = run(trained, *arguments, "--tokens", "30")
    assert all(text["prompt"] + text["text"] in streamed.stdout for text in texts)
    assert streamed.stderr.count("seed 7") == 2


def test_json_says_how_and_from_which_step(trained: Path) -> None:
    (text,) = json.loads(
        run(trained, "sample", "last", "--at", "5", "--json", "--tokens", "3", "--top-p", "0.5", "--min-p", "0.1",
            "--repetition-penalty", "1.5", "--top-k", "9", "--temperature", "0.7").stdout
    )  # fmt: skip
    assert text["step"] == 5
    assert text["settings"] == {
        "temperature": 0.7, "top_k": 9, "top_p": 0.5, "min_p": 0.1, "repetition_penalty": 1.5, "tokens": 3,
    }  # fmt: skip


def test_last_is_the_newest_checkpoint_and_contradictions_are_named(trained: Path) -> None:
    steps = [
        json.loads(run(trained, "sample", "last", *which, "--json", "--tokens", "1").stdout)[0]["step"]
        for which in (("--last",), ("--at", "last"), ("--at", "10"))
    ]
    assert steps == [12, 12, 10]
    assert run(trained, "sample", "last", "--last", "--at", "10").exit_code == 2
    missing = run(trained, "sample", "last", "--at", "77")
    assert missing.exit_code == 1
    assert "There is no checkpoint '77'" in missing.stderr


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


def test_nothing_is_deleted_where_nobody_can_be_asked(trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("babytrain.tui.cli.runs_commands.sys", SimpleNamespace(stdin=None))  # closed
    result = run(trained, "runs", "delete", "last")
    assert result.exit_code == 1
    assert "Nothing was deleted" in result.stderr
    assert "add --yes" in result.stderr
    assert run(trained, "runs", "show", "last").exit_code == 0
