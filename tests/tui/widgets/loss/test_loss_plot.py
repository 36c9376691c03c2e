"""A moment as a plot: axes in every unit, what is known beforehand, and what a person did, at its place."""

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from babytrain.runs.events import Baselines, Command, Ended, Phase, Resumed
from babytrain.runs.state.run_state import RunState
from babytrain.tui.charts.canvas import CHART_CHARSETS, Canvas
from babytrain.tui.charts.layout import lay_out_plot
from babytrain.tui.charts.painter import draw_plot
from babytrain.tui.charts.plot import STYLE_NUMBERS
from babytrain.tui.charts.x_axis import X_MODES, StepWindow
from babytrain.tui.text.styled_lines import line_length
from babytrain.tui.widgets.loss.loss_history import ROWS_PER_BLOCK
from babytrain.tui.widgets.loss.loss_legend import legend_line, row_of_step
from babytrain.tui.widgets.loss.loss_plot import SMOOTHING_DECAYS, ChartSettings, LossPlotter
from tests.tui.widgets.pane_runs import (
    STEP_SECONDS,
    TOKENS_PER_STEP,
    checkpoint_event,
    eval_event,
    lr_event,
    run_state,
    started,
    step_event,
)

BRAILLE = CHART_CHARSETS["braille"]


def plot_of(state, settings=None, t=math.inf, columns=80):
    return LossPlotter().plot(state.at(t), settings or ChartSettings(), columns)


def header_of(state, width=200, settings=None, t=math.inf):
    plotter, snapshot = LossPlotter(), state.at(t)
    settings = settings or ChartSettings()
    plotter.update(snapshot, settings)
    return "".join(text for text, _ in legend_line(snapshot, plotter, settings, BRAILLE, width))


def test_the_axis_grows_in_steps_and_ends_where_the_run_will_end():
    assert plot_of(run_state(190)).x_high == 200
    assert plot_of(run_state(201)).x_high == 300
    assert plot_of(run_state(201, total_steps=250)).x_high == 250


def test_an_ended_run_fills_the_axis():
    state = run_state(190)
    state.apply(Ended(t=19, step=190, status="done", reason="", tokens=1, tokens_per_second=1))
    assert plot_of(state).x_high == 190


def test_tokens_time_and_epochs_stretch_the_same_curve():
    state = run_state(1000)
    plots = {mode: plot_of(state, ChartSettings(x_mode=mode)) for mode in X_MODES}
    assert plots["tokens"].series[-1].x[-1] == 1000 * TOKENS_PER_STEP
    assert plots["time"].series[-1].x[-1] == pytest.approx(1000 * STEP_SECONDS)
    assert plots["epoch"].series[-1].x[-1] * plots["epoch"].x_scale == pytest.approx(5)
    assert plots["time"].x_kind == "time"


@pytest.mark.parametrize("mode", X_MODES)
def test_evaluations_and_marks_stand_at_their_step_in_every_unit(mode):
    state = run_state(1000)
    state.apply(lr_event(500, 0.5, 1.0, 0.5))
    plot = plot_of(state, ChartSettings(x_mode=mode, crosshair=500))
    training = plot.series[-1]
    at_500 = float(training.x[499])
    assert plot.series[0].x[4] == pytest.approx(at_500)
    assert plot.marks[0].x == pytest.approx(at_500)
    assert plot.crosshair == pytest.approx(at_500)


@pytest.mark.parametrize("mode", X_MODES)
def test_a_zoomed_view_shows_the_same_steps_in_every_unit(mode):
    state = run_state(1000)
    plot = plot_of(state, ChartSettings(x_mode=mode, view=StepWindow(width=200.0, end=600.0)))
    training = plot.series[-1]
    rows = np.flatnonzero((training.x >= plot.x_low) & (training.x <= plot.x_high)) + 1
    assert (rows[0], rows[-1]) == (400, 600)


def test_the_past_is_shown_as_it_was():
    state = run_state(1000)
    state.apply(lr_event(500, 0.5, 1.0, 0.5))
    plot = plot_of(state, t=250 * STEP_SECONDS)
    assert len(plot.series[-1].x) == 250
    assert len(plot.series[0].x) == 2
    assert plot.marks == ()


def test_rare_things_are_forgotten_and_found_again_when_seeking():
    state = run_state(1000)
    state.apply(checkpoint_event(300))
    plotter = LossPlotter()
    counts = [len(plotter.plot(state.at(t), ChartSettings(), 80).axis_marks) for t in (math.inf, 10.0, 50.0)]
    assert counts == [1, 0, 1]


def test_learning_rate_changes_say_what_and_which_way():
    state = run_state(100)
    state.apply(lr_event(10, 0.5, 1.0, 0.5))
    state.apply(lr_event(20, 2.0, 0.5, 2.0))
    state.apply(lr_event(30, 1e-3, 3e-3, 1e-3, action="lr_hold"))
    state.apply(lr_event(40, 9.0, 1.0, 9.0, status="refused"))
    marks = [(mark.x, mark.sign, mark.label) for mark in plot_of(state).marks]
    assert marks == [(10, "down", "lr×0.5"), (20, "up", "lr×2"), (30, "down", "lr=1e-3")]


