"""Downsampling: extremes survive, gaps stay gaps, what lies between points is bridged."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from babytrain.tui.charts.downsampling import (
    ColumnIntervals,
    bucket_extremes,
    bucket_means,
    bucket_rows,
    connect_columns,
    dot_row,
    dot_rows,
    fill_empty_columns,
    outer_points,
)

COLUMNS = st.integers(1, 50)


@given(
    x=hnp.arrays(np.int64, st.integers(0, 80), elements=st.integers(-1000, 1000)),
    low=st.floats(-1100, 1000),
    span=st.floats(0.5, 3000),
    columns=COLUMNS,
)
def test_every_point_in_view_is_in_exactly_its_bucket(x, low, span, columns):
    x = np.sort(x)
    high = low + span
    for column in (x, x.astype(np.float64)):
        rows = bucket_rows(column, low, high, columns)
        assert len(rows) == columns + 1
        assert (np.diff(rows) >= 0).all()
        inside = np.flatnonzero((column >= low) & (column <= high))
        assert rows[-1] - rows[0] == len(inside)
        edges = np.linspace(low, high, columns + 1)
        for bucket in range(columns):
            part = column[rows[bucket] : rows[bucket + 1]]
            assert ((part >= edges[bucket] - 1e-9) & (part <= edges[bucket + 1] + 1e-9)).all()


@given(values=hnp.arrays(np.float64, st.integers(1, 60)), columns=COLUMNS)
def test_buckets_hold_the_extremes_and_ignore_what_is_missing(values, columns):
    values = np.where(np.isfinite(values), values, np.nan)
    rows = bucket_rows(np.arange(len(values)), 0, max(1, len(values) - 1), columns)
    intervals = bucket_extremes(values, values, rows)
    for bucket in range(columns):
        part = values[rows[bucket] : rows[bucket + 1]]
        part = part[np.isfinite(part)]
        if len(part):
            assert intervals.low[bucket] == part.min()
            assert intervals.high[bucket] == part.max()
        else:
            assert np.isnan(intervals.low[bucket])
            assert np.isnan(intervals.high[bucket])


def test_means_of_buckets():
    means = bucket_means(np.array([1.0, 3.0, 10.0]), np.array([0, 2, 2, 3]))
    assert means[0] == 2
    assert np.isnan(means[1])
    assert means[2] == 10


def line(values):
    return ColumnIntervals(np.array(values, dtype=float), np.array(values, dtype=float))


def test_columns_without_points_are_bridged():
    rows = np.array([0, 1, 1, 1, 2])
    assert fill_empty_columns(line([0, np.nan, np.nan, 3]), rows).low.tolist() == [0, 1, 2, 3]


def test_a_column_of_missing_points_breaks_the_line():
    rows = np.array([0, 1, 1, 2, 2, 3])
    assert np.isnan(fill_empty_columns(line([0, np.nan, np.nan, np.nan, 4]), rows).low).tolist() == [
        False,
        True,
        True,
        True,
        False,
    ]


def test_a_line_leaves_the_view_towards_its_next_point():
    x, values = np.array([0.0, 10.0, 20.0]), np.array([0.0, 10.0, 20.0])
    rows = bucket_rows(x, 5, 15, 10)
    intervals = bucket_extremes(values, values, rows)
    before, after = outer_points(x, values, rows, 5, 15)
    bridged = fill_empty_columns(intervals, rows, before, after)
    assert np.allclose(bridged.low, np.arange(10) + 5.5, atol=1.0)
    assert not np.isnan(bridged.low).any()


@given(values=hnp.arrays(np.float64, st.integers(0, 30)), low=st.floats(-1e9, 1e9), span=st.floats(1e-3, 1e9))
def test_any_value_has_a_dot_on_the_canvas(values, low, span):
    rows = dot_rows(values, low, low + span, 40)
    for value, row in zip(values.tolist(), rows.tolist(), strict=True):
        if np.isnan(value):
            assert row == -1
            continue
        assert 0 <= row <= 39
        if np.isfinite(value):
            assert row == dot_row(value, low, low + span, 40)


@given(data=st.data(), columns=st.integers(1, 30))
def test_joined_columns_touch_and_keep_what_they_had(data, columns):
    ends = [sorted(data.draw(st.tuples(st.integers(0, 40), st.integers(0, 40)))) for _ in range(columns)]
    holes = data.draw(st.sets(st.integers(0, columns - 1)))
    top = np.array([-1 if at in holes else pair[0] for at, pair in enumerate(ends)])
    bottom = np.array([-1 if at in holes else pair[1] for at, pair in enumerate(ends)])
    new_top, new_bottom = connect_columns(top, bottom)
    for at in range(columns):
        if at in holes:
            assert (new_top[at], new_bottom[at]) == (-1, -1)
            continue
        assert new_top[at] <= top[at]
        assert new_bottom[at] >= bottom[at]
        if at and at - 1 not in holes:
            assert new_top[at] <= new_bottom[at - 1] + 1
            assert new_bottom[at] >= new_top[at - 1] - 1
