"""Which words of two texts differ, and where a text is marked."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from babytrain.tui.terminal.safe_text import TextHighlight, safe_content, safe_highlighted, safe_text
from babytrain.tui.widgets.samples.sample_comparison import MAX_COMPARED_WORDS, compare_texts

WORDS = st.lists(
    st.sampled_from(["frog", "moon", "the", "e\u0301t", "句", ",", "\n", "\r\n", "[b]", "\u202e", " "])
).map(" ".join)


@pytest.mark.parametrize(
    ("left", "right", "only_left", "only_right"),
    [
        ("the old frog", "the old frog", [], []),
        ("the old frog", "the new frog", ["old"], ["new"]),
        ("around the old moon", "around the morning sun", ["old moon"], ["morning sun"]),
        ("a b\nc d", "", ["a b", "c d"], []),
        ("don't go", "do go", ["don't"], ["do"]),
        ("sun, moon", "sun moon", [","], []),
        ("cafe\u0301 bar", "cafe bar", ["cafe\u0301"], ["cafe"]),
        ("the  frog", "the\nfrog", [], []),
    ],
)
def test_words_that_differ(left: str, right: str, only_left: list[str], only_right: list[str]) -> None:
    found = compare_texts(left, right)
    assert [left[start:end] for start, end in found.left] == only_left
    assert [right[start:end] for start, end in found.right] == only_right


@given(WORDS, WORDS)
def test_without_the_marked_words_both_texts_say_the_same(left: str, right: str) -> None:
    def rest(text: str, stretches: tuple[tuple[int, int], ...]) -> list[str]:
        for start, end in reversed(stretches):
            text = f"{text[:start]} {text[end:]}"
        return text.split()

    found = compare_texts(left, right)
    assert "".join(rest(left, found.left)) == "".join(rest(right, found.right))
    assert all("\n" not in left[start:end] for start, end in found.left)
    assert (found.same_share == 1.0) == (not found.left and not found.right)


@given(WORDS)
def test_a_text_is_the_same_as_itself(text: str) -> None:
    found = compare_texts(text, text)
    assert (found.left, found.right, found.same_share) == ((), (), 1.0)


def test_endless_texts_are_compared_in_their_first_part_and_it_is_said() -> None:
    text = "the frog " * MAX_COMPARED_WORDS
    found = compare_texts(text, f"{text} end")
    assert not found.is_whole
    assert found.left == ()


@given(WORDS, st.integers(0, 40), st.integers(0, 40))
def test_a_mark_changes_nothing_but_itself(text: str, start: int, length: int) -> None:
    marked = safe_highlighted(text, [TextHighlight(start, start + length, "bold")])
    assert marked.plain == safe_text(text)
    assert [span for span in safe_content(text).spans if span.style != ""] == [
        span for span in marked.spans if span.style not in ("", "bold")
    ]
    inside = "".join(marked.plain[span.start : span.end] for span in marked.spans if span.style == "bold")
    if "\r\n" not in text:
        assert inside == safe_text("x" + text[: start + length])[len(safe_text("x" + text[:start])) :]


def test_signs_stand_around_a_mark_whatever_is_in_it() -> None:
    marked = safe_highlighted(
        "a\r\n\x1b[31mb 句\u0301c", [TextHighlight(3, 9, "bold", "[", "]"), TextHighlight(10, 11, "bold", "[", "]")]
    )
    assert marked.plain == "a\n[␛[31mb] [句]\u0301c"
    assert cell_len(marked.plain.split("\n")[1]) == len("[␛[31mb] [") + 4
