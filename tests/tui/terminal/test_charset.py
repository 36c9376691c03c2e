"""Terminals without Unicode get what they can show, in the same place."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.color import Color

from babytrain.tui.terminal.charset import fold_to_charset
from babytrain.tui.terminal.charset_filter import CharsetFilter
from babytrain.tui.terminal.safe_text import safe_line

EMOJI = st.sampled_from(["❤️", "👩‍💻", "1️⃣", "क्‍ष", "e\u0301", "कि", "a", " "])
TEXTS = st.one_of(st.text(), st.lists(EMOJI).map("".join)).map(safe_line)


@given(TEXTS)
def test_ascii_is_ascii_of_the_same_width(text: str) -> None:
    folded = fold_to_charset(text, "ascii")
    assert folded.isascii()
    assert cell_len(folded) == cell_len(text)


@given(TEXTS)
def test_blocks_keep_the_width(text: str) -> None:
    assert cell_len(fold_to_charset(text, "blocks")) == cell_len(text)


@given(TEXTS)
def test_braille_terminals_get_everything(text: str) -> None:
    assert fold_to_charset(text, "braille") == text


def test_frames_stay_frames() -> None:
    assert fold_to_charset("╭─ 1 loss ─╮│╰╯", "ascii") == "+- 1 loss -+|++"
    assert fold_to_charset("╭─ 1 loss ─╮│╰╯", "blocks") == "┌─ 1 loss ─┐│└┘"


def test_styles_and_control_codes_stay() -> None:
    style = Style(bold=True)
    segments = [Segment("a…", style), Segment("plain", style)]
    assert CharsetFilter("ascii").apply(segments, Color(0, 0, 0)) == [Segment("a~", style), Segment("plain", style)]
