"""Whatever a model or a file says is shown and never obeyed."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import get_character_cell_size

from babytrain.tui.terminal.safe_text import SYMBOL_STYLE, safe_content, safe_line, safe_text

HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
NASTY = st.sampled_from(
    [
        *("\x1b[31m", "\x1b]0;title\x07", "\u202e", "\u2066", "\u200b", "\ufeff", "\r", "\r\n", "\t", "\x00", "\x7f"),
        *("\x9b2J", "\u2028", "\u0301", "\ufe0f", "\ud800", "\u00ad", "[bold]", "a", "\n", "句", "é"),
    ]
)
TEXTS = st.one_of(st.text(), st.lists(NASTY).map("".join))


@given(TEXTS)
def test_nothing_hidden_survives(text: str) -> None:
    shown = [char for char in safe_text(text) if char not in "\n\u200c\u200d"]  # joiners stay inside words
    assert [char for char in shown if unicodedata.category(char) in HIDDEN] == []


@pytest.mark.parametrize("text", ["کتاب‌ها", "می‌روم", "क्‍ष", "❤️", "👩‍💻", "🏳️‍🌈", "👍🏽", "1️⃣", "葛\U000e0100", "©︎"])
def test_words_and_emoji_stay_as_they_are(text: str) -> None:
    assert safe_text(f"a {text} b") == f"a {text} b"


@pytest.mark.parametrize(
    "text", ["pass\u200dword", "a\ufe0f", "\u200d", "ب\u200c", "ب\u200c\u200cب", "5\ufe0f", " \ufe0f"]
)
def test_what_hides_outside_of_words_is_shown(text: str) -> None:
    assert "‹" in safe_text(text)


@given(TEXTS)
def test_what_was_made_safe_stays_as_it_is(text: str) -> None:
    assert safe_text(safe_text(text)) == safe_text(text)


@given(TEXTS)
def test_it_can_always_be_written_to_a_terminal(text: str) -> None:
    safe_text(text).encode("utf-8")


@given(TEXTS)
def test_marks_never_pile_up_and_never_start_a_line(text: str) -> None:
    for line in safe_text(text).split("\n"):
        widths = [get_character_cell_size(char) for char in line]
        assert widths[:1] != [0]
        # A variation selector, three marks, a joiner.
        assert all(any(widths[index : index + 6]) for index in range(len(widths) - 5))


@given(st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=126)))
def test_plain_text_is_left_alone(text: str) -> None:
    assert safe_text(text) == text


@given(TEXTS)
def test_one_line_is_one_line(text: str) -> None:
    assert "\n" not in safe_line(text)
    assert "\n" not in safe_content(text, one_line=True).plain


@given(TEXTS, st.integers(min_value=1, max_value=50))
def test_a_cut_says_that_it_is_one(text: str, limit: int) -> None:
    if len(text) <= limit:
        assert safe_line(text, limit) == safe_line(text)
    else:
        assert safe_line(text, limit) == safe_line(text[: limit - 1] + "…")


@given(TEXTS)
def test_content_says_the_same_as_the_text(text: str) -> None:
    assert safe_content(text).plain == safe_text(text)


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("\x1b[31mred", "␛[31mred"),
        ("user\u202egpj.exe", "user‹RLO›gpj.exe"),
        ("zero\u200bwidth", "zero‹ZWSP›width"),
        ("bell\x07", "bell␇"),
        ("c1\x9b2J", "c1‹U+009B›2J"),
        ("file\udcff", "file‹U+DCFF›"),
        ("\u0301start", "‹U+0301›start"),
        ("one\r\ntwo\rthree", "one\ntwo␍three"),
        ("a\tb", "a    b"),
        ("[bold red]x[/]", "[bold red]x[/]"),
    ],
)
def test_hostile_text_is_visible(hostile: str, shown: str) -> None:
    assert safe_text(hostile) == shown


def test_symbols_look_unlike_text() -> None:
    content = safe_content("a\x1bb")
    assert [(span.start, span.end, span.style) for span in content.spans] == [(1, 2, SYMBOL_STYLE)]
