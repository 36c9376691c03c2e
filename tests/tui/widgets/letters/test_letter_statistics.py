"""The letter board's figures and its tiles: what is said of a letter, and that no symbol ever moves a column."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from babytrain.runs.events import Confusion, Letters
from babytrain.tui.terminal.charset import CharsetName
from babytrain.tui.terminal.glyphs import GLYPHS
from babytrain.tui.widgets.letters.keyboard_layout import keyboard_rows, neighbouring_symbol
from babytrain.tui.widgets.letters.letter_statistics import (
    LetterScore,
    accuracy_line,
    change_text,
    confused_with,
    detail_lines,
    history_text,
    letter_scores,
    predicted_instead_of,
    recall_history,
    symbol_label,
    token_scores,
    tracked_letter_line,
    tracked_letter_sentence,
)
from babytrain.tui.widgets.letters.letter_tiles import BoardStyle, bar_board, key_board, recall_bar
from tests.tui.scripted_letters import LETTERS, letters_at

CHARSETS: tuple[CharsetName, ...] = ("braille", "blocks", "ascii")
HOSTILE = (
    "\u202e",
    "\x1b[31m",
    "e\u0301\u0301\u0301",
    "\u0301",
    "猫",
    "👩‍👩‍👧",
    "[bold]",
    "",
    "\\xff",
    "ש",
    "\n",
    "‱" * 40,
)
symbols = st.lists(st.one_of(st.text(max_size=3), st.sampled_from([*LETTERS, *HOSTILE])), unique=True, max_size=60)
shares = st.one_of(st.none(), st.floats(0, 1))


def letters(**changes: object) -> Letters:
    facts = {"t": 1.0, "step": 100, "symbols": ("e", "a"), "shares": (0.6, 0.4), "recalls": (0.9, 0.5)}
    return Letters(**(facts | {"precisions": (0.8, None)} | changes))  # type: ignore[arg-type]


def test_the_change_is_since_the_evaluation_before() -> None:
    first, second = letters(recalls=(0.5, 0.6)), letters(step=200)
    facts = letter_scores([first, second], 1)
    assert [fact.symbol for fact in facts] == ["e", "a"]
    assert facts[0].change == pytest.approx(0.4)
    assert facts[1].change == pytest.approx(-0.1)
    assert letter_scores([first, second], 0)[0].change is None
    assert recall_history([first, second], "a") == [0.6, 0.5]


def test_a_forged_event_is_read_as_far_as_it_makes_sense() -> None:
    odd = letters(symbols=("e", "e", "a", "o"), shares=(2.0,), recalls=(math.nan, 0.2, -1.0), precisions=())
    assert letter_scores([odd], 0) == (LetterScore("e", 1.0, None), LetterScore("a", None, 0.0))
    assert token_scores([odd], 0) == ()


def test_confusions_are_told_both_ways_most_frequent_first() -> None:
    confused = [("e", "a", 0.05), ("e", "i", 0.2), ("o", "e", 0.1), ("u", "e", math.nan)]
    event = letters(confusions=tuple(Confusion(truth=a, predicted=b, share=c) for a, b, c in confused))
    assert confused_with(event, "e") == [("i", 0.2), ("a", 0.05)]
    assert predicted_instead_of(event, "e") == [("o", 0.1)]
    words = detail_lines([event], 0, letter_scores([event], 0)[0], "braille")[1].plain
    assert words == "predicted instead i 20%, a 5%   predicted in place of o 10%"


@pytest.mark.parametrize(("change", "words"), [(0.034, "▲3"), (-0.012, "▼1"), (0.004, ""), (None, "")])
def test_a_change_is_in_points(change: float | None, words: str) -> None:
    assert change_text(change, "▲", "▼") == words


def test_the_favourite_has_a_history_and_kind_words() -> None:
    way = [
        letters_at(step, step * 0.05, tracked_letter_recall=recall, tracked_letter_precision=recall)
        for step, recall in ((1, 0.0), (2, 0.61), (3, 0.946))
    ]
    line = tracked_letter_line(way, 2, "braille").plain
    assert line.startswith("★ e: 0% → 61% → 95%  ")
    assert "Letter e: recall 95%, precision 95%. This goes on the fridge door." in line
    assert "61" in tracked_letter_line(way, 1, "ascii").plain
    assert tracked_letter_line([letters(tracked_letter="")], 0, "braille").plain == ""
    assert "does not stand in this text" in tracked_letter_sentence(letters(tracked_letter="ж"))


def test_a_letter_that_is_always_said_is_not_praised() -> None:
    collapsed = letters(tracked_letter="e", tracked_letter_recall=1.0, tracked_letter_precision=0.12)
    sentence = tracked_letter_sentence(collapsed)
    assert sentence == "It finds 100% of the letters e, by saying it too often: 12% are right."
    older = letters(symbols=("e",), precisions=(0.12,), tracked_letter="e", tracked_letter_recall=1.0)
    assert tracked_letter_sentence(older) == sentence


def test_a_long_history_keeps_its_ends() -> None:
    words = history_text([step / 100 for step in range(101)], GLYPHS["ascii"], 4)
    assert words.split(" > ") == ["0%", "33%", "67%", "100%"]


def test_the_accuracy_of_everything_is_told_with_its_way() -> None:
    line = accuracy_line([letters(accuracy=0.5), letters(accuracy=0.712)], 1, 60, "braille").plain
    assert line.startswith(" 71% ▲21 accuracy, over all letters")


# the keyboard


def test_latin_letters_stand_as_on_a_keyboard() -> None:
    rows = keyboard_rows(LETTERS)
    assert "".join(key.symbol for key in rows[0]) == "qwertyuiop"
    assert [row[0].left for row in rows[:3]] == [0.0, 0.5, 1.5]
    assert [key.symbol for row in rows for key in row if not key.present] == []
    assert max(key.width for row in rows for key in row if key.symbol == " ") > 2


def test_letters_the_text_lacks_keep_their_place() -> None:
    rows = keyboard_rows([letter for letter in LETTERS if letter != "q"])
    assert rows[0][0].symbol == "q"
    assert not rows[0][0].present


def test_capitals_have_a_board_of_their_own_and_digits_stand_above() -> None:
    everything = [chr(code) for code in range(32, 127)]
    rows = ["".join(key.symbol for key in row) for row in keyboard_rows(everything)]
    assert rows[0] == "1234567890"
    assert rows.index("QWERTYUIOP") > rows.index("zxcvbnm")


def test_other_writing_stands_most_common_first() -> None:
    greek = "αβγδεζηθικλμ"
    assert ["".join(key.symbol for key in row) for row in keyboard_rows(greek)] == ["αβγδεζηθικ", "λμ"]


@given(symbols)
def test_every_symbol_has_one_key_and_no_two_keys_lie_on_each_other(some: list[str]) -> None:
    rows = keyboard_rows(some)
    assert sorted(key.symbol for row in rows for key in row if key.present) == sorted(some)
    for row in rows:
        for key, following in pairwise(row):
            assert key.left + key.width <= following.left
        assert all(key.left >= 0 and key.left + key.width <= 10 for key in row)


@given(symbols.filter(bool), st.data())
def test_the_cursor_reaches_every_key_and_stays_on_the_board(some: list[str], data: st.DataObject) -> None:
    rows = keyboard_rows(some)
    here = data.draw(st.sampled_from(some))
    dx, dy = data.draw(st.sampled_from([(1, 0), (-1, 0), (0, 1), (0, -1)]))
    assert neighbouring_symbol(rows, here, dx, dy) in some
    seen = {here}
    for _ in some:
        here = neighbouring_symbol(rows, here, -1, 0)
    for _ in some:
        seen.add(here)
        here = neighbouring_symbol(rows, here, 1, 0)
    assert seen == set(some)


# what is drawn


@given(
    some=symbols,
    recalls=st.lists(shares, min_size=60, max_size=60),
    width=st.integers(1, 220),
    height=st.integers(1, 60),
    charset=st.sampled_from(CHARSETS),
    data=st.data(),
)
@settings(max_examples=60, deadline=None)
def test_every_line_is_as_wide_as_the_board(
    some: list[str], recalls: list[float | None], width: int, height: int, charset: CharsetName, data: st.DataObject
) -> None:
    facts = [LetterScore(symbol, 0.1, recalls[number], None, 0.4) for number, symbol in enumerate(some)]
    here = data.draw(st.sampled_from(some)) if some else ""
    look = BoardStyle(charset, here, here)
    for board in (key_board(facts, keyboard_rows(some), width, height, look), bar_board(facts, width, look)):
        assert {line.cell_length for line in board.lines} <= {width}
        for place in board.positions:
            assert board.at(place.x, place.y) == place.symbol
            assert place.y + place.height <= len(board.lines)


def test_bytes_are_told_apart_on_the_narrowest_tiles() -> None:
    facts = [LetterScore(symbol, 0.1, 0.5) for symbol in ("\\xd7", "\\xd8", "e")]
    board = key_board(facts, keyboard_rows([fact.symbol for fact in facts]), 40, 8, BoardStyle("braille"))
    shown = "\n".join(line.plain for line in board.lines)
    assert "d7" in shown
    assert "d8" in shown


@pytest.mark.parametrize("symbol", HOSTILE)
def test_no_symbol_is_obeyed_or_invisible(symbol: str) -> None:
    for charset in CHARSETS:
        label = symbol_label(symbol, charset)
        assert cell_len(label) > 0
        assert not any(char in label for char in "\x1b\u202e\n")
        assert charset != "ascii" or label.isascii()
    for look in (BoardStyle("braille", symbol), BoardStyle("braille")):
        lines = bar_board([LetterScore(symbol, 0.1, 0.5)], 40, look).lines
        assert {line.cell_length for line in lines} == {40}


@given(st.floats(0, 1), st.integers(1, 60), st.sampled_from(CHARSETS))
def test_a_bar_is_as_long_as_its_share(share: float, width: int, charset: CharsetName) -> None:
    bar = recall_bar(share, width, charset)
    assert cell_len(bar) == width
    filled = sum(bar.count(sign) for sign in ("#", "█"))
    assert abs(filled - share * width) <= 1


def test_in_ascii_how_much_is_known_is_seen_without_colour() -> None:
    facts = [LetterScore("e", 0.2, 0.9), LetterScore("q", 0.1, 0.1)]
    known, unknown = (line.plain for line in bar_board(facts, 60, BoardStyle("ascii", "e")).lines[1:])
    assert known.count("#") > 5 * unknown.count("#")
    assert known.startswith(">e")
