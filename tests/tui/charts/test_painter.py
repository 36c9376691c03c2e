"""The whole drawing: any data at any size, spikes that stay visible, words that stay in place."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from rich.cells import cell_len
from rich.style import Style

from babytrain.tui.charts.canvas import CHART_CHARSETS
from babytrain.tui.charts.painter import Drawing, draw_plot
from babytrain.tui.charts.plot import (
    STYLE_NAMES,
    STYLE_NUMBERS,
    AxisMarks,
    EventMark,
    Plot,
    PointMarks,
    ReferenceLevel,
    Series,
)

PALETTE = [Style()] * len(STYLE_NAMES)
WILD = st.one_of(
    st.floats(),
    st.sampled_from([0.0, -0.0, np.nan, np.inf, -np.inf, 1e300, -1e300, 1.7e308, 5e-324, 1.5, 1.5]),
)


def picture_text(picture: Drawing) -> list[str]:
    return [picture.canvas.strip(y, PALETTE).text for y in range(picture.canvas.height)]


def curve(values, x=None, **changes) -> Series:
    values = np.asarray(values, dtype=np.float64)
    x = np.arange(len(values)) if x is None else np.asarray(x)
    return Series(x, values, values, values, "train", band="band", **changes)


def cells_of(picture: Drawing, *styles: str) -> np.ndarray:
    wanted = [STYLE_NUMBERS[style] for style in styles]
    return np.isin(picture.canvas.styles, wanted) & (picture.canvas.codes != ord(" "))


@settings(max_examples=150, deadline=None)
@given(
    values=hnp.arrays(np.float64, st.integers(0, 60), elements=WILD),
    steps=hnp.arrays(np.int64, 60, elements=st.integers(0, 10**12)),
    width=st.integers(0, 130),
    height=st.integers(0, 40),
    limits=st.tuples(WILD, WILD),
    level=WILD,
    crosshair=st.none() | WILD,
    log_y=st.booleans(),
    kind=st.sampled_from(["value", "count", "time"]),
    name=st.sampled_from(list(CHART_CHARSETS)),
)
def test_any_data_at_any_size_is_drawn_in_rows_of_exactly_that_width(
    values, steps, width, height, limits, level, crosshair, log_y, kind, name
):
    x = np.sort(steps[: len(values)])
    places = np.sort(values)
    plot = Plot(
        series=(curve(values, x), Series(x, values, values, values, "val", texture="dashed", markers=True)),
        x_low=limits[0],
        x_high=limits[1],
        x_kind=kind,
        x_name="step",
        levels=(ReferenceLevel(level, "floor", reach=True),),
        marks=(EventMark(level, "up", "lr×2"), EventMark(float("nan"), "saved", "saved")),
        axis_marks=(AxisMarks(places, "saved", "saved"),),
        point_marks=(PointMarks(places, values, "bad", "bad"),),
        log_y=log_y,
        crosshair=crosshair,
        message="nothing yet",
    )
    picture = draw_plot(plot, width, height, CHART_CHARSETS[name])
    lines = picture_text(picture)
    assert len(lines) == height
    for line in lines:
        assert cell_len(line) == width
        assert line.isprintable()
        if name == "ascii":
            assert line.isascii()


@pytest.mark.parametrize("size", [(2, 1), (16, 4), (40, 8), (120, 36), (400, 100)])
@pytest.mark.parametrize("name", CHART_CHARSETS)
def test_sizes_from_two_by_one_to_a_wall(size, name):
    values = 1.5 + 2.7 * np.exp(-np.arange(3000) / 300)
    plot = Plot(series=(curve(values),), x_high=3000, x_name="step")
    picture = draw_plot(plot, *size, CHART_CHARSETS[name])
    assert all(cell_len(line) == size[0] for line in picture_text(picture))
    assert cells_of(picture, "train").any()


@settings(max_examples=60, deadline=None)
@given(n=st.integers(3, 5000), data=st.data(), up=st.booleans(), name=st.sampled_from(list(CHART_CHARSETS)))
def test_a_single_spike_anywhere_is_visible(n, data, up, name):
    at = data.draw(st.integers(0, n - 1))
    smooth = np.full(n, 2.0)
    values = smooth.copy()
    values[at] = 9.0 if up else -9.0
    series = Series(np.arange(n), values, values, smooth, "train", band="band")
    picture = draw_plot(Plot(series=(series,), x_high=n - 1), 100, 20, CHART_CHARSETS[name])
    area = picture.area
    inked = cells_of(picture, "band", "train")
    assert inked.any(axis=1).sum() >= area.rows // 3
    edge = 0 if up else area.rows - 1
    column = area.left + min(area.columns - 1, int(at / (n - 1) * area.columns))
    assert inked[edge, column - 1 : column + 2].any()
    if n > 2 * area.columns:  # so narrow that it is a needle, not a tent
        assert inked[edge].sum() <= 2


def test_an_outlier_cut_off_is_counted_and_the_count_is_shown():
    values = 1.5 + 2.7 * np.exp(-np.arange(1000) / 100)
    spiky = values.copy()
    spiky[[500, 501, 700]] = 1e6
    series = Series(np.arange(1000), values, spiky, values, "train", band="band")
    picture = draw_plot(Plot(series=(series,), x_high=1000), 80, 18, CHART_CHARSETS["braille"])
    assert picture.off_screen == 3
    assert any("3 off-screen" in line for line in picture_text(picture))


def test_points_without_a_logarithm_are_counted_as_off_screen():
    values = np.linspace(1.0, 2.0, 100)
    values[50] = -1.0
    picture = draw_plot(Plot(series=(curve(values),), x_high=99, log_y=True), 80, 18, CHART_CHARSETS["braille"])
    assert picture.off_screen == 1


def test_missing_values_leave_a_gap():
    values = np.full(200, 2.0)
    values[:100] = np.linspace(3, 2, 100)
    values[100:150] = np.nan
    picture = draw_plot(Plot(series=(curve(values),), x_high=199), 105, 20, CHART_CHARSETS["braille"])
    inked = cells_of(picture, "train", "band").any(axis=0)[picture.area.left :]
    gap = inked[52:73]
    assert not gap.any()
    assert inked[:49].all()
    assert inked[76:].all()


def test_bad_points_are_marked_once_a_cell():
    values = np.full(200, 2.0)
    x = np.full(5000, 100.0)
    plot = Plot(series=(curve(values),), x_high=199, point_marks=(PointMarks(x, np.full(5000, 2.0), "bad", "bad"),))
    picture = draw_plot(plot, 80, 18, CHART_CHARSETS["braille"])
    assert sum(line.count("✱") for line in picture_text(picture)) == 1


def test_words_about_a_change_stand_at_its_step():
    values = np.linspace(2, 1, 100)
    plot = Plot(series=(curve(values),), x_high=99, marks=(EventMark(60, "down", "lr×0.5"),))
    picture = draw_plot(plot, 80, 18, CHART_CHARSETS["braille"])
    line = next(line for line in picture_text(picture) if "lr×0.5" in line)
    column = picture.area.left + int(60 / 99 * picture.area.columns)
    assert line[column] == "▼"
    assert picture_text(picture)[picture.area.rows][column] == "▼"


def test_crowded_marks_never_write_over_each_other():
    values = np.linspace(2, 1, 100)
    marks = tuple(EventMark(float(at), "up", f"lr×{at}") for at in range(0, 100, 3))
    plot = Plot(series=(curve(values),), x_high=99, marks=marks)
    text = "\n".join(picture_text(draw_plot(plot, 80, 18, CHART_CHARSETS["ascii"])))
    words = re.findall(r"lrx?\w*", text)
    assert 1 <= len(words) < len(marks)
    assert set(words) <= {f"lrx{at}" for at in range(0, 100, 3)}


def test_a_level_out_of_range_is_not_drawn_and_a_near_one_is():
    values = np.linspace(4, 1.5, 100)
    plot = Plot(
        series=(curve(values),),
        x_high=99,
        levels=(ReferenceLevel(1.2, "floor 1.20", reach=True), ReferenceLevel(9.0, "far")),
    )
    text = "\n".join(picture_text(draw_plot(plot, 80, 18, CHART_CHARSETS["braille"])))
    assert "floor 1.20" in text
    assert "far" not in text


def test_validation_differs_from_training_without_colour():
    x = np.arange(0, 1000, 50)
    losses = np.full(len(x), 2.0)
    validation = Series(x, losses, losses, losses, "val", texture="dashed", markers=True)
    training = Series(np.arange(1000), *[np.linspace(4, 3, 1000)] * 3, "train")
    for name in CHART_CHARSETS:
        picture = draw_plot(Plot(series=(validation, training), x_high=999), 100, 20, CHART_CHARSETS[name])
        lines = picture_text(picture)
        assert sum(line.count(CHART_CHARSETS[name].point) for line in lines[: picture.area.rows]) >= 15
        row = next(line for line in lines if line.count(CHART_CHARSETS[name].point) >= 15)
        assert row[picture.area.left :].count(" ") >= 3  # dashed
        assert cells_of(picture, "train").any(axis=0)[picture.area.left :].all()  # solid


def test_the_same_thing_is_drawn_twice_alike():
    plot = Plot(series=(curve(np.random.default_rng(1).normal(size=500)),), x_high=500, x_name="step")
    first = draw_plot(plot, 90, 20, CHART_CHARSETS["braille"])
    second = draw_plot(plot, 90, 20, CHART_CHARSETS["braille"], first.gutter)
    assert first.canvas.changed_regions(second.canvas) == []


def test_no_data_is_a_sentence_in_the_middle():
    lines = picture_text(draw_plot(Plot(message="No loss yet."), 40, 9, CHART_CHARSETS["braille"]))
    assert lines[4].strip() == "No loss yet."


def test_columns_and_x_belong_together():
    picture = draw_plot(Plot(series=(curve(np.linspace(2, 1, 100)),), x_high=100), 80, 18, CHART_CHARSETS["braille"])
    middle = picture.area.left + picture.area.columns // 2
    assert picture.x_at(middle) == pytest.approx(50, abs=picture.x_per_column)


@settings(max_examples=80, deadline=None)
@given(
    start=st.floats(0.5, 8),
    end=st.floats(0.1, 4),
    levels=st.lists(st.floats(0.05, 9), max_size=8),
    width=st.integers(20, 130),
    height=st.integers(6, 40),
    log_y=st.booleans(),
    name=st.sampled_from(list(CHART_CHARSETS)),
)
def test_the_names_of_levels_stand_in_full_or_not_at_all_and_hide_no_curve(
    start, end, levels, width, height, log_y, name
):
    values = np.linspace(start, end, 80)
    series = Series(np.arange(80.0), values, values, values, "train")
    named = tuple(
        ReferenceLevel(value, f"<{chr(65 + number)}-gram 1.50>", reach=True) for number, value in enumerate(levels)
    )
    bare = tuple(ReferenceLevel(level.value, "", reach=True) for level in named)
    with_names, without = (
        draw_plot(Plot(series=(series,), x_high=79, levels=which, log_y=log_y), width, height, CHART_CHARSETS[name])
        for which in (named, bare)
    )
    text = "\n".join(picture_text(with_names))
    assert text.count("gram") == len(re.findall(r" <[A-H]-gram 1\.50> ", text)) == text.count("<") == text.count(">")
    assert (cells_of(with_names, "train") == cells_of(without, "train")).all()


def test_levels_that_would_meet_in_a_row_stand_apart():
    levels = (
        ReferenceLevel(1.50, "floor 1.50"),
        ReferenceLevel(1.52, "5-gram 1.52"),
        ReferenceLevel(1.51, "trigram 1.51"),
    )
    picture = draw_plot(
        Plot(series=(curve([4.0, 1.0], [4, 5]),), x_high=9, levels=levels), 90, 12, CHART_CHARSETS["braille"]
    )
    (row,) = [line for line in picture_text(picture) if "floor 1.50" in line]
    assert "5-gram 1.52" in row
    assert "trigram" not in row, "three names in a row could not be told apart"


def test_levels_do_not_pull_each_other_into_view():
    values = np.linspace(4, 2, 100)
    near = Plot(series=(curve(values),), x_high=99, levels=(ReferenceLevel(1.4, "near", reach=True),))
    chain = Plot(series=(curve(values),), x_high=99, levels=(*near.levels, ReferenceLevel(0.8, "far", reach=True)))
    assert picture_text(draw_plot(near, 70, 14, CHART_CHARSETS["braille"])) == picture_text(
        draw_plot(chain, 70, 14, CHART_CHARSETS["braille"])
    )


@pytest.mark.parametrize("name", CHART_CHARSETS)
def test_a_quiet_mark_is_a_sign_on_the_axis_and_no_more(name):
    values = np.linspace(4, 2, 100)
    loud = EventMark(50, "milestone", "First word", style="best")
    quiet = EventMark(50, "milestone", "First word", style="best", quiet=True)
    drawn = [
        draw_plot(Plot(series=(curve(values),), x_high=99, marks=(mark,)), 70, 14, CHART_CHARSETS[name])
        for mark in (loud, quiet)
    ]
    assert "First word" in "".join(picture_text(drawn[0]))
    assert "First word" not in "".join(picture_text(drawn[1]))
    assert CHART_CHARSETS[name].milestone in picture_text(drawn[1])[-2]
    assert not cells_of(drawn[1], "level").any()


def test_a_message_wider_than_the_chart_is_wrapped() -> None:
    words = "Loading the text and the model: the first step follows."
    lines = picture_text(draw_plot(Plot(message=words), 38, 4, CHART_CHARSETS["braille"]))
    assert " ".join(" ".join(lines).split()) == words