def test_taps_of_a_key_between_two_steps_are_one_change():
    state = run_state(100)
    for factor in (0.9, 0.81, 0.73):
        state.apply(lr_event(10, factor, 1.0, factor))
    assert [mark.label for mark in plot_of(state).marks] == ["lr×0.73"]


def test_checkpoints_pauses_and_resumes():
    state = run_state(100)
    state.apply(checkpoint_event(25))
    state.apply(checkpoint_event(50, "requested"))
    state.apply(Command(t=6.0, step=60, command_id=3, action="pause", status="applied"))
    state.apply(Resumed(t=10.0, step=100, wall_time=0, checkpoint="c", total_steps=2000))
    plot = plot_of(state)
    assert {axis_marks.sign: axis_marks.x.tolist() for axis_marks in plot.axis_marks} == {"saved": [25], "paused": [60]}
    assert [(mark.x, mark.label) for mark in plot.marks] == [(50, "saved"), (100, "resumed")]


def test_known_levels_come_from_the_corpus():
    levels = {level.label: level.value for level in plot_of(run_state(10)).levels}
    assert levels["floor 1.300"] == 1.3
    assert levels["pure guessing 4.174"] == pytest.approx(math.log(65))
    assert len(plot_of(run_state(10, floor=None)).levels) == 1


def test_what_models_reach_that_only_count_are_levels_until_they_are_hidden():
    state = run_state(10)
    state.apply(Baselines(t=0.1, step=0, uniform=4.17, unigram=2.84, bigram=2.3, trigram=math.nan, fivegram=0.7))
    levels = {level.label: level.value for level in plot_of(state).levels}
    names = {"unigram 2.840", "bigram 2.300", "5-gram 0.700"}
    assert names < set(levels)
    assert not any("trigram" in label for label in levels), "what could not be counted has no line"
    hidden = {level.label for level in plot_of(state, ChartSettings(baselines=False)).levels}
    assert hidden == set(levels) - names
    assert plot_of(state, ChartSettings(shown="speed")).levels == ()


def test_the_best_evaluation_is_marked():
    state = run_state(500)
    state.apply(eval_event(500, val_loss=9.0))
    best = next(point_marks for point_marks in plot_of(state).point_marks if point_marks.sign == "best")
    assert best.x.tolist() == [500]
    assert best.y[0] == pytest.approx(state.at().best_eval.val_loss)


def test_bad_losses_are_marked_where_the_curve_was():
    state = run_state(100)
    state.apply(step_event(101, float("nan")))
    state.apply(step_event(102, float("inf")))
    point_marks = next(point_marks for point_marks in plot_of(state).point_marks if point_marks.sign == "bad")
    assert point_marks.x.tolist() == [101, 102]
    assert np.isfinite(point_marks.y).all()
    assert "2 not finite" in header_of(state)


@pytest.mark.parametrize("mode", X_MODES)
def test_steps_that_a_recovery_left_behind_are_drawn_as_a_branch_that_does_not_flatten_the_run(mode):
    state = run_state(200)
    limits = [lay_out(plot_of(state, ChartSettings(x_mode=mode))).limits]
    for step, loss in ((201, 5.0), (202, 51_101.0), (203, float("nan")), (204, float("nan"))):
        state.apply(step_event(step, loss))
    back = {"wall_time": 0.0, "checkpoint": "c", "total_steps": 2000, "rollback": True}
    state.apply(Resumed(t=20.5, step=200, **back))
    plot = plot_of(state, ChartSettings(x_mode=mode))
    branch = plot.series[0]
    assert (branch.texture, branch.aside) == ("dotted", True)
    assert branch.line[1:3].tolist() == [5.0, 51_101.0]
    assert np.isnan(branch.line[3:]).all()
    bad = [marks for marks in plot.point_marks if marks.sign == "bad"]
    assert bad[-1].x.tolist() == branch.x[3:].tolist()
    assert bad[-1].y.tolist() == [51_101.0, 51_101.0]
    assert "2 not finite" in header_of(state)
    limits.append(lay_out(plot).limits)
    assert limits[1][1] < limits[0][1] + 0.5 * (limits[0][1] - limits[0][0])


def lay_out(plot):
    return lay_out_plot(plot, Canvas(80, 20, BRAILLE), plot.x_low, plot.x_high, 5)


def test_a_bad_evaluation_is_a_gap():
    state = run_state(300, eval_every=100)
    state.apply(eval_event(300, val_loss=float("inf")))
    assert np.isnan(plot_of(state).series[0].line[-1])


