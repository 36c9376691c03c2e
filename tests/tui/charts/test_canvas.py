"""Dots into characters, words into cells, and rows that are always exactly as wide as the canvas."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.style import Style

from babytrain.tui.charts.canvas import CHART_CHARSETS, Canvas, column_dots
from babytrain.tui.terminal.charset import detect_charset, fold_to_charset

PALETTE = [Style()] * 20


def text(canvas: Canvas) -> list[str]:
    return [canvas.strip(y, PALETTE).text for y in range(canvas.height)]


@pytest.mark.parametrize(
    ("environ", "encoding", "expected"),
    [
        ({"TERM": "xterm-256color"}, "UTF-8", "braille"),
        ({"TERM": "linux"}, "utf8", "blocks"),
        ({"TERM": "xterm-256color"}, "ANSI_X3.4-1968", "ascii"),
        ({"TERM": "vt100"}, "utf-8", "ascii"),
        ({"TERM": "xterm", "LC_ALL": "C"}, "utf-8", "ascii"),
        ({"TERM": "xterm", "LANG": "C", "LC_CTYPE": "C.UTF-8"}, "utf-8", "ascii"),
        ({"TERM": "xterm", "LANG": "C", "LC_ALL": "de_DE.UTF-8"}, "utf-8", "braille"),
        ({"TERM": "xterm", "LC_CTYPE": "C.UTF-8"}, "utf-8", "braille"),
        ({"TERM": "xterm-256color"}, "iso8859-1", "ascii"),
        ({"TERM": "linux", "BABYTRAIN_CHARSET": "braille"}, "ascii", "braille"),
        ({"BABYTRAIN_CHARSET": " ASCII "}, "UTF-8", "ascii"),
        ({"BABYTRAIN_CHARSET": "morse"}, "UTF-8", "braille"),
        ({}, "cp65001", "braille"),
    ],
)
def test_the_richest_charset_the_terminal_can_show(environ, encoding, expected):
    assert detect_charset(environ, encoding) == expected


def test_two_by_four_dots_make_one_braille_character():
    canvas = Canvas(1, 1, CHART_CHARSETS["braille"])
    canvas.stamp(0, (np.array([0, 1, 2, 3]), np.array([0, 0, 0, 0])), 1)
    assert text(canvas) == ["⡇"]
    canvas.stamp(0, (np.array([0, 3]), np.array([1, 1])), 1)
    assert text(canvas) == ["⢈"]


@given(rows=st.integers(1, 6), columns=st.integers(1, 9), data=st.data())
@pytest.mark.parametrize("name", CHART_CHARSETS)
def test_every_dot_is_inked_somewhere_in_its_cell(name, rows, columns, data):
    charset = CHART_CHARSETS[name]
    row = data.draw(st.integers(0, rows * charset.dots_down - 1))
    column = data.draw(st.integers(0, columns * charset.dots_across - 1))
    canvas = Canvas(columns + 2, rows, charset)
    canvas.stamp(2, (np.array([row]), np.array([column])), 1)
    picture = text(canvas)
    assert picture[row // charset.dots_down][2 + column // charset.dots_across] != " "
    assert sum(char != " " for line in picture for char in line) == 1


def test_a_line_replaces_the_band_but_shares_a_cell_with_another_line():
    canvas = Canvas(1, 1, CHART_CHARSETS["braille"])
    canvas.stamp(0, (np.array([0]), np.array([0])), 3)
    canvas.stamp(0, (np.array([1]), np.array([0])), 4)
    assert text(canvas) == ["⠂"]
    canvas.stamp(0, (np.array([2]), np.array([0])), 5, joins=[4])
    assert text(canvas) == ["⠆"]


def test_a_stippled_column_keeps_both_ends():
    row, column = column_dots(np.array([1, -1, 0]), np.array([6, -1, 0]), "stipple")
    dots = set(zip(row.tolist(), column.tolist(), strict=True))
    assert {(1, 0), (6, 0), (0, 2)} <= dots
    assert len(dots) < 7


@given(words=st.text(max_size=12), x=st.integers(-5, 12), y=st.integers(-1, 3))
@pytest.mark.parametrize("name", CHART_CHARSETS)
def test_hostile_words_never_change_the_width_of_a_row(name, words, x, y):
    canvas = Canvas(8, 2, CHART_CHARSETS[name])
    canvas.put(x, y, words, 1)
    for line in text(canvas):
        assert cell_len(line) == 8
        assert line.isprintable()


@given(words=st.text(max_size=20))
def test_plain_ascii_stays_plain_and_as_wide(words):
    folded = fold_to_charset(words, "ascii")
    assert folded.isascii()
    if words.isprintable():
        assert cell_len(folded) == cell_len(words)


def test_only_what_changed_is_painted_again():
    before, after = (Canvas(10, 3, CHART_CHARSETS["braille"]) for _ in range(2))
    after.put(4, 1, "ab", 1)
    assert [(region.x, region.y, region.width) for region in after.changed_regions(before)] == [(4, 1, 2)]
    assert after.changed_regions(after) == []


def test_neighbouring_cells_of_one_style_are_one_segment():
    canvas = Canvas(12, 1, CHART_CHARSETS["ascii"])
    canvas.put(2, 0, "ab cd", 1)
    assert len(list(canvas.strip(0, PALETTE))) == 1
    canvas.put(9, 0, "x", 2)
    assert len(list(canvas.strip(0, PALETTE))) == 2
