"""The loss pane in a real app: redraws only what changed, reads with a crosshair, fits any size and theme."""

import math
from contextlib import asynccontextmanager

import pytest
from rich.cells import cell_len
from textual import events
from textual.app import App, ComposeResult

from babytrain.runs.events import Phase
from babytrain.runs.state.run_state import RunState
from babytrain.tui.charts.line_chart import LineChart
from babytrain.tui.widgets.loss.loss_pane import LossPane
from babytrain.tui.widgets.loss.loss_plot import ChartSettings, LossPlotter
from tests.tui.driving import all_handled
from tests.tui.widgets.pane_runs import eval_event, lr_event, run_state, started, step_event


class PaneApp(App[None]):
    """One loss pane with a border, as big as the screen."""

    CSS = """
    .pane { border: round $primary; }
    .pane.other { background: red; }
    .gone { display: none; }
    """

    def __init__(self, charset="braille") -> None:
        super().__init__()
        self.charset = charset

    def compose(self) -> ComposeResult:
        yield LossPane(self.charset)

    @property
    def pane(self) -> LossPane:
        return self.query_one("#loss", LossPane)

    @property
    def chart(self) -> LineChart:
        return self.pane.query_one(LineChart)


@asynccontextmanager
async def shown(state, size=(90, 24), charset="braille", t=math.inf):
    app = PaneApp(charset)
    async with app.run_test(size=size) as pilot:
        await all_handled(pilot)
        app.pane.show(state.at(t))
        await all_handled(pilot)
        yield app, pilot


def screen_text(app) -> list[str]:
    """What is on the screen now. Textual has no public way to ask."""
    return [strip.text for strip in app.screen._compositor.render_strips()]


def counted(chart, monkeypatch) -> list[tuple]:
    """Every refresh of the chart from now on: its regions."""
    calls: list[tuple] = []
    original = chart.refresh

    def refresh(*regions, **options):
        calls.append(regions)
        return original(*regions, **options)

    monkeypatch.setattr(chart, "refresh", refresh)
    return calls


async def test_the_curve_the_numbers_and_the_marks_are_on_the_screen():
    state = run_state(1000)
    state.apply(lr_event(700, 0.5, 1.0, 0.5))
    async with shown(state) as (app, _):
        text = "\n".join(screen_text(app))
        for words in (
            "1 loss",
            "train 1.50",
            "val 1.60",
            "best 1.600 @1,000",
            "▼lr×0.5",
            "floor 1.300",
            "800",
            "1,000",
        ):
            assert words in text
        assert any("\u2800" < char <= "\u28ff" for char in text)


async def test_the_screen_is_what_a_fresh_drawing_would_be():
    state = run_state(300)
    async with shown(state) as (app, pilot):
        for step in range(301, 340):
            state.apply(step_event(step))
            app.pane.show(state.at())
        state.apply(eval_event(339))
        app.pane.show(state.at())
        await all_handled(pilot)
        updated = screen_text(app)
    async with shown(state) as (app, _):
        assert screen_text(app) == updated


async def test_nothing_is_drawn_when_nothing_changed(monkeypatch):
    state = run_state(300)
    async with shown(state) as (app, _):
        calls = counted(app.chart, monkeypatch)
        plots = []
        monkeypatch.setattr(app.chart, "show_plot", plots.append)
        for _ in range(5):
            app.pane.show(state.at())
        assert calls == plots == []
        state.apply(step_event(301))
        app.pane.show(state.at())
        assert len(plots) == 1


async def test_a_new_step_repaints_a_few_cells_only(monkeypatch):
    state = run_state(310)
    async with shown(state) as (app, pilot):
        calls = counted(app.chart, monkeypatch)
        for step in range(311, 317):
            state.apply(step_event(step))
            app.pane.show(state.at())
            await all_handled(pilot)
        cells = sum(region.area for regions in calls for region in regions)
        whole = app.chart.size.area
        assert 0 < cells < whole / 10
        assert all(regions for regions in calls)


