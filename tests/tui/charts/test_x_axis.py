"""Looking closer, following, coming back."""

from hypothesis import given
from hypothesis import strategies as st

from babytrain.tui.charts.x_axis import StepWindow

STEPS = st.floats(10, 1e7)


def test_zooming_in_without_an_anchor_follows_the_newest_step():
    view = StepWindow().zoomed(2, newest=1000, whole=1000, anchor=None)
    assert view.follows
    assert view.span(1000, 100) == (500, 1000)


def test_zooming_keeps_the_anchor_at_its_place_on_the_screen():
    view = StepWindow().zoomed(4, newest=1000, whole=1000, anchor=250)
    first, last = view.span(1000, 100)
    assert last - first == 250
    assert (250 - first) / (last - first) == 0.25


def test_zooming_far_enough_out_shows_everything_again():
    view = StepWindow().zoomed(8, newest=1000, whole=1000, anchor=None)
    assert view.zoomed(1 / 16, newest=1000, whole=1000, anchor=None).is_whole


@given(newest=STEPS, factors=st.lists(st.floats(0.01, 100), max_size=8), anchor=st.none() | st.floats(0, 1))
def test_any_zooming_stays_a_sensible_view(newest, factors, anchor):
    view = StepWindow()
    for factor in factors:
        view = view.zoomed(factor, newest, newest, None if anchor is None else anchor * newest)
    if not view.is_whole:
        first, last = view.span(newest, 80)
        assert first < last
        assert last - first >= 7.9


@given(newest=st.integers(1000, 10**6), columns=st.integers(10, 200))
def test_a_following_view_moves_in_whole_columns(newest, columns):
    view = StepWindow(width=500.0)
    column = 500.0 / columns
    first, last = view.span(newest, columns)
    assert abs(last / column - round(last / column)) < 1e-6
    assert newest <= last < newest + column + 1e-6
    assert abs(last - first - 500.0) < 1e-6


def test_following_from_everything_shows_the_newest_part():
    view = StepWindow().following(1000)
    assert view.follows
    assert view.span(1000, 100) == (800, 1000)


def test_following_again_keeps_the_closeness():
    assert StepWindow(width=30.0, end=400.0).following(1000) == StepWindow(width=30.0, end=None)


@given(step=st.floats(0, 1000))
def test_a_view_moves_just_far_enough_to_show_a_step(step):
    first, last = StepWindow(width=100.0, end=500.0).containing(step, 1000).span(1000, 80)
    assert first <= step <= last
    assert last - first == 100
