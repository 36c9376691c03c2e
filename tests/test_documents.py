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

from babytrain.runs.dials.renamed_settings import renaming_notes
from babytrain.runs.recorded import recorded_runs
from babytrain.tui.cli.commands import app
from babytrain.tui.engine_client.validation import check_new_run

ROOT = Path(__file__).parent.parent
# LOG.md and CHANGELOG.md are history: commands and files in them were right in their time.
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
QUICK = {"settings", "runs", "bill", "frame", "report"}
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


@pytest.mark.parametrize("words", [words for words in COMMANDS if words and words[0] in QUICK], ids=" ".join)
def test_what_is_quick_runs(words: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "runs" / "ziggy-20261123-004912"
    folder.mkdir(parents=True)
    (folder / "journal.jsonl").write_bytes(recorded_runs()[1].read_bytes())
    done = CliRunner().invoke(app, list(words), env={"BABYTRAIN_RUNS_DIR": str(tmp_path / "runs")})
    assert done.exit_code == 0, done.output


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
