"""What README and docs tell people to type can be typed, and the files and modules they name exist."""

from __future__ import annotations

import re
import shlex
import tomllib
from collections.abc import Iterator
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

import click
import pytest
import typer.main
from typer.testing import CliRunner

from babytrain.engine.sessions.new_run import NewRunPlan
from babytrain.engine.sessions.start_and_resume import train_new
from babytrain.runs.dials.renamed_settings import renaming_notes
from babytrain.runs.state.live_feed import LiveFeed
from babytrain.tui.cli.commands import app
from babytrain.tui.engine_client.validation import check_new_run
from babytrain.tui.keys.user_keys import parse_user_keys
from tests.engine.tiny_runs import tiny_config

ROOT = Path(__file__).parent.parent
# LOG.md and CHANGELOG.md are history: commands and files in them were right in their time.
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
QUICK = {"settings", "runs", "bill", "frame", "report", "doctor", "sample", "chat", "rerun", "replay"}
OF_A_RUN = {"frame", "report", "sample", "chat", "rerun", "replay"}
PAGES.remove(ROOT / "docs" / "LOG.md")
FOLDERS = [ROOT / name for name in ("tui", "engine", "runs", "tests", "bench")]
MODULES = [path for folder in FOLDERS for path in folder.rglob("*.py")]
ENTRIES = {
    ROOT / "babytrain",
    *(path for folder in FOLDERS for path in folder.rglob("*")),
    *(ROOT / "docs").iterdir(),
    *FOLDERS,
}

_FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_COMMAND = re.compile(r"(?:^|`|&& )(?:\.venv/bin/)?(babytrain-tui\b[^`\n]*)", re.MULTILINE)
_FILE = re.compile(r"`((?:\w|[*.-])+(?:/(?:\w|[*.-])+)*(?:\.(?:py|csv|tcss|md)|/))`")
_MODULE = re.compile(r"\b((?:babytrain|bench|tests)(?:\.[a-z_0-9]+)+)\b")


def typed_commands(page: Path) -> Iterator[list[str]]:
    """The arguments of each `babytrain-tui ...` of a page, in a block or in a line."""
    for found in _COMMAND.findall(page.read_text(encoding="utf-8")):
        yield shlex.split(found, comments=True)[1:]


COMMANDS = sorted({tuple(words) for page in PAGES for words in typed_commands(page)})


def test_the_readme_shows_every_command() -> None:
    shown = {words[0] for words in COMMANDS if words}
    assert shown == set(typer.main.get_command(app).commands)  # type: ignore[attr-defined]


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_what_is_to_be_typed_parses(words: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Command and options exist, and settings have their present names and values that are allowed."""
    monkeypatch.chdir(tmp_path)
    command, rest = typer.main.get_command(app), list(words)
    while isinstance(command, click.Group) and rest:
        command = command.commands[rest.pop(0)]
    command.make_context("babytrain-tui", rest)
    pairs = dict(pair.split("=", 1) for option, pair in pairwise(words) if option == "--set")
    assert renaming_notes(pairs) == []
    check_new_run(settings=pairs)


@pytest.fixture(scope="module")
def runs_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of runs in which `last` is a run that was trained; `ziggy` is a demo."""
    folder = tmp_path_factory.mktemp("examples") / "runs"
    train_new(NewRunPlan(config=tiny_config(corpus="haiku"), runs_dir=folder, name="tiny"), LiveFeed())
    return folder


@pytest.mark.parametrize("words", [words for words in COMMANDS if words[:1] and words[0] in QUICK], ids=" ".join)
def test_what_is_quick_runs(
    words: tuple[str, ...], runs_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every example that takes no minutes is run; a replay as far as one gets without a terminal."""
    if words[0] in OF_A_RUN and len(words) == 1:
        return  # the command is named in a sentence
    monkeypatch.chdir(tmp_path)
    typed = "a frog\n" if words[0] == "chat" else None
    done = CliRunner().invoke(app, list(words), env={"BABYTRAIN_RUNS_DIR": str(runs_dir)}, input=typed)
    if words[0] == "replay":
        assert (done.exit_code, "needs a terminal" in done.output) == (1, True), done.output
    else:
        assert done.exit_code == 0, done.output


def test_the_keys_shown_can_be_had() -> None:
    blocks = [text for language, text in _FENCED.findall((ROOT / "docs" / "keys.md").read_text("utf-8")) if language]
    assert blocks
    for block in blocks:
        keys = parse_user_keys(tomllib.loads(block))
        assert keys.problems == ()
        assert keys.keymap


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_block_of_commands_is_held_by_a_check(page: Path) -> None:
    """A fenced block is a language whose examples are checked here; in a shell, our program is called by its name."""
    for language, text in _FENCED.findall(page.read_text(encoding="utf-8")):
        assert language in ("", "sh", "toml", "mermaid")
        if language == "sh":
            lines = [line for line in text.splitlines() if line.strip()]
            known = ("babytrain-tui", ".venv/bin/", "python3 -m venv", ".ci/")
            assert [line for line in lines if not line.startswith(known)] == []


def test_the_machine_settings_shown_are_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (block,) = (text for language, text in _FENCED.findall(readme) if language == "toml")
    file = tmp_path / "machine.toml"
    file.write_text(block, encoding="utf-8")
    monkeypatch.setenv("BABYTRAIN_MACHINE", str(file))
    assert renaming_notes(tomllib.loads(block)) == []
    check_new_run()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_and_modules_of_a_page_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    missing = [name for name in _FILE.findall(text) if not exists(name)]
    assert missing + [name for name in _MODULE.findall(text) if not is_module(name)] == []


def test_files_named_in_the_code_exist() -> None:
    missing = {
        str(path.relative_to(ROOT)): names
        for path in MODULES
        if path != Path(__file__)
        and (names := [name for name in _FILE.findall(path.read_text(encoding="utf-8")) if not exists(name)])
    }
    assert missing == {}


def exists(name: str) -> bool:
    """Whether some file or folder of ours ends in `name`, which may hold a star."""
    return any(entry.match(name.rstrip("/")) for entry in ENTRIES)


def is_module(name: str) -> bool:
    """Whether `name` is a module, or begins with one."""
    parent = name.rpartition(".")[0]
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:
        return bool(parent) and "." in parent and find_spec(parent) is not None
