"""`frame` and `report` as a person types them: files made, paths on stdout, sentences on stderr, exit codes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from babytrain.runs.recorded import recorded_runs
from babytrain.tui.cli.commands import app
from babytrain.tui.export.png import NO_FONTS_MESSAGE
from tests.engine.tiny_runs import train

RECORDING = str(recorded_runs()[0])


def typed(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_a_poster_in_all_formats_and_its_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[str] = []

    def draw(svg: str) -> bytes:
        drawn.append(svg)
        return b"\x89PNG"

    monkeypatch.setattr("babytrain.tui.export.png.poster_png", draw)
    done = typed("frame", RECORDING, "--out", tmp_path / "new" / "folder")
    assert done.exit_code == 0, done.output
    made = [Path(line) for line in done.stdout.splitlines()]
    assert [path.suffix for path in made] == [".svg", ".html", ".png"]
    assert made[0].read_text().startswith("<svg")
    assert made[0].read_text() in made[1].read_text()
    assert drawn == [made[0].read_text()]
    assert [path.parent for path in made] == [tmp_path / "new" / "folder"] * 3
    assert done.stderr == f"Made the folder {tmp_path / 'new' / 'folder'}.\n"


def test_only_what_was_asked_for(tmp_path: Path) -> None:
    done = typed("frame", RECORDING, "--out", tmp_path, "--format", "svg", "--sample", "2")
    assert done.exit_code == 0, done.output
    assert [path.suffix for path in tmp_path.iterdir()] == [".svg"]
    assert "what it wrote at step 200".upper() in next(tmp_path.iterdir()).read_text()


def test_a_run_by_name_and_a_report_of_it_beside_a_recording(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = train(tmp_path, name="ziggy")
    done = typed("frame", "ziggy", "--runs-dir", tmp_path / "runs", "--format", "svg")
    assert done.stdout.strip() == f"{result.run_id}-poster.svg"
    done = typed("report", "ziggy", "--runs-dir", tmp_path / "runs")
    assert done.exit_code == 0, done.output
    assert done.stdout.strip() == f"{result.run_id}-report.html"
    page = (tmp_path / f"{result.run_id}-report.html").read_text()
    assert "working directory" in page  # from run.toml
    done = typed("report", "last", RECORDING, "--runs-dir", tmp_path / "runs", "--out", "both.html")
    assert done.exit_code == 0, done.output
    assert "2 runs" in (tmp_path / "both.html").read_text()


def test_without_a_font_the_other_formats_are_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("babytrain.tui.export.png.has_fonts", lambda: False)
    done = typed("frame", RECORDING, "--out", tmp_path)
    assert done.exit_code == 1
    assert NO_FONTS_MESSAGE in done.stderr
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".html", ".svg"]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("frame", "nobody"), 2, "There is no run 'nobody'"),
        (("frame", RECORDING, "--format", "gif"), 2, "svg, png, html"),
        (("frame", RECORDING, "--format", ","), 2, "svg, png, html"),
        (("frame", RECORDING, "--sample", "99"), 2, "no sample number 99; it has 1 to"),
        (("frame", RECORDING, "--format", "svg", "--out", "file"), 2, "file is a file; --out takes the folder"),
        (("frame", RECORDING, "--format", "svg", "--out", "file/within"), 1, "Cannot write file/within"),
        (("frame", "file"), 1, "holds no run"),
        (("report",), 2, "RUN"),
        (("report", "nobody"), 2, "There is no run 'nobody'"),
        (("report", RECORDING, "file"), 1, "holds no run"),
        (("report", RECORDING, "--out", "."), 2, "such as 1-healthy-report.html"),
        (("report", RECORDING, "--out", "file"), 2, "file is there already and is no report of ours"),
        (("report", RECORDING, "--out", "file/within.html"), 1, "Cannot write file/within.html"),
    ],
)
def test_what_cannot_be_done_is_a_sentence(
    arguments: tuple[str, ...], code: int, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("not a journal\n")
    done = typed(*arguments, "--runs-dir", str(tmp_path / "runs"))
    assert done.exit_code == code, done.output
    assert said in done.stderr
    assert isinstance(done.exception, SystemExit)
    assert done.stdout == ""
    if said != "RUN":  # the usage of a command takes several lines
        assert len(done.stderr.strip().splitlines()) == 1
    assert (tmp_path / "file").read_text() == "not a journal\n"


@pytest.fixture
def foreign(tmp_path: Path) -> Path:
    """A file of somebody that a poster or a report would replace, or a link to it."""
    file = tmp_path / "diary.txt"
    file.write_text("<svg><title>babytrain: my own</title></svg>")
    return file


@pytest.mark.parametrize("kind", ["svg", "html", "png"])
@pytest.mark.parametrize("place", ["file", "link", "link to nothing", "pipe"])
def test_a_poster_replaces_nothing_that_is_not_ours(tmp_path: Path, foreign: Path, kind: str, place: str) -> None:
    out = tmp_path / "out"
    out.mkdir()
    taken = out / f"1-healthy-poster.{kind}"
    {
        "file": lambda: taken.write_text(foreign.read_text()),
        "link": lambda: taken.symlink_to(foreign),
        "link to nothing": lambda: taken.symlink_to(tmp_path / "new"),
        "pipe": lambda: os.mkfifo(taken),
    }[place]()
    done = typed("frame", RECORDING, "--out", out)
    assert (done.exit_code, done.stdout) == (2, "")
    assert "is there already and is no poster of ours" in done.stderr
    assert list(out.iterdir()) == [taken], "nothing is half done"
    assert foreign.read_text() == "<svg><title>babytrain: my own</title></svg>"
    assert not (tmp_path / "new").exists()
    report = typed("report", RECORDING, "--out", taken)
    assert report.exit_code == 2
    assert "is there already and is no report of ours" in report.stderr


def test_a_poster_may_be_made_again(tmp_path: Path) -> None:
    made = {}
    for _ in range(2):
        done = typed("frame", RECORDING, "--out", tmp_path)
        assert done.exit_code == 0, done.stderr
        assert made in ({}, made := {path.name: path.read_bytes() for path in tmp_path.iterdir()})
    assert len(made) == 3


def test_a_report_may_be_made_again(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.touch()
    for _ in range(2):
        done = typed("report", RECORDING, "--out", page)
        assert (done.exit_code, done.stdout, done.stderr) == (0, f"{page}\n", "")


def test_too_many_runs_for_one_page(tmp_path: Path) -> None:
    done = typed("report", *[RECORDING] * 13)
    assert done.exit_code == 2
    assert "at most 12" in done.stderr
