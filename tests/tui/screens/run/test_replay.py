"""A recorded run: seeking, the bar, and what is not offered."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from babytrain.tui.app.start_screen import StartReplay
from babytrain.tui.screens.home import HomeScreen
from babytrain.tui.screens.run.replay_and_watch import make_clock
from babytrain.tui.terminal.glyphs import GLYPHS
from babytrain.tui.widgets.run.playback_bar import (
    PlaybackBar,
    TimelineMark,
    next_timeline_mark,
    playback_track,
    timeline_marks,
)
from tests.tui.driving import COMPACT, driving, replay
from tests.tui.scripted import script, state_from, train_step
from tests.tui.snapshots import screen_text


async def test_a_finished_run_stands_at_its_end(runs_dir: Path) -> None:
    async with replay(runs_dir, COMPACT) as driver:
        assert driver.replay.clock.finished
        assert "620/1,500" in screen_text(driver.app)


async def test_playing_moves_the_screen(runs_dir: Path) -> None:
    start_screen = StartReplay(state_from(script(200)), "ziggy", playing=True, speed=64.0)
    async with driving(start_screen, runs_dir, COMPACT) as driver:
        await driver.wait(lambda: "200/1,500" in screen_text(driver.app), "the end of the recording")
        await driver.wait(lambda: not driver.replay.clock.playing, "the clock to stop")


async def test_a_recording_that_breaks_off_was_interrupted(runs_dir: Path) -> None:
    async with driving(StartReplay(state_from(script(200)), "ziggy", playing=False), runs_dir, COMPACT) as driver:
        assert "interrupted" in screen_text(driver.app)
        await driver.press("home")
        assert "interrupted" not in screen_text(driver.app)


async def test_seeking_back_takes_everything_back(runs_dir: Path) -> None:
    async with replay(runs_dir) as driver:
        await driver.press("home")
        text = screen_text(driver.app)
        assert "0/1,500" in text
        assert "best 1." not in text
        assert "frog" not in text


async def test_a_click_on_the_bar_seeks(runs_dir: Path) -> None:
    async with replay(runs_dir, COMPACT) as driver:
        bar = driver.replay.query_one(PlaybackBar)
        await driver.click(bar, offset=(40, 0))
        assert 0.2 * driver.replay.clock.duration < driver.replay.clock.position < 0.8 * driver.replay.clock.duration


async def test_what_is_seeked_to_is_named(runs_dir: Path) -> None:
    async with replay(runs_dir) as driver:
        await driver.press("home", "tab")
        assert "evaluation  0:05 / " in screen_text(driver.app)


async def test_commands_are_not_offered_and_explained(runs_dir: Path) -> None:
    async with replay(runs_dir, COMPACT) as driver:
        await driver.press("s")
        assert driver.toasts[-1].startswith("Sample now: this is a recording")
        assert "sample" not in screen_text(driver.app).splitlines()[-1]


async def test_escape_leads_home(runs_dir: Path) -> None:
    async with replay(runs_dir, COMPACT) as driver:
        await driver.press("escape")
        await driver.see(HomeScreen)


def test_silence_is_jumped_over() -> None:
    events = [*script(50), train_step(51, 1000.0, 1500)]
    clock = make_clock(state_from(events))
    times = iter([0.0, 10.0, 20.0])
    clock._now = lambda: next(times)
    clock.play()
    clock.advance()
    assert clock.position > 900


def test_timeline_marks_are_in_order_and_found_both_ways() -> None:
    marks = timeline_marks(state_from(script(400)))
    assert [mark.t for mark in marks] == sorted(mark.t for mark in marks)
    assert {"evaluation", "sample", "checkpoint", "command"} <= {mark.label for mark in marks}
    middle = marks[len(marks) // 2]
    following, before = next_timeline_mark(marks, middle.t, 1), next_timeline_mark(marks, middle.t, -1)
    assert following is not None
    assert before is not None
    assert before.t < middle.t < following.t


MARKS = st.lists(
    st.builds(TimelineMark, t=st.floats(0, 100), label=st.just("sample"), style=st.just("$accent")), max_size=20
)


@given(t=st.floats(-10, 200), duration=st.floats(0, 100), marks=MARKS, width=st.integers(1, 200))
def test_the_bar_is_as_wide_as_it_should_be(t: float, duration: float, marks: list[TimelineMark], width: int) -> None:
    glyphs = GLYPHS["braille"]
    bar = playback_track(t, duration, marks, width, glyphs)
    assert bar.cell_length == width
    assert bar.plain.count(glyphs.head) == 1
