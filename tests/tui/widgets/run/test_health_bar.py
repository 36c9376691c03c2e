"""The health lines: verdict, advice, rescue and forecast, at any size and whatever a run says."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from babytrain.runs.events import (
    AnyEvent,
    Command,
    GuardEvent,
    LogMessage,
    Resumed,
    Storage,
    SuggestedCommand,
    Verdict,
    VerdictName,
)
from babytrain.runs.forecast.eta import Eta
from babytrain.runs.forecast.final_loss_forecast import Forecast, LossRange
from babytrain.runs.state.run_state import RunSnapshot
from babytrain.tui.app.start_screen import StartWatching
from babytrain.tui.screens.run.replay_and_watch import WatchScreen
from babytrain.tui.terminal.glyphs import GLYPHS
from babytrain.tui.text.wording import verdict_label
from babytrain.tui.widgets.run.health_bar import ForecastCache, HealthFacts, health_lines
from tests.tui.driving import COMPACT, STRIP, TINY, WIDE, driving, live, replay, write_run
from tests.tui.scripted import ending, script, state_from, train_step, troubled
from tests.tui.snapshots import screen_text

HOSTILE = "a\x1b[31mred\u202egpj\u200b [bold]x[/bold] [@click=app.quit]go[/]\nnew\udcff"
KEYS = {"live.advice": ("a", "a"), "live.alternative": ("A", "A")}
FORECAST = Forecast(end=Eta(49, 53), final_loss=LossRange(1.42, 1.44, 1.47))
EARLY = Forecast(end_reason="too early to tell", final_loss_reason="too early to tell")


def hostile_moment() -> RunSnapshot:
    advice = SuggestedCommand(label=HOSTILE, action="stop")
    return state_from(
        [
            *script(60),
            GuardEvent(t=9.0, step=60, cause="spike", action="skipped", text=HOSTILE * 3),
            Verdict(t=9.0, step=60, verdict="plateau", why=HOSTILE, next_=HOSTILE, advice=advice, alternative=advice),
        ]
    ).at()


MOMENTS = [state_from(script(60)).at(), state_from(troubled(60)).at(), hostile_moment(), state_from([]).at()]


def plain(facts: HealthFacts, width: int = 118, height: int = 4) -> list[str]:
    return [line.content.plain for line in health_lines(facts, width, height, GLYPHS["braille"])]


@settings(max_examples=200, deadline=None)
@given(
    snapshot=st.sampled_from(MOMENTS),
    width=st.integers(1, 250),
    height=st.integers(1, 4),
    forecast=st.sampled_from([None, FORECAST, EARLY]),
    keys=st.sampled_from([{}, KEYS]),
    glyphs=st.sampled_from(list(GLYPHS.values())),
)
def test_the_lines_fit_any_size_and_no_text_breaks_out(
    snapshot: RunSnapshot, width: int, height: int, forecast: Forecast | None, keys: object, glyphs: object
) -> None:
    lines = health_lines(HealthFacts(snapshot, None, forecast, keys), width, height, glyphs)  # type: ignore[arg-type]
    assert len(lines) == height
    for line in lines:
        assert line.content.cell_length == max(width, 3)
        assert not any(char in line.content.plain for char in "\x1b\u202e\u200b\udcff\n")
        assert all(0 <= button.first < button.end <= width for button in line.buttons)


@pytest.mark.parametrize("verdict", get_args(VerdictName))
def test_a_verdict_is_a_sign_and_a_word(verdict: VerdictName) -> None:
    state = verdict_label(verdict, GLYPHS["ascii"])
    assert state.word == verdict
    assert len(state.symbol) == 1
    assert state.symbol.isascii()


def test_good_and_bad_differ_without_colour() -> None:
    signs = {name: verdict_label(name, GLYPHS["braille"]).symbol for name in get_args(VerdictName)}
    assert signs["learning"] not in {signs["diverging"], signs["plateau"], signs["warming up"]}
    assert signs["diverging"] != signs["plateau"]


def test_everything_that_is_known_is_said() -> None:
    lines = plain(HealthFacts(state_from(troubled()).at(), Eta(49, 53), FORECAST, KEYS))
    assert "✗ overfitting  val loss rose by 0.06" in lines[0]
    assert "next More dropout may help" in lines[1]
    assert "a stop, keep the best of step 500" in lines[1]
    assert "A go back to step 500" in lines[1]
    assert "! skipped @620  A step was left out" in lines[2]
    assert "ends in 49s–53s · final val 1.420–1.470" in lines[3]


@pytest.mark.parametrize("height", [1, 2, 3, 4])
def test_a_failed_run_is_failed_on_its_health_line_whatever_was_said_before(height: int) -> None:
    events = troubled()
    learning = Verdict(t=events[-1].t, step=620, verdict="learning", why="It falls.", next_="Nothing to do.")
    failed = ending([*events, learning], "failed", "3 rollbacks did not help.")
    lines = plain(HealthFacts(state_from([*events, learning, failed]).at(), None, None, KEYS), height=height)
    assert lines[0].startswith(" ✗ failed")
    assert height == 1 or "3 rollbacks did not help." in lines[0]
    assert not any(words in line for line in lines for words in ("learning", "Nothing to do", "overfitting", "a stop"))


def test_a_verdict_ends_with_the_steps_that_it_was_about() -> None:
    events = troubled()
    t = events[-1].t
    back = Resumed(t=t + 1.0, step=300, wall_time=0.0, checkpoint="c", total_steps=1500, rollback=True)
    snapshot = state_from([*events, back]).at()
    lines = plain(HealthFacts(snapshot, None, FORECAST, KEYS))
    assert "no diagnosis yet  It went back to step 300." in lines[0]
    assert not any(words in line for line in lines for words in ("overfitting", "dropout may help", "a stop"))
    again = Verdict(t=t + 2.0, step=350, verdict="learning", why="It falls.", next_="Nothing to do.")
    assert "learning" in plain(HealthFacts(state_from([*events, back, again]).at()))[0]


def test_a_disk_that_takes_no_checkpoints_is_told_with_since_when_until_it_takes_them_again() -> None:
    events = troubled()
    t, step = events[-1].t, 660
    full = Storage(t=t, step=step, what="checkpoints", failing=True, reason=HOSTILE)
    later = LogMessage(t=t + 90.0, step=step, level="info", text="Still full.")
    snapshot = state_from([*events, full, later]).at()
    for height in (1, 2, 3, 4):
        lines = plain(HealthFacts(snapshot, Eta(49, 53), FORECAST, KEYS), height=height)
        words = next(line for line in lines if "no checkpoints" in line)
        assert "✗ no checkpoints since step 660, 1m30s: a" in words
        assert not any(char in words for char in "\x1b\u202e\n")
    again = Storage(t=t + 1.0, step=step, what="checkpoints", failing=False)
    assert not any("no checkpoints" in line for line in plain(HealthFacts(state_from([*events, full, again]).at())))
    resumed = Resumed(t=t, step=step, wall_time=0.0, checkpoint="c", total_steps=1500)
    assert not any("no checkpoints" in line for line in plain(HealthFacts(state_from([*events, full, resumed]).at())))


def test_a_forecast_that_is_silent_says_why() -> None:
    assert "forecast too early to tell" in plain(HealthFacts(MOMENTS[0], None, EARLY), height=2)[1]
    late = Forecast(end=Eta(5, 6), final_loss_reason="a dial was just turned")
    assert (
        "ends in 5s–6s · final val: a dial was just turned"
        in plain(HealthFacts(MOMENTS[0], Eta(5, 6), late), height=2)[1]
    )


def test_ends_that_read_the_same_are_about_that_much_and_a_wide_range_says_why() -> None:
    eta = Eta(5.0, 60.0, "few steps were timed yet")
    forecast = Forecast(end=eta, final_loss=LossRange(0.2791, 0.2792, 0.2793))
    line = plain(HealthFacts(MOMENTS[0], eta, forecast), height=2)[1]
    assert "ends in 5s–1m00s (few steps were timed yet) · final val about 0.279" in line


def test_without_keys_no_key_is_promised() -> None:
    assert not any("keep the best" in line for line in plain(HealthFacts(MOMENTS[1])))


@pytest.mark.parametrize("size", [WIDE, COMPACT, STRIP])
async def test_the_verdict_is_visible_at_every_size_with_room(runs_dir: Path, size: tuple[int, int]) -> None:
    async with live(runs_dir, size, events=troubled()) as driver:
        assert "✗ overfitting" in screen_text(driver.app)


async def test_where_there_is_no_room_for_it_nothing_breaks(runs_dir: Path) -> None:
    async with live(runs_dir, TINY, events=troubled()) as driver:
        assert "overfitting" not in screen_text(driver.app)


async def test_a_recording_without_a_diagnosis_gives_it_no_room(runs_dir: Path) -> None:
    async with replay(runs_dir) as driver:
        assert "diagnosis" not in screen_text(driver.app)


async def test_whoever_watches_sees_it_but_no_keys(runs_dir: Path) -> None:
    folder = write_run(runs_dir, "elsewhere", troubled())
    async with driving(StartWatching(folder / "journal.jsonl", "elsewhere"), runs_dir) as driver:
        await driver.see(WatchScreen)
        await driver.wait(lambda: "✗ overfitting" in screen_text(driver.app), "the verdict")
        assert "keep the best" not in screen_text(driver.app)


def test_a_forecast_is_made_every_few_seconds_at_most() -> None:
    now, made = [0.0], []
    state = state_from(script(60))
    foresight = ForecastCache(now=lambda: now[0], forecast=lambda snapshot: (made.append(snapshot.rows), FORECAST)[1])
    for tenth in range(100):
        now[0] = tenth / 10
        state.apply(train_step(61 + tenth, 4.0 + tenth / 10, 1500))
        assert foresight.at(state.at()) is FORECAST
    assert made == [61, 111]
    now[0] = 60.0
    foresight.at(state.at())
    foresight.at(state.at())
    now[0] = 120.0
    foresight.at(state.at())
    assert made == [61, 111, 160]


def test_going_back_and_a_command_make_the_forecast_anew_at_once() -> None:
    made: list[int] = []
    state = state_from(script(60))
    foresight = ForecastCache(now=lambda: 0.0, forecast=lambda snapshot: (made.append(snapshot.rows), FORECAST)[1])
    foresight.at(state.at())
    back: AnyEvent = Resumed(t=9.0, step=30, wall_time=0.0, checkpoint="c", total_steps=1500, rollback=True)
    state.apply(back)
    foresight.at(state.at())
    assert made == [60, 30]
    state.apply(Command(t=9.5, step=30, command_id=1, action="lr_scale", status="applied", value=0.5))
    foresight.at(state.at())
    assert made == [60, 30, 30]