def test_a_very_long_run_is_drawn_from_blocks_and_counted_from_points():
    state = RunState()
    state.apply(started(total_steps=10**6))
    state.apply(step_event(1))
    n, steps = 100_000, state.steps
    steps.reserve(n)
    steps.step[:n] = np.arange(1, n + 1)
    steps.t[:n] = steps.step[:n] * STEP_SECONDS
    for column in (steps.loss, steps.loss_min, steps.loss_max):
        column[:n] = 2.0
    steps.loss_max[77_777] = 50.0
    steps.count = n
    series = plot_of(state).series[-1]
    assert series.stride == ROWS_PER_BLOCK
    assert len(series.high) == -(-n // ROWS_PER_BLOCK)
    assert np.nanmax(series.high) == 50.0
    assert len(series.points[1]) == n
    close = plot_of(state, ChartSettings(view=StepWindow(width=500.0))).series[-1]
    assert close.stride == 1


@pytest.fixture(scope="module")
def long_run():
    """A run of 100,000 steps without a spike, and the plotter that has taken it in."""
    state = RunState()
    state.apply(started(total_steps=100_000))
    steps, n = state.steps, 100_000
    steps.reserve(n)
    steps.step[:n] = np.arange(1, n + 1)
    for column in (steps.loss, steps.loss_min, steps.loss_max):
        column[:n] = 2.0
    steps.count = n
    return state


@settings(max_examples=40, deadline=None)
@given(
    row=st.integers(0, 99_999), width=st.integers(30, 300), up=st.booleans(), name=st.sampled_from(list(CHART_CHARSETS))
)
@example(row=99_999, width=300, up=True, name="braille")
def test_one_spike_among_a_hundred_thousand_steps_is_visible_at_any_width(long_run, row, width, up, name):
    steps = long_run.steps
    steps.loss[row] = steps.loss_min[row] = steps.loss_max[row] = 4.0 if up else 1.4
    try:
        picture = draw_plot(plot_of(long_run, columns=width), width, 20, CHART_CHARSETS[name])
    finally:
        steps.loss[row] = steps.loss_min[row] = steps.loss_max[row] = 2.0
    drawn = np.isin(picture.canvas.styles, [STYLE_NUMBERS["train"], STYLE_NUMBERS["band"]])
    inked = drawn & (picture.canvas.codes != ord(" "))
    rows = np.flatnonzero(inked.any(axis=1))
    flat = rows[np.argmax(inked[rows].sum(axis=1))]
    needle = inked[:flat] if up else inked[flat + 1 :]
    columns = np.flatnonzero(needle.any(axis=0))
    assert len(columns), "the spike is not in the picture"
    goal = picture.area.left + row / 100_000 * picture.area.columns
    assert abs(columns - goal).min() <= 2


@pytest.mark.parametrize("phase", ["loading", "compiling", "paused", "training"])
def test_before_the_first_step_there_is_a_sentence(phase):
    state = RunState()
    state.apply(started())
    state.apply(Phase(t=0.0, step=0, phase=phase))
    message = plot_of(state).message
    assert message.endswith(".")
    assert "step" in message


def test_a_run_that_never_began_says_so():
    state = RunState()
    assert "first step" in plot_of(state).message
    state.apply(Ended(t=1, step=0, status="failed", reason="", tokens=0, tokens_per_second=0))
    assert "ended before" in plot_of(state).message


def test_the_header_is_legend_and_newest_values():
    state = run_state(1000)
    text = header_of(state)
    assert "━━ train 1.500" in text
    assert "╌◆╌ val 1.600" in text
    assert "gap 0.10" in text
    assert "★ best 1.600 @1,000" in text
    assert text.endswith(f"x: step · EMA {SMOOTHING_DECAYS[0]:g}")


@pytest.mark.parametrize("width", range(0, 130, 3))
def test_the_header_never_outgrows_its_line_and_keeps_the_important(width):
    state = run_state(1000)
    for crosshair in (None, 500):
        text = header_of(state, width, ChartSettings(crosshair=crosshair))
        assert line_length([(text, "")]) <= width
    if width >= 30:
        assert "train" in header_of(state, width)
        assert "val" in header_of(state, width)


def test_settings_are_named_in_the_header():
    state = run_state(100)
    settings = ChartSettings(x_mode="epoch", log_y=True, decay=0.0, view=StepWindow(width=50.0))
    text = header_of(state, 200, settings)
    for word in ("x: epoch", "log y", "not smoothed", "newest"):
        assert word in text
    assert "zoomed" in header_of(state, 200, dataclasses.replace(settings, view=StepWindow(width=50.0, end=80.0)))


def test_the_crosshair_reads_everything_at_its_step():
    state = run_state(1000)
    text = header_of(state, 200, ChartSettings(crosshair=450, decay=0.0))
    loss = f"{state.steps.loss[449]:.2f}"
    for words in (
        "step 450",
        f"train {loss}",
        f"raw {loss}",
        "val",
        "@400",
        "lr 3e-3",
        "grad 0.800",
        "45s",
        "346k tok",
    ):
        assert words in text
    assert "7.68k tok/s" in text


def test_a_crosshair_before_the_first_row_is_no_crash():
    state = run_state(10)
    assert row_of_step(state.at(), 0) is None
    assert "no step" in header_of(state, 200, ChartSettings(crosshair=0))


def test_an_empty_run_has_an_empty_header():
    assert header_of(RunState()) == ""
