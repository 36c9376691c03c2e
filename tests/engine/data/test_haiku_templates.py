"""Lines from templates: counted, drawn, read back, and their entropy - all of the same distribution."""

from __future__ import annotations

import math
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from babytrain.engine.data.haiku.templates import LineTable, Slot, Template
from tests.engine.data.haiku_parser import derivations, line_probability, lines_of

# One letter is one syllable here: "ab" has two.
phrases = st.lists(st.text("xyz", min_size=1, max_size=3), min_size=1, max_size=6, unique=True)


def slot(*texts: str) -> Slot:
    return Slot(texts, len)


def all_fillings(rows: list[list[str]], syllables: int) -> list[str]:
    lines = [[]]
    for row in rows:
        lines = [[*line, phrase] for line in lines for phrase in row]
    return [" ".join(line) for line in lines if sum(map(len, line)) == syllables]


@given(st.lists(phrases, min_size=1, max_size=4), st.integers(1, 7))
def test_a_template_counts_and_numbers_exactly_its_fillings(rows, syllables):
    template = Template([slot(*row) for row in rows], syllables)
    expected = all_fillings(rows, syllables)
    assert template.count == len(expected)
    assert Counter(template.nth(number) for number in range(template.count)) == Counter(expected)
    with pytest.raises(IndexError):
        template.nth(template.count)


@given(st.lists(phrases, min_size=1, max_size=4), st.integers(1, 7))
def test_mean_length_and_derivations_are_those_of_the_fillings(rows, syllables):
    template = Template([slot(*row) for row in rows], syllables)
    expected = Counter(all_fillings(rows, syllables))
    for line, ways in expected.items():
        assert derivations(template, line) == ways
    if expected:
        assert template.mean_length == pytest.approx(
            sum(len(line) * n for line, n in expected.items()) / template.count
        )
    assert derivations(template, "q") == 0
    assert derivations(template, "") == 0


def test_phrases_of_several_words_are_read_back():
    def words(phrase: str) -> int:
        return len(phrase.split())

    template = Template([Slot(["a b", "a", "a b b"], words), Slot(["b c", "c"], words)], 3)
    assert sorted(template.nth(number) for number in range(template.count)) == ["a b c", "a b c"]
    assert derivations(template, "a b c") == 2
    assert derivations(template, "a b b c") == 0
    assert derivations(template, "a b") == 0


def test_a_table_is_a_distribution_with_the_entropy_it_claims():
    table = LineTable.of([Template([slot("x", "y", "z"), slot("xx", "yy")], 3), Template([slot("zzz")], 3)])
    chances = {line: line_probability(table, line) for line in lines_of(table)}
    assert len(chances) == 7
    assert sum(chances.values()) == pytest.approx(1)
    assert table.entropy_nats == pytest.approx(-sum(p * math.log(p) for p in chances.values()))
    assert table.mean_length == pytest.approx(sum(p * len(line) for line, p in chances.items()))
    # 6 fillings weigh 3 (three bits), 1 filling weighs 1.
    assert chances["zzz"] == pytest.approx(1 / 4)
    assert line_probability(table, "xyz") == 0


def test_every_number_drawn_gives_a_line_and_all_lines_come_up():
    table = LineTable.of([Template([slot("x", "y"), slot("z")], 2), Template([slot("zz")], 2)])
    drawn = set()
    for first in range(table.weights[0] + table.weights[1]):
        for second in range(2):
            numbers = iter([first, second])
            drawn.add(table.draw(lambda n, numbers=numbers: next(numbers) % n))
    assert drawn == set(lines_of(table))


def test_a_table_without_lines_is_refused():
    with pytest.raises(ValueError, match="syllables"):
        LineTable.of([Template([slot("xxx")], 2)])