async def test_a_hidden_chart_is_not_drawn_and_is_right_when_it_comes_back(monkeypatch):
    state = run_state(300)
    async with shown(state) as (app, pilot):
        app.pane.add_class("gone")
        await all_handled(pilot)
        drawings = []
        monkeypatch.setattr(app.chart, "_draw", lambda before: drawings.append(before))
        state.apply_all(step_event(step, 3.0) for step in range(301, 400))
        app.pane.show(state.at())
        await all_handled(pilot)
        assert drawings == []
        monkeypatch.undo()
        app.pane.remove_class("gone")
        await all_handled(pilot)
        back = screen_text(app)
    async with shown(state) as (app, _):
        assert screen_text(app) == back


@pytest.mark.parametrize("size", [(1, 1), (2, 1), (5, 3), (20, 5), (40, 12), (80, 24), (200, 60)])
@pytest.mark.parametrize("charset", ["braille", "ascii"])
async def test_it_fits_any_size(size, charset):
    state = run_state(500)
    state.apply(step_event(501, math.nan))
    async with shown(state, size, charset) as (app, _):
        for line in screen_text(app):
            assert cell_len(line) == size[0]


async def test_before_the_first_step_there_is_a_friendly_sentence():
    state = RunState()
    state.apply(started())
    state.apply(Phase(t=0.0, step=0, phase="training"))
    async with shown(state) as (app, pilot):
        assert "No loss yet" in "\n".join(screen_text(app))
        state.apply(step_event(1))
        app.pane.show(state.at())
        await all_handled(pilot)
        assert "train" in "\n".join(screen_text(app))


async def test_losses_that_are_no_numbers_are_marked_and_harm_nothing():
    state = run_state(400)
    state.apply_all(step_event(step, math.inf if step % 2 else math.nan) for step in range(401, 441))
    state.apply_all(step_event(step) for step in range(441, 800))
    async with shown(state) as (app, _):
        text = "\n".join(screen_text(app))
        assert "✱" in text
        assert "40 not finite" in text
        assert "inf" not in text


async def test_the_crosshair_moves_by_columns_and_reads_the_step():
    state = run_state(1000)
    async with shown(state) as (app, pilot):
        pane = app.pane
        assert pane.crosshair_step is None
        pane.move_crosshair(-1)
        assert pane.crosshair_step == 1000
        pane.move_crosshair(-10)
        ten_columns = 10 * app.chart.picture.x_per_column
        assert pane.crosshair_step == pytest.approx(1000 - ten_columns, abs=1)
        await all_handled(pilot)
        assert f"step {pane.crosshair_step}" in "\n".join(screen_text(app))
        pane.move_crosshair(10_000)
        assert pane.crosshair_step == 1000
        pane.move_crosshair(-10_000)
        assert pane.crosshair_step == 1
        pane.clear_crosshair()
        assert pane.crosshair_step is None


async def test_every_press_moves_the_crosshair_also_between_distant_steps():
    async with shown(run_state(5)) as (app, _):
        app.pane.move_crosshair(1)
        steps = [app.pane.crosshair_step]
        for _ in range(4):
            app.pane.move_crosshair(-1)
            steps.append(app.pane.crosshair_step)
        assert steps == [5, 4, 3, 2, 1]


async def test_a_click_sets_the_crosshair():
    async with shown(run_state(1000)) as (app, pilot):
        picture = app.chart.picture
        column = picture.area.left + picture.area.columns // 2
        await pilot.click(LineChart, offset=(column, 5))
        assert app.pane.crosshair_step == pytest.approx(500, abs=picture.x_per_column + 1)


async def test_log_axis_and_units_change_the_picture_and_the_header():
    async with shown(run_state(1000)) as (app, pilot):
        app.pane.toggle_log_y()
        app.pane.cycle_x_axis()
        await all_handled(pilot)
        text = "\n".join(screen_text(app))
        assert "log y" in text
        assert "x: tokens" in text
        assert "600k" in text
        for _ in range(3):
            app.pane.cycle_x_axis()
        assert app.pane.settings.x_mode == "step"


async def test_smoothing_has_levels_and_none_at_all():
    async with shown(run_state(100)) as (app, _):
        first = app.pane.settings.decay
        levels = set()
        for _ in range(10):
            app.pane.cycle_smoothing()
            levels.add(app.pane.settings.decay)
            if app.pane.settings.decay == first:
                break
        assert 0.0 in levels
        assert len(levels) >= 3


