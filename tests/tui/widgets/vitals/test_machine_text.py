"""What the panes say about the machine in words: nothing stale, nothing grave left out, a kind word that fits."""

from __future__ import annotations

from typing import Any

import msgspec

from babytrain.runs.energy.bill import bill_amounts
from babytrain.runs.events import Ended, Energy, EnergySource, Phase, PolicyEvent, Vitals
from babytrain.runs.state.run_state import RunState
from babytrain.tui.charts.canvas import CHART_CHARSETS
from babytrain.tui.text.encouragement import EncouragementContext, encouragement, encouragement_lines
from babytrain.tui.widgets.loss.event_marks import IntervalTracker
from babytrain.tui.widgets.vitals.bill_lines import MAX_BILL_LINES, bill_lines
from babytrain.tui.widgets.vitals.gpu_gauges import GpuHistory, gpu_full_lines
from babytrain.tui.widgets.vitals.host_gauges import host_full_lines
from babytrain.tui.widgets.vitals.vitals_layout import PaneFooter, encouragement_line, status_lines, vitals_lines
from tests.tui.widgets.pane_runs import GIB, gpu, host, started, vitals

BRAILLE = CHART_CHARSETS["braille"]


def words_of(lines: Any) -> str:
    return "\n".join("".join(text for text, _ in line) for line in lines)


def test_a_kind_word_fits_what_the_run_does_now():
    state = RunState()
    phases = [(0.0, "loading"), (4.0, "evaluating"), (6.0, "training"), (30.0, "paused"), (40.0, "training")]
    state.apply(started())
    state.apply_all(Phase(t=t, step=0, phase=phase) for t, phase in phases)  # type: ignore[arg-type]
    said = [encouragement(state.at(t)) for t in (1.0, 5.0, 20.0, 35.0, 50.0)]
    while_loading = {
        line.text for line in encouragement_lines().fitting if line.fits(EncouragementContext(phase="loading"))
    }
    while_paused = {
        line.text for line in encouragement_lines().fitting if line.fits(EncouragementContext(phase="paused"))
    }
    assert [word in while_loading for word in said] == [True, False, False, False, False]
    assert [word in while_paused for word in said] == [False, False, False, True, False]
    assert said[1] == said[2]


def test_what_holds_a_run_back_is_told_with_the_temperature_of_now():
    state = RunState()
    state.apply(
        msgspec.structs.replace(started(), config={"temperature_ceiling_celsius": 65.0, "power_budget_watts": 120.0})
    )
    state.apply(Phase(t=1.0, step=0, phase="training"))
    told = PolicyEvent(t=5.0, step=1, cause="heat", action="slowed", text="Gertrude is at 71 °C", duty_cycle=0.46)
    cards = [gpu(nickname="Gertrude", trains=True, temperature_celsius=float(celsius)) for celsius in (71, 58)]
    state.apply_all([Vitals(t=4.0, step=1, host=host(), gpus=cards[:1]), told])
    said = words_of(status_lines(state.at(), IntervalTracker(), 90))
    assert "71 °C, the ceiling is 65 °C: training about 46%" in said
    state.apply(Vitals(t=20.0, step=9, host=host(), gpus=cards[1:]))
    assert "Gertrude is at 58 °C, the ceiling is 65" in words_of(status_lines(state.at(), IntervalTracker(), 90))
    state.apply(PolicyEvent(t=21.0, step=9, cause="power", action="slowed", text="old", duty_cycle=0.3))
    assert "Gertrude draws 143 W, the budget is 120 W: training about 30%" in words_of(
        status_lines(state.at(), IntervalTracker(), 90)
    )
    assert len(encouragement_line(state.at(), IntervalTracker(), 90)) == 1
    state.apply(Phase(t=22.0, step=9, phase="paused"))
    assert {style for line in status_lines(state.at(), IntervalTracker(), 90) for _, style in line} == {"kind"}
    assert encouragement_line(state.at(), IntervalTracker(), 90) == []


def test_a_kind_word_stands_below_what_holds_the_run_back_where_there_is_a_line():
    extras = PaneFooter(status=((("Quiet hours.", "resting"),),), kind=((("Shh.", "kind"),),))
    roomy = vitals_lines([vitals(gpu())], 36, 40, BRAILLE, extras=extras)
    assert words_of(roomy[-2:]) == "Quiet hours.\nShh."
    tight = vitals_lines([vitals(gpu())], 36, len(roomy) - 1, BRAILLE, extras=extras)
    assert "Quiet hours." in words_of(tight)


def test_the_gravest_reason_is_cut_off_and_never_left_out_for_a_harmless_one():
    brake = "power supply asked it to slow down"
    history = GpuHistory(card := gpu(throttle_reasons=(brake,)), (card,), {"hot": 61.0, brake: 9.0})
    text = words_of(gpu_full_lines(history, 36, BRAILLE, merge_fans=True))
    assert "throttled: power supply" in text
    wide = words_of(gpu_full_lines(history, 100, BRAILLE, merge_fans=True))
    assert f"throttled: {brake} 9s" in wide
    assert "earlier hot 1m01s" in wide


def test_a_reason_that_has_just_begun_has_no_seconds_yet():
    history = GpuHistory(card := gpu(throttle_reasons=("hot",)), (card,), {"hot": 0.2})
    assert "throttled: hot\n" in words_of(gpu_full_lines(history, 60, BRAILLE, merge_fans=True)) + "\n"


def test_a_lost_card_says_why_on_as_many_lines_as_it_takes():
    reason = "GPU lost: the card has fallen off the bus; a restart of the computer usually brings it back"
    lost = gpu(missing={"card": reason})
    lines = gpu_full_lines(GpuHistory(lost, (lost,)), 36, BRAILLE, merge_fans=True)
    assert " ".join(words_of(lines).split("\n")) == reason


def test_a_computer_without_swap_has_no_line_about_it():
    none, some = host(swap_used_bytes=0, swap_total_bytes=0), host(swap_used_bytes=0, swap_total_bytes=GIB)
    assert "swap" not in words_of(host_full_lines([Vitals(t=1.0, step=1, host=none)], 60, BRAILLE, detail=True))
    assert "swap" in words_of(host_full_lines([Vitals(t=1.0, step=1, host=some)], 60, BRAILLE, detail=True))


def test_a_run_that_is_over_draws_nothing_any_more():
    state = RunState()
    source = EnergySource(name="gpu 0", scope="gpu", quality="counter", joules=600.0, measured_seconds=4.0)
    reading = Energy(t=5.0, step=5, joules=600.0, watts=150.0, measured_seconds=4.0, sources=(source,))
    state.apply_all([started(), reading])
    assert "150 W now" in words_of(bill_lines(bill_amounts(state.at()), 120, MAX_BILL_LINES))
    state.apply(Ended(t=6.0, step=6, status="done", reason="", tokens=6, tokens_per_second=1.0))
    assert "now" not in words_of(bill_lines(bill_amounts(state.at()), 120, MAX_BILL_LINES))
