"""A PNG says which characters it has only boxes for."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from babytrain.runs.journal import encode_event
from babytrain.tui.cli.commands import app
from babytrain.tui.export.png import has_fonts, missing_characters, missing_glyphs_sentence
from babytrain.tui.export.poster.poster_page import draw_poster
from babytrain.tui.export.screenshot import write_screenshot_files
from tests.runs.builders import ended, started, step
from tests.tui.export.runs_to_draw import full_run, sample

NOWHERE = "\U0010fffd\U000ffffd"  # no font has characters of these planes

pytestmark = pytest.mark.skipif(not has_fonts(), reason="no font is installed here")


def svg_of(words: str) -> str:
    return f'<svg xmlns="http://www.w3.org/2000/svg"><title>{NOWHERE}</title><text x="1">{words}</text></svg>'


def test_only_what_no_font_has_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert missing_characters(svg_of("plain &lt;words&gt; \u00a0\u3000")) == ""
    assert missing_glyphs_sentence(svg_of("plain")) == ""
    monkeypatch.setattr("babytrain.tui.export.png._is_box", lambda char: char in "蛇🐍é")
    svg = svg_of("蛇 蛇 ü é 🐍")
    assert missing_characters(svg) == "蛇é🐍"
    said = missing_glyphs_sentence(svg)
    assert "3 characters that no font on this computer has (蛇 é 🐍), for instance in '蛇 蛇 ü é 🐍'" in said
    assert "apt install fonts-noto-cjk fonts-noto-color-emoji fonts-noto-core" in said


def test_a_box_is_told_from_a_letter() -> None:
    assert missing_glyphs_sentence(draw_poster(full_run("ziggy"))) == ""


def test_frame_and_the_picture_of_a_screen_say_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("babytrain.tui.export.png._is_box", lambda char: char in "蛇安")
    journal = tmp_path / "journal.jsonl"
    events = (started(), step(1), sample(1, "蛇 and 安"), ended(1))
    journal.write_bytes(b"".join(map(encode_event, events)))
    done = CliRunner().invoke(app, ["frame", str(journal), "--out", str(tmp_path), "--format", "png"])
    assert done.exit_code == 0, done.output
    assert "boxes for 2 characters" in done.stderr
    words, _ = write_screenshot_files(svg_of("蛇"), tmp_path, 0.0)
    assert words.endswith("and .png (the PNG has boxes for what no font here has: 蛇)")
