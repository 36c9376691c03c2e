"""The panes of the machine: heat and rests on the charts, the speed, the bill, the history, warnings or kind words."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from textual.app import App, ComposeResult

from babytrain.runs.energy.bill import BillAmounts, SourceAmounts
from babytrain.runs.energy.efficiency import EnergyEfficiency
from babytrain.runs.energy.energy_forecast import EnergyForecast
from babytrain.runs.events import Ended, Energy, EnergySource, Fan, GpuReading, Phase, PolicyEvent, Resumed, Vitals
from babytrain.runs.forecast.value_range import ValueRange
from babytrain.runs.state.run_state import RunState
from babytrain.tui.charts.canvas import CHART_CHARSETS
from babytrain.tui.charts.painter import draw_plot
from babytrain.tui.charts.x_axis import StepWindow, XScale
from babytrain.tui.text.encouragement import EncouragementContext, encouragement, encouragement_lines, line_for
from babytrain.tui.text.styled_lines import line_length
from babytrain.tui.widgets.loss.event_marks import IntervalTracker
from babytrain.tui.widgets.loss.loss_legend import legend_line
from babytrain.tui.widgets.loss.loss_pane import LossPane
from babytrain.tui.widgets.loss.loss_plot import ChartSettings, LossPlotter
from babytrain.tui.widgets.vitals.bill_lines import MAX_BILL_LINES, NO_METER, bill_lines
from babytrain.tui.widgets.vitals.gpu_gauges import GpuHistory, gpu_full_lines, gpu_row_line, gpu_title
from babytrain.tui.widgets.vitals.sensor_curves import GPU_TRACKS, VitalsHistory, history_rows
from babytrain.tui.widgets.vitals.vitals_layout import PaneFooter, status_lines, vitals_lines
from babytrain.tui.widgets.vitals.vitals_pane import VitalsPane
from tests.tui.widgets.pane_runs import GIB, gpu, host, run_state, started, step_event, vitals

BRAILLE = CHART_CHARSETS["braille"]
LIMIT = "at its power limit (normal under load, not a fault)"


def words_of(lines: Any) -> str:
    return "\n".join("".join(text for text, _ in line) for line in lines)


def restraint(
    t: float, action: str, cause: str = "quiet hours", text: str = "Quiet hours until 07:00: hush."
) -> PolicyEvent:
    return PolicyEvent(t=t, step=int(t * 10), cause=cause, action=action, text=text)  # type: ignore[arg-type]


def heated_run(steps: int = 600) -> RunState:
    """Steps of 0.1 s, the card hot and slower between 20 and 40 seconds, a rest of no steps at 50 s."""
    state = RunState()
    state.apply(started(2000))
    state.apply(Phase(t=0.0, step=0, phase="training"))
    t, second = 0.0, 0.0
    for number in range(1, steps + 1):
        hot = 20 < t < 40
        seconds = 0.125 if hot else 0.1
        t += seconds
        state.apply(msgspec.structs.replace(step_event(number), t=t, step_seconds=seconds))
        if t >= second:
            second = t + 1
            reasons = ("hot",) if hot else ()
            state.apply(
                Vitals(
                    t=t, step=number, host=host(), gpus=(gpu(temperature_celsius=50 + t / 4, throttle_reasons=reasons),)
                )
            )
    return state


# charts


@pytest.mark.parametrize("name", list(CHART_CHARSETS))
@pytest.mark.parametrize("shown", ["loss", "speed"])
def test_slowed_stretches_and_rests_are_told_apart_without_colour(name, shown):
    state = heated_run()
    state.apply_all([restraint(50.0, "paused"), restraint(55.0, "released")])
    plot = LossPlotter().plot(state.at(), ChartSettings(shown=shown, x_mode="time"), 60)
    shaded_intervals = {interval.kind: interval for interval in plot.shaded_intervals}
    assert (shaded_intervals["throttled"].x_low, shaded_intervals["throttled"].x_high) == pytest.approx(
        (20, 40), abs=1.5
    )
    assert (shaded_intervals["resting"].x_low, shaded_intervals["resting"].x_high) == (50.0, 55.0)
    picture = draw_plot(plot, 70, 16, CHART_CHARSETS[name])
    text = "".join(map(chr, picture.canvas.codes.reshape(-1)))
    charset = CHART_CHARSETS[name]
    assert text.count(charset.throttled) > 40
    assert text.count(charset.resting) > 5
    assert charset.throttled != charset.resting


def test_a_rest_has_its_place_on_an_axis_of_steps_too():
    state = heated_run()
    state.apply_all([restraint(50.0, "paused"), restraint(50.01, "released")])
    picture = draw_plot(LossPlotter().plot(state.at(), ChartSettings(), 60), 70, 16, BRAILLE)
    assert BRAILLE.resting in "".join(map(chr, picture.canvas.codes.reshape(-1)))


def test_restraints_are_marks_with_their_cause():
    state = run_state(600)
    state.apply_all([restraint(10.0, "paused"), restraint(20.0, "released"), restraint(30.0, "slowed", "heat")])
    state.apply(restraint(40.0, "overridden"))
    plot = LossPlotter().plot(state.at(), ChartSettings(), 80)
    assert [(mark.x, mark.label) for mark in plot.marks] == [
        (100, "rest: quiet hours"),
        (300, "slower: heat"),
        (400, "overruled: quiet hours"),
    ]
    assert [axis_marks.x.tolist() for axis_marks in plot.axis_marks if axis_marks.sign == "resumed"] == [[200]]


def header_of(state, width, shown="loss"):
    plotter, settings = LossPlotter(), ChartSettings(shown=shown)
    plotter.update(state.at(), settings)
    return "".join(text for text, _ in legend_line(state.at(), plotter, settings, BRAILLE, width))


@pytest.mark.parametrize("shown", ["loss", "speed"])
def test_the_line_above_the_chart_names_the_newest_stretch_as_far_as_it_fits(shown):
    state = heated_run()
    assert "slowed by heat" in header_of(state, 110, shown)
    assert "20% of tokens lost" in header_of(state, 110, shown)
    assert "% of tokens lost" not in header_of(state, 50, shown)
    assert all(len(header_of(state, width, shown)) <= width for width in range(1, 120))
    assert "slowed" not in header_of(run_state(600), 110, shown)


def test_the_speed_is_tokens_by_seconds_without_what_came_between():
    state = run_state(100)
    plotter = LossPlotter()
    plot = plotter.plot(state.at(), ChartSettings(shown="speed", decay=0.0), 80)
    speed = plot.series[0].line
    assert np.isnan(speed[0])
    assert speed[1:] == pytest.approx(7680.0)
    assert plot.levels == ()
    assert "7.68k tok/s" in header_of(state, 100, "speed")


def test_the_step_after_a_way_back_does_not_count_the_tokens_given_up():
    state = run_state(100)
    state.apply(Resumed(t=10.0, step=50, wall_time=0.0, checkpoint="c", total_steps=2000, rollback=True))
    for number in range(51, 80):
        event = step_event(number)
        state.apply(msgspec.structs.replace(event, t=10 + event.t, tokens=event.tokens + 50 * 768))
    plotter = LossPlotter()
    plotter.plot(state.at(), ChartSettings(shown="speed", decay=0.0), 80)
    speeds = plotter.speed.columns[1, :79]
    assert np.nanmax(speeds) == pytest.approx(7680.0)
    assert np.isnan(speeds[50])


def test_growing_and_starting_over_give_the_same_speeds():
    whole, growing = heated_run(300), LossPlotter()
    for rows in (1, 2, 77, 150, 300):
        growing.speed.update(whole.steps, rows)
    at_once = LossPlotter()
    at_once.speed.update(whole.steps, 300)
    assert np.array_equal(growing.speed.columns[1, :300], at_once.speed.columns[1, :300], equal_nan=True)
    assert np.allclose(growing.speed.smooth[:300], at_once.speed.smooth[:300], equal_nan=True)


# the card


def test_a_card_is_called_by_its_name_and_says_whether_it_trains():
    card = gpu(nickname="Gertrude", trains=True)
    assert gpu_title(card) == 'gpu 0 "Gertrude" · RTX 4070'
    assert gpu_title(card, 2) == 'gpu 0 "Gertrude" · trains · RTX 4070'
    assert gpu_title(gpu(shared=True)).startswith("gpu 0 (whole card) · ")
    assert "trains" in words_of([gpu_row_line(GpuHistory(card, ()), 90, 2)])
    assert "\x1b" not in words_of(vitals_lines([vitals(gpu(nickname="a\x1b[31mb"))], 40, 20, BRAILLE))


def test_seconds_slowed_stand_beside_their_reason():
    card = gpu(throttle_reasons=("hot",), highest_clock_mhz=2610.0, memory_temperature_celsius=84.0)
    history = GpuHistory(card, (card,), {"hot": 41.2, LIMIT: 3.0})
    text = words_of(gpu_full_lines(history, 80, BRAILLE, merge_fans=True))
    for said in ("throttled: hot 41s", "earlier at its power limit 3s", "2,475 MHz", "of 2,610", "84°C ok"):
        assert said in text
    calm = GpuHistory(gpu(), (), {"hot": 12.0})
    assert "earlier hot 12s" in words_of(gpu_full_lines(calm, 80, BRAILLE, merge_fans=True))


def test_the_heat_of_a_card_that_a_run_does_not_use_is_no_alarm_of_that_run():
    hot = gpu(throttle_reasons=("hot",), temperature_celsius=90.0, trains=False)
    state = run_state(60)  # on the processor
    state.apply_all(
        Vitals(t=float(t), step=t, host=host(temperature_celsius=50.0), gpus=(hot,), gpu_note="") for t in range(30)
    )
    snapshot = state.at()
    assert IntervalTracker().newest(snapshot) is None
    lines = vitals_lines([vitals(hot)], 60, 20, BRAILLE, extras=PaneFooter(on_processor=True))
    assert "not used" in words_of(lines)
    assert "bad" not in {style for line in lines for _, style in line}
    curves = VitalsHistory().curves(snapshot, XScale(snapshot, "step"))
    assert "cpu" in [track.name for track, _ in curves], "the curves are those of the computer"
    used = vitals_lines([vitals(gpu(throttle_reasons=("hot",)))], 60, 20, BRAILLE)
    assert "bad" in {style for line in used for _, style in line}


def test_what_a_card_does_not_tell_is_explained_in_detail_only():
    card = GpuHistory(gpu(missing={"memory_temperature_celsius": "not supported by this card"}), ())
    detailed = words_of(gpu_full_lines(card, 60, BRAILLE, merge_fans=True, detail=True))
    assert "not supported by this card" in detailed
    assert "not supported" not in words_of(gpu_full_lines(card, 60, BRAILLE, merge_fans=True))


# the computer


def test_the_computer_tells_of_swap_disk_and_watts_when_they_matter():
    rich = host(
        swap_used_bytes=GIB,
        swap_total_bytes=4 * GIB,
        disk_free_bytes=GIB,
        disk_total_bytes=500 * GIB,
        processor_watts=23.4,
        battery_watts=11.2,
        temperatures_celsius={"coretemp": 65.0, "nvme": 41.0},
        fans_rpm={"cpu": 2300.0, "case": 700.0},
    )
    text = words_of(vitals_lines([vitals(computer=rich)], 60, 40, BRAILLE))
    for said in ("1.0/4.0 GiB", "1.0 GiB free", "23 W", "11 W", "nvme 41°", "case 700"):
        assert said in text
    plenty = host(swap_used_bytes=0, swap_total_bytes=GIB, disk_free_bytes=300 * GIB, disk_total_bytes=500 * GIB)
    text = words_of(vitals_lines([vitals(computer=plenty)], 60, 8, BRAILLE))
    assert "swap" not in text
    assert "disk" not in text


def test_why_the_processor_tells_no_watts_is_said_where_there_is_room():
    silent = host(missing={"processor_watts": "only root may read it"})
    assert "only root may read it" in words_of(vitals_lines([vitals(computer=silent)], 60, 40, BRAILLE))
    assert "only root" not in words_of(vitals_lines([vitals(computer=silent)], 60, 7, BRAILLE))


# the bill

FULL_BILL = BillAmounts(
    joules=151_200.0,
    watts=212.0,
    money=0.0130,
    currency="EUR",
    co2_grams=20.0,
    unmeasured_seconds=90.0,
    idle_joules=3600.0,
    sources=(
        SourceAmounts("gpu 0", "gpu", "counter", True, 140_000.0, 140.0, 1000.0, 0.0, None),
        SourceAmounts("gpu 0", "gpu", "polled", False, 120_000.0, 120.0, 1000.0, 0.0, -14.0),
        SourceAmounts("processor", "processor", "estimated", True, 11_200.0, 11.0, 1000.0, 90.0, None),
    ),
    units=EnergyEfficiency(0.026, 7.2, 0.02, 0.42),
    forecast=EnergyForecast(
        ValueRange(0.05, 0.06), ValueRange(0.016, 0.019), ValueRange(24.0, 29.0), ValueRange(200.0, 220.0)
    ),
)


def test_the_bill_in_full_says_how_good_each_number_is():
    text = words_of(bill_lines(FULL_BILL, 120, MAX_BILL_LINES))
    for said in ("42.0 Wh", "EUR", "20.0 g CO2", "(world average)", "at the end", "50.0–60.0 Wh", "24.0–29.0 g CO2"):
        assert said in text
    for said in ("gpu 0: counter", "processor: estimated", "-14%", "1m30s not measured", "26.0 mJ/token", "kettle"):
        assert said in text


def test_the_bill_gives_up_the_least_important_first():
    lines = bill_lines(FULL_BILL, 36, 1)
    assert len(lines) == 1
    assert "at end 0.0160–0.0190 EUR" in words_of(lines)
    assert "212 W" in words_of(lines)
    assert "42.0 Wh" in words_of(bill_lines(FULL_BILL, 60, 1))
    assert "0.0160–0.0190 EUR" in words_of(bill_lines(FULL_BILL, 36, 2)[1:])


def test_nothing_measured_is_one_calm_line_and_no_meter_is_none():
    nothing = BillAmounts(missing_reason="this user may not read RAPL", unmeasured_seconds=9.0)
    assert words_of(bill_lines(nothing, 100, 6)).count("\n") == 0
    assert "wall_watts" in words_of(bill_lines(nothing, 100, 6))
    assert "doctor" in words_of(bill_lines(nothing, 36, 6))
    assert bill_lines(BillAmounts(missing_reason=NO_METER), 100, 6) == []
    assert bill_lines(dataclasses.replace(nothing, unmeasured_seconds=0.0), 100, 6) == []  # it has just begun


@given(width=st.integers(0, 130), most=st.integers(0, 8), joules=st.none() | st.floats(0, 1e12))
def test_any_bill_fits_any_room(width, most, joules):
    facts = dataclasses.replace(FULL_BILL, joules=joules)
    lines = bill_lines(facts, width, most)
    assert len(lines) <= most
    assert all(line_length(line) <= width for line in lines)


# the layout


@settings(max_examples=80, deadline=None)
@given(width=st.integers(1, 130), height=st.integers(1, 45), cards=st.integers(0, 3), measured=st.booleans())
def test_the_pane_with_everything_fits_any_size(width, height, cards, measured):
    looks = [
        vitals(*(gpu(index, nickname="Gertrude", trains=not index) for index in range(cards)), note="No card here.")
    ]
    bill = tuple(bill_lines(FULL_BILL if measured else BillAmounts(missing_reason="x"), width, 6))
    extras = PaneFooter(bill=bill, measured=measured, status=((("Somebody is kind."[:width], "kind"),),))
    lines = vitals_lines(looks, width, height, BRAILLE, extras=extras)
    assert len(lines) <= height
    assert all(line_length(line) <= width for line in lines)


def test_a_small_pane_shows_the_price_before_the_second_fan():
    bill, summary = (tuple(bill_lines(FULL_BILL, 36, most)) for most in (6, 1))
    extras = PaneFooter(bill=bill, bill_summary=summary, measured=True)
    text = words_of(vitals_lines([vitals(gpu())], 36, 3, BRAILLE, title=False, extras=extras))
    assert "97%" in text
    assert "0.0160–0.0190 EUR" in text


# the history


def test_the_history_is_on_the_axis_of_the_loss_chart():
    snapshot = heated_run().at()
    for mode, end in (("step", 600), ("tokens", 600 * 768), ("time", snapshot.t)):
        curves = VitalsHistory().curves(snapshot, XScale(snapshot, mode))
        assert [track.name for track, _ in curves] == ["util", "temp", "fan", "power", "clock"]
        x = curves[0][1].x
        assert x[0] >= 0
        assert x[-1] == pytest.approx(end, rel=0.03)
        assert (np.diff(x) >= 0).all()


def test_readings_of_steps_that_were_given_up_are_left_out_of_an_axis_of_steps():
    state = heated_run()
    state.apply(Resumed(t=70.0, step=300, wall_time=0.0, checkpoint="c", total_steps=2000))
    snapshot = state.at(80.0)
    history = VitalsHistory()
    assert history.curves(snapshot, XScale(snapshot, "step"))[0][1].x.max() <= 300
    assert history.curves(snapshot, XScale(snapshot, "time"))[0][1].x.max() > 60


def test_the_history_grows_with_the_run_and_goes_back_in_a_replay():
    state, history = heated_run(), VitalsHistory()
    counts = [len(history.curves(state.at(t), XScale(state.at(t), "time"))[0][1].x) for t in (60.0, 10.0, 30.0)]
    assert counts[1] < counts[2] < counts[0]
    assert counts[0] == state.vitals.count_until(60.0)


@pytest.mark.parametrize("name", list(CHART_CHARSETS))
def test_the_history_fills_its_lines_and_says_from_where_to_where(name):
    snapshot = heated_run().at()
    x = XScale(snapshot, "step")
    curves = VitalsHistory().curves(snapshot, x)
    for height in range(2, 24):
        rows = history_rows(curves, x, (0.0, 600.0), (80, height), CHART_CHARSETS[name])
        assert len(rows) <= height
        assert rows[-1].name == "step"
        assert {row.canvas.width for row in rows} == {rows[0].canvas.width}
    zoomed = history_rows(curves, x, (0.0, 100.0), (80, 12), CHART_CHARSETS[name])
    temperatures = next(row.words for row in zoomed if row.name == "temp")
    assert temperatures.startswith("50–52")
    assert history_rows(curves, x, (0.0, 600.0), (20, 12), CHART_CHARSETS[name]) == []


def test_a_card_that_trains_is_the_one_in_the_history():
    two = Vitals(t=1.0, step=1, host=host(), gpus=(gpu(0, power_watts=1.0, trains=False), gpu(1, power_watts=2.0)))
    power = next(track for track in GPU_TRACKS if track.name == "power")
    assert power.quantity(two) == 2.0


class BothPanes(App[None]):
    CSS = "#vitals { height: 3fr; } #loss { height: 1fr; }"

    def compose(self) -> ComposeResult:
        yield LossPane("braille")
        yield VitalsPane("braille")

    def on_loss_pane_view_changed(self) -> None:
        self.query_one(VitalsPane).show(self.snapshot, self.query_one(LossPane).settings)


async def test_zooming_the_chart_zooms_the_history():
    app = BothPanes()
    app.snapshot = heated_run().at()
    async with app.run_test(size=(90, 60)) as pilot:
        loss, pane = app.query_one(LossPane), app.query_one(VitalsPane)
        loss.show(app.snapshot)
        pane.show(app.snapshot, loss.settings)
        pane.add_class("-maximised")
        await pilot.pause()

        def shown() -> str:
            return "\n".join(pane.render_line(y).text for y in range(pane.size.height))

        assert "50–66°C" in shown()
        loss.zoom(3)
        loss.cycle_x_axis()
        await pilot.pause()
        assert "tokens" in shown()
        assert "50–66°C" not in shown()


# a warning, or a kind word


def test_a_warning_takes_the_place_of_the_kind_word():
    state = heated_run()
    calm = status_lines(state.at(10.0), IntervalTracker(), 60)
    assert {style for line in calm for _, style in line} == {"kind"}
    hot = status_lines(state.at(30.0), IntervalTracker(), 60)
    assert "slowed by heat since" in words_of(hot)
    state.apply(restraint(70.0, "paused"))
    assert "hush" in words_of(status_lines(state.at(71.0), IntervalTracker(), 60))
    low = Vitals(t=1.0, step=1, host=host(disk_free_bytes=GIB, disk_total_bytes=100 * GIB))
    full = RunState()
    full.apply_all([started(), low])
    assert "free where the runs are kept" in words_of(status_lines(full.at(), IntervalTracker(), 60))


def test_a_kind_word_changes_once_a_minute_at_most_and_replays_the_same():
    state = run_state(3000, total_steps=4000)
    said = [encouragement(state.at(t)) for t in np.arange(0, 300, 2.5)]
    assert all(len(set(said[first : first + 24])) == 1 for first in range(0, len(said), 24))
    assert len(set(said)) > 1
    again = run_state(3000, total_steps=4000)
    assert [encouragement(again.at(t)) for t in np.arange(0, 300, 2.5)] == said


def test_a_kind_word_can_be_turned_off():
    state = RunState()
    state.apply(msgspec.structs.replace(started(), config={"encouragement": False}))
    assert encouragement(state.at(5.0)) == ""
    assert encouragement(RunState().at()) == ""


def test_there_are_forty_kind_words_and_more_and_all_can_be_said():
    known = encouragement_lines()
    texts = [*(line.text for line in known.fitting), *known.always, *known.learning]
    assert len(texts) == len(set(texts)) >= 40
    assert all(text.isprintable() and len(text) <= 72 for text in texts)
    contexts = [
        EncouragementContext(phase=phase)
        for phase in ("loading", "compiling", "paused", "evaluating", "sampling", "saving")
    ]
    contexts += [
        EncouragementContext(status=status, verdict="learning") for status in ("done", "interrupted", "failed")
    ]
    contexts += [
        EncouragementContext(phase="policy_pause", held_by=cause)
        for cause in ("quiet hours", "heat", "power", "battery")
    ]
    contexts += [
        EncouragementContext(
            verdict=verdict,
            hour=hour,
            share_of_steps=hour / 23,
            celsius=30.0 + 3 * hour,
            fan_percent=float(4 * hour),
            joules=10.0**hour,
            minutes=10.0 * hour,
            rescues=hour % 2,
            samples=hour % 2,
            dial_changes=hour % 2,
            on_battery=hour % 2 == 0,
            on_card=hour % 3 == 0,
        )
        for hour in range(24)
        for verdict in (
            *("", "warming up", "learning", "slow", "plateau", "lr too high", "overfitting", "data-bound"),
            *("diverging", "not learning"),
        )
    ]
    heard = {line_for(context, f"run:{number}") for context in contexts for number in range(40)}
    assert heard == set(texts)


@pytest.mark.parametrize("verdict", ["", "warming up", "not learning", "diverging", "lr too high", "overfitting"])
@pytest.mark.parametrize("status", ["training", "done"])
def test_a_run_that_does_not_learn_is_not_praised(verdict: str, status: str):
    context = EncouragementContext(
        status=status, verdict=verdict, fan_percent=80.0, share_of_steps=0.95, minutes=70.0, rescues=2, dial_changes=3
    )
    known = encouragement_lines()
    praise = {line.text for line in known.fitting if line.praise} | set(known.learning)
    assert praise.isdisjoint(line_for(context, f"r:{number}") for number in range(300))
    learns = dataclasses.replace(context, verdict="learning")
    assert not praise.isdisjoint(line_for(learns, f"r:{number}") for number in range(300))


def test_nobody_who_sleeps_is_told_to_watch_the_loss():
    lines = {
        line_for(EncouragementContext(phase="policy_pause", held_by="quiet hours"), f"r:{number}")
        for number in range(60)
    }
    assert lines == {
        line.text
        for line in encouragement_lines().fitting
        if line.fits(EncouragementContext(phase="policy_pause", held_by="quiet hours"))
    }


# the whole pane


async def test_the_pane_shows_card_bill_and_word_and_an_ended_run_says_so():
    state = heated_run()
    source = EnergySource(name="gpu 0", scope="gpu", quality="counter", joules=36_000.0, measured_seconds=60.0)
    state.apply(Energy(t=63.0, step=600, joules=36_000.0, watts=150.0, measured_seconds=60.0, sources=(source,)))

    class One(App[None]):
        def compose(self) -> ComposeResult:
            yield VitalsPane("braille")

    app = One()
    async with app.run_test(size=(100, 50)) as pilot:
        pane = app.query_one(VitalsPane)
        pane.show(state.at())
        await pilot.pause()

        def shown() -> str:
            return "\n".join(pane.render_line(y).text for y in range(pane.size.height))

        for said in ("97%", "10.0 Wh", "gpu 0: counter", "J/token", "50–66°C"):
            assert said in shown()
        state.apply(Ended(t=64.0, step=600, status="done", reason="", tokens=1, tokens_per_second=1.0))
        pane.show(state.at())
        assert any(
            line.text in shown()
            for line in encouragement_lines().fitting
            if line.fits(EncouragementContext(status="done"))
        )


def test_numbers_that_are_none_harm_no_track():
    state = run_state(50)
    state.apply_all(
        Vitals(
            t=float(t),
            step=t,
            host=host(),
            gpus=(GpuReading(index=0, name="x", trains=True, fans=(Fan(),), power_watts=math.inf),),
        )
        for t in range(5)
    )
    snapshot = state.at()
    assert VitalsHistory().curves(snapshot, XScale(snapshot, "step")) == []
    assert ChartSettings().view == StepWindow()
