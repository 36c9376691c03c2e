"""Only what changed is painted, at the timer's pace at most, and nothing at all while nothing changes."""

from __future__ import annotations

import itertools
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from textual.widget import Widget

from babytrain.runs.events import Phase
from babytrain.tui.charts.line_chart import LineChart
from babytrain.tui.screens.run.frame_budget import DueParts
from tests.tui.driving import Driver, all_handled, live
from tests.tui.scripted import publish, reading, script, train_step

TOTAL = 1500


@pytest.fixture
def painted(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each kind of widget was asked for what it looks like."""
    counts: Counter[str] = Counter()
    render_lines = Widget.render_lines

    def counted(widget: Widget, crop: Any) -> Any:
        counts[type(widget).__name__] += 1
        return render_lines(widget, crop)

    monkeypatch.setattr(Widget, "render_lines", counted)
    return counts


@pytest.fixture
def dirtied(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each kind of widget said that it looks different now; the others are painted from Textual's cache."""
    counts: Counter[str] = Counter()
    refresh = Widget.refresh

    def counted(widget: Widget, *regions: Any, **how: Any) -> Widget:
        counts[type(widget).__name__] += 1
        return refresh(widget, *regions, **how)

    monkeypatch.setattr(Widget, "refresh", counted)
    return counts


def count_ticks(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Grows by one whenever the run is read."""
    ticks: list[int] = []
    read_source = driver.live.read_source
    monkeypatch.setattr(driver.live, "read_source", lambda: (ticks.append(1), read_source())[1])
    return ticks


async def ticks_later(driver: Driver, ticks: list[int], count: int) -> None:
    wanted = len(ticks) + count
    await driver.wait(lambda: len(ticks) >= wanted, f"{count} ticks")
    await all_handled(driver.pilot)


async def quiet(driver: Driver, ticks: list[int], counts: Counter[str], count: int) -> None:
    """Until nothing was counted for so many ticks on end: a busy machine takes its time to catch up."""
    since = [len(ticks)]

    def nothing_counted() -> bool:
        if counts:
            counts.clear()
            since[0] = len(ticks)
        return len(ticks) >= since[0] + count

    await driver.wait(nothing_counted, f"{count} ticks without anything to draw")


async def test_a_paused_run_without_input_paints_nothing(
    runs_dir: Path, monkeypatch: pytest.MonkeyPatch, painted: Counter[str]
) -> None:
    paused = [*script(60), Phase(t=4.0, step=60, phase="paused")]
    async with live(runs_dir, events=paused) as driver:
        ticks = count_ticks(driver, monkeypatch)
        await quiet(driver, ticks, painted, 12)


async def test_a_step_paints_the_curve_and_the_numbers_and_nothing_else(
    runs_dir: Path, monkeypatch: pytest.MonkeyPatch, dirtied: Counter[str]
) -> None:
    async with live(runs_dir) as driver:
        assert driver.session is not None
        ticks = count_ticks(driver, monkeypatch)
        await quiet(driver, ticks, dirtied, 12)
        publish(driver.session.feed, [train_step(700, 40.0, TOTAL)])
        await driver.wait(lambda: dirtied["ProgressHeader"] > 0 and dirtied["LineChart"] > 0, "numbers and curve")
        await ticks_later(driver, ticks, 4)
        assert dirtied.keys() <= {"LineChart", "LossHeader", "ProgressHeader", "HealthBar", "DialsPane"}


async def test_a_reading_of_the_sensors_paints_their_pane_alone(
    runs_dir: Path, monkeypatch: pytest.MonkeyPatch, dirtied: Counter[str]
) -> None:
    async with live(runs_dir) as driver:
        assert driver.session is not None
        ticks = count_ticks(driver, monkeypatch)
        await quiet(driver, ticks, dirtied, 12)
        driver.session.feed.events.put(reading(35.0, 620))
        await driver.wait(lambda: dirtied["VitalsPane"] > 0, "the reading")
        await ticks_later(driver, ticks, 4)
        assert dirtied.keys() == {"VitalsPane"}


async def test_however_many_steps_come_there_is_one_picture_a_tick(
    runs_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with live(runs_dir) as driver:
        assert driver.session is not None
        pictures: list[int] = []
        show_plot = LineChart.show_plot
        monkeypatch.setattr(LineChart, "show_plot", lambda chart, plot: (pictures.append(1), show_plot(chart, plot))[1])
        ticks = count_ticks(driver, monkeypatch)
        steps = itertools.count(621)

        def many_steps_later() -> bool:
            assert driver.session is not None
            for _ in range(10):
                number = next(steps)
                publish(driver.session.feed, [train_step(number, number * 0.06, TOTAL)])
            return len(ticks) >= 5

        await driver.wait(many_steps_later, "five ticks")
        assert 1 <= len(pictures) <= len(ticks)


async def test_a_key_is_answered_whatever_the_budget_says(
    runs_dir: Path, monkeypatch: pytest.MonkeyPatch, painted: Counter[str]
) -> None:
    async with live(runs_dir) as driver:
        monkeypatch.setattr(driver.live._budget, "due", lambda **_: DueParts(False, False, False))
        painted.clear()
        await driver.press("y")
        await driver.wait(lambda: painted["LineChart"] > 0, "the other axis")


async def test_a_key_ends_the_slow_pace_of_a_screen_without_input(
    runs_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with live(runs_dir) as driver:
        inputs: list[int] = []
        monkeypatch.setattr(driver.live._budget, "input_seen", lambda: inputs.append(1))
        await driver.press("y", "j", "tab")
        assert len(inputs) == 3
