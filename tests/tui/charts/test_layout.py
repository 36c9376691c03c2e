"""The y range: a lone accident is cut off, everything that belongs to the curve is not."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from babytrain.tui.charts.downsampling import ColumnIntervals
from babytrain.tui.charts.layout import padded_range, robust_range


def falling(n: int = 150) -> np.ndarray:
    return 1.5 + 2.7 * np.exp(-np.arange(n) / 15)


def band(values: np.ndarray) -> ColumnIntervals:
    return ColumnIntervals(values - 0.1, values + 0.1)


def test_a_curve_is_shown_whole_from_its_high_start():
    low, high = robust_range([falling()], [band(falling())])
    assert low == pytest.approx(1.4, abs=0.01)
    assert high >= falling()[0]


def test_one_spike_does_not_flatten_the_curve():
    noise = band(falling())
    noise.high[70] = 500.0
    assert robust_range([falling()], [noise])[1] < 6


def test_a_mild_spike_is_simply_shown():
    noise = band(falling())
    noise.high[70] = 5.0
    assert robust_range([falling()], [noise])[1] == 5.0


def test_a_run_that_blows_up_is_seen_to():
    values = falling()
    values[-12:] = np.linspace(2, 40, 12)
    assert robust_range([values], [band(values)])[1] > 25


def test_a_dip_far_below_is_cut_off_too():
    noise = band(falling())
    noise.low[70] = -1e6
    assert robust_range([falling()], [noise])[0] > 0


def test_noise_everywhere_belongs_to_the_picture():
    flat = np.full(150, 1.5)
    noise = ColumnIntervals(np.full(150, 0.5), np.full(150, 2.5))
    assert robust_range([flat], [noise]) == (0.5, 2.5)


def test_nothing_finite_has_no_range():
    nothing = np.full(5, np.nan)
    assert robust_range([nothing], [ColumnIntervals(nothing, nothing)]) is None
    assert robust_range([], []) is None


@given(line=hnp.arrays(np.float64, st.integers(0, 20)), low=hnp.arrays(np.float64, 8), high=hnp.arrays(np.float64, 8))
def test_any_data_gives_a_range_that_can_be_drawn(line, low, high):
    found = robust_range([line], [ColumnIntervals(low, high)])
    if found is not None:
        bottom, top = padded_range(min(found), max(found))
        assert np.isfinite([bottom, top]).all()
        assert bottom < top
