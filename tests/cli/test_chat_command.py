"""`chat` with lines from a file, and in a real terminal with a hand on Ctrl-C."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from babytrain.tui.cli.commands import app
from tests.e2e.tmux import Pane, babytrain, needs_tmux
from tests.engine.tiny_runs import train
from tests.timeouts import LONGEST_WAIT_SECONDS


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("talked")
    train(folder, steps=12, name="ziggy")
    return folder / "runs"


def chat(trained: Path, typed: str | bytes, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["chat", "ziggy", *arguments, "--runs-dir", str(trained)], input=typed)


def test_every_line_of_standard_input_is_a_prompt(trained: Path) -> None:
    result = chat(trained, "the snake\nspring\n", "--tokens", "30")
    assert result.exit_code == 0
    assert result.stdout.startswith("the snake")
    assert "\nspring" in result.stdout
    assert result.stderr == ""
    assert chat(trained, "the snake\n\n\n\n", "--tokens", "30").stderr.count("sees only the end") == 1
    assert chat(trained, "the snake\nspring\n", "--tokens", "30").stdout == result.stdout
    assert chat(trained, "the snake\nspring\n", "--tokens", "30", "--seed", "2").stdout != result.stdout


def test_commands_work_without_a_terminal_and_quit_leaves(trained: Path) -> None:
    result = chat(trained, "/next snak\n/temperature 0\n/quit\nthe snake\n")
    assert result.exit_code == 0
    assert len(result.stdout.splitlines()) == 8
    assert result.stdout.startswith("snak -> ")
    assert result.stderr == "temperature is 0.\n"


def test_bytes_that_are_no_text_are_named_and_left_out(trained: Path) -> None:
    result = chat(trained, b"the\xff snake\n", "--tokens", "5")
    assert result.exit_code == 0
    assert result.stdout.startswith("the snake")
    assert "udcff" in result.stderr


def test_another_checkpoint_says_something_else(trained: Path) -> None:
    early, late = (chat(trained, "/next the\n", "--at", at).stdout for at in ("5", "last"))
    assert early != late


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [(("--at", "77"), 1, "There is no checkpoint '77'"), (("--top-p", "0"), 2, "top-p")],
)
def test_what_cannot_be_is_said(trained: Path, arguments: tuple[str, ...], code: int, sentence: str) -> None:
    result = chat(trained, "", *arguments)
    assert result.exit_code == code
    assert sentence in result.stderr
    assert "Traceback" not in result.stderr


@pytest.fixture
def pane(trained: Path) -> Iterator[Pane]:
    pane = Pane(babytrain("chat", "ziggy", "--runs-dir", trained), columns=90, rows=30)
    yield pane
    pane.close()


def wait_until_gone(pane: Pane, sentence: str) -> None:
    """Until so much was written that a sentence has left the screen."""
    deadline = time.monotonic() + LONGEST_WAIT_SECONDS
    while sentence in pane.text():
        assert time.monotonic() < deadline, f"still there: {sentence}"
        time.sleep(0.02)


@needs_tmux()
@pytest.mark.e2e
def test_ctrl_c_stops_the_text_and_a_second_one_leaves(pane: Pane) -> None:
    pane.wait_for("ziggy at step", "/quit.\n>")
    pane.press("/tokens 5", "Enter")
    pane.wait_for("tokens is 5.\n>")
    pane.press("the sna", "Left", "Left", "Left", "ol", "BSpace", "d ", "Enter")  # a line that is edited
    pane.wait_for("\nthe od sna")
    pane.press("/stop never", "Enter", "/tokens 100000", "Enter")
    pane.wait_for("stop is never.", "tokens is 100000.\n>")
    pane.press("the", "Enter")
    wait_until_gone(pane, "tokens is 100000.")
    pane.press("C-c")
    pane.press("/seed", "Enter")
    pane.wait_for("^C", "seed is 3.\n>")
    pane.press("C-c")
    assert "EXIT CODE" not in pane.wait_for("Ctrl-C once more leaves.\n>")
    pane.press("C-c")
    pane.wait_for("EXIT CODE 0")


@needs_tmux()
@pytest.mark.e2e
def test_ctrl_d_leaves(pane: Pane) -> None:
    pane.wait_for("ziggy at step", "/quit.\n>")
    pane.press("C-d")
    pane.wait_for("EXIT CODE 0")
