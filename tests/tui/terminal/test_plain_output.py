"""Hostile text piece by piece onto a plain terminal: the same as if it had come at once."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from babytrain.tui.terminal.plain_output import ExactOutput, PlainOutput, SafeStream, output_for
from babytrain.tui.terminal.safe_text import safe_text
from babytrain.tui.text.token_bars import next_token_lines

NASTY = st.sampled_from(
    ["\x1b[31m", "\u202e", "\r", "\n", "\r\n", "\t", "e\u0301", "\u0301", "\ufe0f", "句", "ب", "\u200c", "[bold]"]
)
PIECES = st.lists(st.one_of(NASTY, st.text(max_size=4)), max_size=12)


@given(PIECES)
def test_a_text_in_pieces_is_shown_like_the_whole(pieces: list[str]) -> None:
    stream = SafeStream()
    shown = [stream.feed(piece) for piece in pieces]
    assert "".join(shown) + stream.end() == safe_text("".join(pieces), tab="\t")


@given(PIECES)
def test_an_ascii_terminal_gets_ascii(pieces: list[str]) -> None:
    terminal = io.TextIOWrapper(io.BytesIO(), encoding="ascii", errors="strict")
    output = PlainOutput(terminal, "ascii")
    for piece in pieces:
        output.write(piece)
    output.end()


def test_what_follows_a_text_begins_a_line() -> None:
    stream = io.StringIO()
    output = PlainOutput(stream, "braille")
    output.write("a frog")
    output.line("note")
    output.write("a text\n")
    output.end()
    output.end()
    assert stream.getvalue() == "a frog\nnote\na text\n"


def test_bars_show_what_comes_next() -> None:
    likeliest = [("o", 0.81), ("e", 0.06), (" ", 0.003), ("⏎", 0.0)]
    lines = next_token_lines("hell", likeliest, 25, "braille")
    assert lines == [
        "hell -> o  81% ████████▏",
        "        e   6% ▋",
        "        ␣  <1%",
        "        ⏎   0%",
    ]


TOKENS = st.lists(st.tuples(st.one_of(NASTY, st.text(max_size=30)), st.floats(0.0, 1.0)), min_size=1, max_size=8)


@given(st.text(max_size=60), TOKENS, st.integers(20, 120))
def test_bars_never_break_the_layout(text: str, likeliest: list[tuple[str, float]], width: int) -> None:
    lines = next_token_lines(text, likeliest, width, "braille")
    assert len(lines) == len(likeliest)
    for line in lines:
        assert cell_len(line) <= width
        assert "\n" not in line
        assert safe_text(line) == line


@pytest.mark.parametrize("charset", ["ascii", "blocks"])
def test_bars_without_unicode(charset: str) -> None:
    lines = next_token_lines("hell…", [("o", 0.5), ("é⏎", 0.01)], 60, charset)  # type: ignore[arg-type]
    assert charset == "blocks" or all(line.isascii() for line in lines)
    assert ("#" if charset == "ascii" else "█") * 10 in lines[0]


@given(st.binary())
def test_a_pipe_gets_the_exact_bytes(data: bytes) -> None:
    pipe = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    output = output_for(pipe)
    for byte in data:
        output.write(bytes([byte]).decode("latin-1").encode("latin-1").decode("utf-8", "surrogateescape"))
    output.end()
    assert pipe.buffer.getvalue() == data  # type: ignore[attr-defined]


def test_texts_in_a_pipe_are_kept_apart_and_nothing_is_added_at_the_end() -> None:
    pipe = io.BytesIO()
    output = ExactOutput(pipe)
    output.write("a")
    output.write("b")
    output.end()
    output.write("c\n")
    output.end()
    output.write("d")
    output.end()
    assert pipe.getvalue() == b"ab\nc\nd"
