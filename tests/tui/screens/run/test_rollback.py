"""A run that goes back to a checkpoint while the screen looks: columns shrink between two frames."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest

from babytrain.runs.events import AnyEvent, Command, Eval, GuardEvent, Resumed
from babytrain.runs.state.live_feed import LiveFeed
from babytrain.runs.state.run_state import RunState
from babytrain.tui.charts.canvas import CHART_CHARSETS
from babytrain.tui.charts.x_axis import X_MODES
from babytrain.tui.engine_client.run_sources import LiveSource
from babytrain.tui.widgets.loss.loss_legend import legend_line
from babytrain.tui.widgets.loss.loss_pane import LossPane
from babytrain.tui.widgets.loss.loss_plot import ChartSettings, LossPlotter
from tests.tui.driving import COMPACT, STRIP, WIDE, live
from tests.tui.scripted import STEP_SECONDS, publish, script, state_from, train_step
from tests.tui.snapshots import screen_text

TOTAL = 1500


def went_back(t: float, step: int = 300, reason: str = "asked for") -> Resumed:
    return Resumed(t=t, step=step, wall_time=0.0, checkpoint="c", total_steps=TOTAL, rollback=True, reason=reason)


@pytest.mark.parametrize("size", [WIDE, COMPACT, STRIP])
async def test_the_screen_survives_and_shows_the_shorter_run(runs_dir: Path, size: tuple[int, int]) -> None:
    async with live(runs_dir, size) as driver:
        assert driver.session is not None
        feed, pane = driver.session.feed, driver.run.query_one(LossPane)
        await driver.press("left")
        assert pane.crosshair_step is not None
        assert pane.crosshair_step > 300
        feed.steps.drop_after(300)  # the columns first, the event later, and a frame in between
        await driver.settle()
        assert "step 300" in screen_text(driver.app)
        assert "step 620" not in screen_text(driver.app)
        publish(feed, [went_back(36.0), *(train_step(step, 36.0 + step / 100, TOTAL) for step in range(301, 330))])
        await driver.wait(lambda: driver.run.source.snapshot().step == 329, "the steps after it")
        await driver.wait(lambda: bool(driver.run.source.state.resumes), "the way back")
        for key in ("X", "X", "X", "X", "y", "m", "right_square_bracket", "home", "escape"):
            await driver.press(key)
        await driver.settle()
        text = screen_text(driver.app)
        assert "step 329" in text
        assert "620" not in text.splitlines()[1]
        assert [event.step for event in driver.run.source.snapshot().evals] == [100, 200, 300]


async def test_the_log_and_the_chart_tell_of_it(runs_dir: Path) -> None:
    async with live(runs_dir) as driver:
        assert driver.session is not None
        driver.session.feed.steps.drop_after(300)
        publish(driver.session.feed, [went_back(36.0, reason="the loss left the level it had reached")])
        await driver.wait(lambda: "went back to step 300: the loss" in screen_text(driver.app), "the log line")
        await driver.wait(
            lambda: "went back" in screen_text(driver.app).split("vitals")[1].split("dials")[0], "the mark"
        )


@pytest.mark.parametrize("frame_between", [True, False])
def test_the_chart_is_that_of_a_run_that_was_never_longer(frame_between: bool) -> None:
    feed = LiveFeed()
    source, plotter = LiveSource(feed), LossPlotter()
    publish(feed, script(620))
    source.poll()
    plotter.plot(source.snapshot(), ChartSettings(), 80)
    feed.steps.drop_after(300)
    if frame_between:
        plotter.plot(source.snapshot(), ChartSettings(), 80)
    again: list[AnyEvent] = [went_back(36.0), *(train_step(step, 40.0 + step, TOTAL) for step in range(301, 800))]
    publish(feed, again)
    source.poll()
    shown = plotter.plot(source.snapshot(), ChartSettings(), 80)
    fresh = LossPlotter().plot(source.snapshot(), ChartSettings(), 80)
    for one, other in zip(shown.series, fresh.series, strict=True):
        assert np.array_equal(one.x, other.x)
        assert np.array_equal(one.line, other.line, equal_nan=True)
        assert np.array_equal(one.high, other.high, equal_nan=True)
    assert (shown.marks, shown.x_high) == (fresh.marks, fresh.x_high)
    assert np.all(np.diff(shown.series[-1].x) > 0)


def test_a_speed_does_not_count_the_steps_that_were_given_up() -> None:
    state = state_from(script(620))
    before = state.at().tokens_per_second()
    state.apply(went_back(36.0))
    for step in range(301, 310):
        taken = 620 - 300
        event = train_step(step, 36.0 + step * STEP_SECONDS, TOTAL)
        state.steps.append_step(msgspec.structs.replace(event, tokens=event.tokens + taken * 768))
    after = state.at().tokens_per_second()
    assert before is not None
    assert after == pytest.approx(before, rel=0.05)


# marks


def turned(state: RunState) -> RunState:
    def command(step: int, **facts: object) -> Command:
        return Command(t=step * 0.06, step=step, command_id=1, status="applied", **facts)  # type: ignore[arg-type]

    state.apply_all(
        [
            command(100, action="set", dial="dropout", value=0.1, before=0.0, after=0.1),
            command(150, action="set", dial="schedule", text="wsd"),
            command(200, action="rewarm", value=50.0),
            command(220, action="total_steps", value=2000.0, before=1500.0, after=2000.0),
            command(250, action="undo", dial="dropout", before=0.1, after=0.0),
            GuardEvent(t=18.0, step=280, cause="spike", action="skipped", text="."),
        ]
    )
    return state


def labels(state: RunState, mode: str = "step") -> list[tuple[float, str]]:
    plot = LossPlotter().plot(state.at(), ChartSettings(x_mode=mode), 80)  # type: ignore[arg-type]
    return [(mark.x, mark.label) for mark in plot.marks]


def test_every_turn_and_every_rescue_is_marked() -> None:
    assert labels(turned(state_from(script(320)))) == [
        (100, "dropout 0.1"),
        (150, "schedule wsd"),
        (200, "re-warm 50"),
        (220, "end 2,000"),
        (250, "undo dropout"),
        (280, "left out: spike"),
    ]


def test_the_engines_own_planning_by_the_clock_is_not_marked() -> None:
    state = state_from(script(320)[:-1])
    state.apply(Command(t=99.0, step=300, command_id=0, action="total_steps", status="applied", value=9.0, after=9.0))
    assert labels(state) == []


@pytest.mark.parametrize("mode", X_MODES)
def test_what_was_turned_before_a_way_back_stands_where_the_run_went_on(mode: str) -> None:
    state = turned(state_from(script(320)))
    state.apply(went_back(30.0, step=120))
    state.apply(train_step(121, 31.0, TOTAL))
    marks = labels(state, mode)
    assert [label for _, label in marks].count("went back") == 1
    assert "undo dropout" in [label for _, label in marks]
    if mode in ("step", "epoch"):
        assert max(x for x, _ in marks) == 120


def test_a_resume_takes_its_marks_along() -> None:
    state = turned(state_from(script(320)))
    state.apply(Resumed(t=30.0, step=120, wall_time=0.0, checkpoint="c", total_steps=TOTAL))
    assert labels(state) == [(100, "dropout 0.1"), (120, "resumed")]


def test_a_rescue_that_went_back_is_one_mark() -> None:
    state = state_from(script(320))
    state.apply(went_back(30.0, step=250))
    state.apply(GuardEvent(t=30.1, step=250, cause="diverging", action="rolled back", text="."))
    assert [label for _, label in labels(state) if "back" in label] == ["went back: diverging"]


def test_the_crosshair_reads_the_mark() -> None:
    state = turned(state_from(script(320)))
    plotter = LossPlotter()

    def header(step: int, width: int = 150) -> str:
        line = legend_line(
            state.at(), plotter, ChartSettings(crosshair=step), CHART_CHARSETS["braille"], width, reach=3.0
        )
        return "".join(text for text, _ in line)

    plotter.update(state.at(), ChartSettings())
    assert "dropout 0.1" in header(102)
    assert "dropout" not in header(110)
    assert "left out: spike" in header(280, 40)


async def test_the_crosshair_on_the_screen_reads_the_mark_in_its_column(runs_dir: Path) -> None:
    async with live(runs_dir) as driver:
        pane = driver.run.query_one(LossPane)

        def header() -> str:
            return next(line for line in screen_text(driver.app).splitlines() if "━━ train" in line)

        await driver.press("left")
        for _ in range(60):
            if "lr×0.5" in header():
                break
            await driver.press("left")
        assert "lr×0.5" in header()
        assert pane.crosshair_step is not None
        assert abs(pane.crosshair_step - 330) <= 8


def test_evaluations_of_steps_given_up_are_forgotten() -> None:
    state = state_from(script(620))
    state.apply(went_back(36.0, step=450))
    state.apply(Eval(t=40.0, step=500, val_loss=1.5, train_loss=1.4, seconds=0.1))
    plot = LossPlotter().plot(state.at(), ChartSettings(), 80)
    (series,) = [one for one in plot.series if one.style == "val"]
    assert series.x.tolist() == [100, 200, 300, 400, 500]
    assert series.line[-1] == 1.5
