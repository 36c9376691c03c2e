"""The one-line history: always as wide as asked, newest value last, gaps where nothing was measured."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from babytrain.tui.charts.sparkline import BAR_LEVELS, MISSING_VALUE_SIGN, sparkline

VALUES = st.lists(st.one_of(st.none(), st.floats()), max_size=30)


@pytest.mark.parametrize("charset", ["braille", "blocks", "ascii"])
@given(values=VALUES, width=st.integers(-1, 40), low=st.none() | st.floats(), high=st.none() | st.floats())
def test_it_is_exactly_as_wide_as_asked(charset, values, width, low, high):
    text = sparkline(values, width, low, high, charset)
    assert len(text) == max(0, width)
    assert set(text) <= set(BAR_LEVELS[charset]) | {MISSING_VALUE_SIGN}


def test_the_newest_value_stands_at_the_right():
    assert sparkline([0, 0, 0, 100], 2, 0, 100) == "▁█"
    assert sparkline([100], 3, 0, 100) == "  █"


def test_missing_values_are_gaps_and_not_zeros():
    assert sparkline([0, None, math.nan, math.inf, 0], 5, 0, 100) == "▁   ▁"


def test_eight_levels_are_told_apart():
    assert sparkline(range(8), 8) == "▁▂▃▄▅▆▇█"


def test_values_outside_the_scale_are_drawn_at_its_ends():
    assert sparkline([-50, 150], 2, 0, 100) == "▁█"


def test_a_constant_history_is_neither_full_nor_empty():
    assert sparkline([5, 5], 2) == "▄▄"


def test_a_fixed_scale_shows_how_full_each_value_is():
    assert sparkline([0, 50, 100], 3, 0, 100) == "▁▅█"