async def test_zooming_and_coming_back():
    async with shown(run_state(1000)) as (app, _):
        pane, chart = app.pane, app.chart
        pane.zoom(4)
        assert chart.plot.x_high - chart.plot.x_low == pytest.approx(250)
        pane.move_crosshair(-1)
        pane.move_crosshair(-2000)
        step = pane.crosshair_step
        assert chart.plot.x_low <= step <= chart.plot.x_high
        pane.follow()
        assert chart.plot.x_high == pytest.approx(1000, abs=10)
        pane.show_all()
        assert (chart.plot.x_low, chart.plot.x_high) == (0, 1000)
        pane.zoom(0)
        pane.zoom(1 / 4)
        assert (chart.plot.x_low, chart.plot.x_high) == (0, 1000)


async def test_the_wheel_zooms():
    async with shown(run_state(1000)) as (app, pilot):
        chart = app.chart
        wheel = {"x": 5, "y": 5, "delta_x": 0, "delta_y": 1, "button": 0, "shift": False, "meta": False, "ctrl": False}
        chart.post_message(events.MouseScrollUp(chart, **wheel))
        await all_handled(pilot)
        closer = chart.plot.x_high - chart.plot.x_low
        assert closer < 1000
        chart.post_message(events.MouseScrollDown(chart, **wheel))
        await all_handled(pilot)
        assert chart.plot.x_high - chart.plot.x_low > closer


async def test_following_moves_with_the_run():
    state = run_state(1000)
    async with shown(state) as (app, _):
        app.pane.follow()
        state.apply_all(step_event(step) for step in range(1001, 1501))
        app.pane.show(state.at())
        assert app.chart.plot.x_low > 1200
        assert app.chart.plot.x_high >= 1500


async def test_a_replay_can_go_back_in_time():
    state = run_state(1000)
    async with shown(state) as (app, pilot):
        app.pane.show(state.at(20.0))
        await all_handled(pilot)
        assert app.chart.plot.x_high == 200
        assert "@200" in "\n".join(screen_text(app))
        app.pane.show(state.at(0.0))
        await all_handled(pilot)
        assert "No loss yet" in "\n".join(screen_text(app))


async def test_verbs_before_there_is_a_run_do_nothing():
    app = PaneApp()
    async with app.run_test() as pilot:
        pane = app.pane
        pane.move_crosshair(1)
        pane.zoom(2)
        pane.follow()
        pane.show_all()
        pane.toggle_log_y()
        await pilot.click(LineChart, offset=(3, 3))
        assert pane.crosshair_step is None


@pytest.mark.parametrize("theme", ["textual-dark", "textual-light", "ansi-dark", "nord"])
async def test_another_theme_repaints_in_its_colours(theme):
    async with shown(run_state(500)) as (app, pilot):
        before = screen_text(app)
        app.theme = "dracula"
        await all_handled(pilot)
        app.theme = theme
        await all_handled(pilot)
        await all_handled(pilot)
        assert screen_text(app) == before
        row = app.chart.render_line(app.chart.size.height // 2)
        expected = app.chart.get_visual_style("style--train").rich_style
        styles = [segment.style for y in range(app.chart.size.height) for segment in app.chart.render_line(y)]
        assert expected in styles
        assert all(segment.style is not None and segment.style.bgcolor is not None for segment in row)


async def test_the_background_follows_the_pane():
    async with shown(run_state(500)) as (app, pilot):
        app.pane.add_class("other")
        await all_handled(pilot)
        backgrounds = {
            segment.style.bgcolor.triplet for y in range(app.chart.size.height) for segment in app.chart.render_line(y)
        }
        assert {tuple(triplet) for triplet in backgrounds} == {(255, 0, 0)}


def test_the_floor_says_how_grown_up_the_model_is() -> None:
    state = RunState()
    state.apply(started(floor=1.0))
    state.apply(eval_event(10, val_loss=1.0 + 0.25 * (math.log(65) - 1.0)))
    levels = LossPlotter().plot(state.at(), ChartSettings(), 80).levels
    assert levels[0].label == "floor 1.000, 75% of the way"
