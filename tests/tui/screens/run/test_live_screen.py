"""A run being trained: steering it, its end, and the ways out."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.widgets import Label

from babytrain.runs.events import Command, Phase, Sample, SamplePiece
from babytrain.tui.app.start_screen import StartTraining
from babytrain.tui.screens.dialogs.question import MessageScreen, TextInputScreen
from babytrain.tui.screens.dialogs.quit import QuitScreen
from babytrain.tui.screens.home import HomeScreen
from babytrain.tui.screens.run.frame_budget import DueParts
from babytrain.tui.screens.run.live_screen import LiveScreen
from babytrain.tui.widgets.run.log_pane import LogPane
from babytrain.tui.widgets.samples.sample_panes import SamplePane
from tests.timeouts import LONGEST_WAIT_SECONDS
from tests.tui.driving import COMPACT, STRIP, WIDE, driving, live
from tests.tui.scripted import ScriptedSession, publish, script, train_step
from tests.tui.snapshots import screen_text


async def test_the_engine_starts_after_the_first_paint_and_only_once(runs_dir: Path) -> None:
    async with live(runs_dir) as driver:
        assert driver.session is not None
        assert driver.session.started.is_set()
        assert sum(worker.group == "engine" for worker in driver.app.workers) == 1


async def test_new_steps_reach_the_screen_by_themselves(runs_dir: Path) -> None:
    async with live(runs_dir, COMPACT) as driver:
        assert driver.session is not None
        publish(driver.session.feed, [train_step(700, 40.0, 1500)])
        await driver.wait(lambda: "700/1,500" in screen_text(driver.app), "step 700 on the screen")


async def test_nothing_is_drawn_while_nothing_happens(runs_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with live(runs_dir, COMPACT) as driver:
        await driver.wait(lambda: driver.live._change_token is not None, "the first frame")
        drawn: list[DueParts] = []
        draw = driver.live.draw
        monkeypatch.setattr(driver.live, "draw", lambda snapshot, due: (drawn.append(due), draw(snapshot, due)))

        def nothing_for_eight_ticks() -> bool:
            return len(drawn) >= 8 and not any(due.chart or due.numbers or due.vitals for due in drawn[-8:])

        await driver.wait(nothing_for_eight_ticks, "ticks without anything to draw, once all is caught up with")


async def test_a_sample_is_shown_while_it_is_written(runs_dir: Path) -> None:
    async with live(runs_dir) as driver:
        assert driver.session is not None
        driver.session.feed.events.put(SamplePiece(t=36.0, step=620, sample_id=99, prompt="the ", text="new mo"))
        await driver.wait(lambda: "the new mo▌" in screen_text(driver.app), "the piece with its caret")
        assert "writing" in str(driver.live.query_one(SamplePane).border_title)


async def test_keys_count_from_what_was_asked_not_from_what_was_applied(runs_dir: Path) -> None:
    async with live(runs_dir, answers=False) as driver:
        for presses in range(1, 4):
            await driver.press("minus")
            goal = pytest.approx(0.5 / 1.1**presses, rel=1e-4)
            await driver.wait(lambda goal=goal: bool(driver.asked) and driver.asked[-1][1] == goal, "the next factor")


async def test_a_held_learning_rate_moves_by_the_same_keys(runs_dir: Path) -> None:
    async with live(runs_dir) as driver:
        await driver.press("l", *"2e-3", "enter")
        await driver.see(LiveScreen)
        await driver.wait(lambda: driver.asked == [("lr_hold", 2e-3)], "the value held")
        await driver.press("plus")
        await driver.wait(lambda: driver.asked[-1] == ("lr_hold", 2.2e-3), "the value raised")


async def test_an_asked_command_shows_before_it_is_answered(runs_dir: Path) -> None:
    async with live(runs_dir, answers=False) as driver:
        await driver.press("e")
        await driver.wait(lambda: "→ evaluate  asked…" in screen_text(driver.app), "what was asked")


async def test_a_refused_command_says_why(runs_dir: Path) -> None:
    async with live(runs_dir, answers=False) as driver:
        await driver.press("c")
        assert driver.session is not None
        await driver.wait(lambda: driver.asked != [], "the request")
        request = driver.session.requests[-1]
        driver.session.feed.events.put(
            Command(
                t=36.0,
                step=620,
                command_id=request.command_id,
                action="checkpoint",
                status="refused",
                reason="the disk is full",
            )
        )
        await driver.wait(lambda: "refused: the disk is" in screen_text(driver.app), "the reason")


async def test_a_key_held_down_asks_once(runs_dir: Path) -> None:
    async with live(runs_dir, answers=False) as driver:
        await driver.press("s", "s", "s", "s")
        await driver.press("e")
        await driver.wait(lambda: driver.asked[-1:] == [("evaluate", None)], "the request after it")
        assert driver.asked == [("sample", None), ("evaluate", None)]


async def test_pause_follows_what_was_asked_last(runs_dir: Path) -> None:
    async with live(runs_dir, answers=False) as driver:
        await driver.press("space", "space", "space")
        await driver.wait(lambda: len(driver.asked) == 3, "three requests")
        assert [action for action, _ in driver.asked] == ["pause", "resume", "pause"]


@pytest.mark.parametrize(
    ("key", "typed", "allowed"),
    [
        ("l", "0", "between 1e-9 and 10"),
        ("l", "-1", "between 1e-9 and 10"),
        ("l", "1e9", "between 1e-9 and 10"),
        ("l", "much", "between 1e-9 and 10"),
        ("l", "nan", "between 1e-9 and 10"),
        ("w", "0", "between 1 and 10,000,000"),
        ("w", "99999999", "between 1 and 10,000,000"),
        ("N", "0", "between 1 and 1,000,000,000"),
    ],
)
async def test_absurd_values_are_refused_in_the_dialog_with_the_range(
    runs_dir: Path, key: str, typed: str, allowed: str
) -> None:
    async with live(runs_dir) as driver:
        await driver.press(key)
        dialog = await driver.see(TextInputScreen)
        await driver.press(*typed, "enter")
        await driver.wait(lambda: allowed in str(dialog.query_one("#problem", Label).content), "the range")
        await driver.press("escape")
        await driver.see(LiveScreen)
        assert driver.asked == []


async def test_typing_does_not_steer(runs_dir: Path) -> None:
    async with live(runs_dir) as driver:
        await driver.press("n")
        await driver.see(TextInputScreen)
        await driver.press(*"space c s e q", "escape")
        await driver.see(LiveScreen)
        assert driver.asked == []


# the end


async def test_a_run_that_is_over_offers_no_commands_and_says_so(runs_dir: Path) -> None:
    async with live(runs_dir, COMPACT) as driver:
        assert driver.session is not None
        driver.session.feed.stop_requested.set()
        await driver.wait(lambda: driver.live.over, "the end")
        await driver.wait(lambda: "enter: runs, q: quit" in screen_text(driver.app), "what can be done now")
        assert "pause" not in screen_text(driver.app).splitlines()[-1]
        await driver.press("s")
        assert driver.toasts[-1] == "Sample now: this run is over."
        await driver.press("q")
        await driver.wait(lambda: driver.app.return_value is not None, "the app to end")


async def test_a_failure_is_a_sentence_on_the_screen_and_reaches_the_caller(runs_dir: Path) -> None:
    session = ScriptedSession(fail_with="The text file is empty.")
    async with driving(StartTraining(session), runs_dir, COMPACT) as driver:
        screen = await driver.see(MessageScreen)
        assert "The text file is empty." in screen_text(driver.app)
        await driver.press("enter")
        await driver.wait(lambda: driver.app.screen is not screen, "the sentence to go")
        await driver.press("q")
        await driver.wait(lambda: driver.app.return_value is not None, "the app to end")
    assert driver.app.return_value is not None
    assert driver.app.return_value.last_session is session
    assert session.error == "The text file is empty."


async def test_a_session_that_fails_before_it_says_anything_is_explained(runs_dir: Path) -> None:
    session = ScriptedSession(events=[], fail_with="PyTorch cannot be loaded.")
    async with driving(StartTraining(session), runs_dir, COMPACT) as driver:
        await driver.see(MessageScreen)
        await driver.press("enter")
        await driver.settle()
        text = screen_text(driver.app)
        assert "✗ failed" in text
        assert "| PyTorch cannot be loaded." in text


# the ways out


async def test_save_and_stop_waits_until_everything_is_saved(runs_dir: Path) -> None:
    async with live(runs_dir, COMPACT) as driver:
        assert driver.session is not None
        driver.session.may_end.clear()
        await driver.press("q")
        await driver.see(QuitScreen)
        await driver.press("enter")
        await driver.wait(lambda: "Saving ziggy" in screen_text(driver.app), "the word that it is saving")
        await driver.wait(lambda: driver.asked == [("stop", None)], "the stop")
        assert driver.app.return_value is None
        await driver.press("k")
        assert isinstance(driver.app.screen, QuitScreen)
        driver.session.may_end.set()
        await driver.wait(lambda: driver.app.return_value is not None, "the app to end")
    assert driver.session.ended.is_set()


async def test_one_may_change_ones_mind_about_where_to_go(runs_dir: Path) -> None:
    async with live(runs_dir, COMPACT) as driver:
        assert driver.session is not None
        driver.session.may_end.clear()
        await driver.press("q", "s", "h")
        driver.session.may_end.set()
        await driver.see(HomeScreen)
        assert driver.asked == [("stop", None)]


async def test_ctrl_c_asks_and_ctrl_c_again_stops_at_once(runs_dir: Path) -> None:
    async with live(runs_dir, COMPACT, answers=False) as driver:
        await driver.press("ctrl+c")
        await driver.see(QuitScreen)
        await driver.press("ctrl+c")
        assert driver.session is not None
        await driver.wait(driver.session.feed.stop_requested.is_set, "the stop flag")
        await driver.wait(lambda: driver.app.return_value is not None, "the app to end")


async def test_ctrl_q_asks_too(runs_dir: Path) -> None:
    async with live(runs_dir, COMPACT) as driver:
        await driver.press("ctrl+q")
        await driver.see(QuitScreen)


async def test_ctrl_c_while_typing_asks_and_leads_home(runs_dir: Path) -> None:
    async with live(runs_dir, COMPACT) as driver:
        await driver.press("n")
        await driver.see(TextInputScreen)
        await driver.press("ctrl+c", "h")
        await driver.see(HomeScreen)
        assert not any(isinstance(screen, LiveScreen) for screen in driver.app.screen_stack)


async def test_a_run_that_ends_under_the_question_closes_it(runs_dir: Path) -> None:
    async with live(runs_dir, COMPACT) as driver:
        assert driver.session is not None
        await driver.press("q")
        await driver.see(QuitScreen)
        driver.session.feed.stop_requested.set()
        await driver.see(LiveScreen)
        assert driver.live.over


async def test_a_mistake_of_ours_stops_the_training(runs_dir: Path) -> None:
    session = ScriptedSession()
    stopped_by_the_app: list[bool] = []

    def broken() -> None:
        raise ZeroDivisionError

    async def crash() -> None:
        async with driving(StartTraining(session), runs_dir, COMPACT) as driver:
            driver.app.call_later(broken)
            await driver.wait(lambda: not driver.app.is_running, "the end of the app")
            stopped_by_the_app.append(session.feed.stop_requested.is_set())

    with pytest.raises(ZeroDivisionError):
        await crash()
    assert stopped_by_the_app == [True]
    assert session.ended.wait(LONGEST_WAIT_SECONDS)


# sizes


async def test_a_resize_brings_another_layout(runs_dir: Path) -> None:
    async with live(runs_dir) as driver:
        wide = screen_text(driver.app)
        await driver.resize(STRIP)
        assert "╭" not in screen_text(driver.app)
        await driver.resize(WIDE)
        assert screen_text(driver.app) == wide


async def test_a_pane_without_a_place_gets_the_whole_screen(runs_dir: Path) -> None:
    async with live(runs_dir, STRIP) as driver:
        assert "batch" not in screen_text(driver.app)
        await driver.press("3")
        await driver.wait(lambda: "batch 12 × 64 tokens" in screen_text(driver.app), "the dials")
        await driver.press("escape")
        await driver.wait(lambda: "batch" not in screen_text(driver.app), "the strip again")


async def test_any_size_is_survived(runs_dir: Path) -> None:
    events = [*script(120), Phase(t=8.0, step=120, phase="paused")]
    async with live(runs_dir, (1, 1), events=events) as driver:
        for size in [(1, 1), (5, 2), (20, 5), (59, 7), (60, 8), (99, 17), (250, 80)]:
            await driver.resize(size)
            lines = screen_text(driver.app).splitlines()
            assert len(lines) == size[1]
            assert all(len(line) <= size[0] for line in lines)


async def test_the_log_follows_its_end_unless_somebody_reads(runs_dir: Path) -> None:
    async with live(runs_dir, COMPACT) as driver:
        log = driver.live.query_one(LogPane)
        driver.live.print_line("first")
        await driver.settle()
        assert "first" in screen_text(driver.app)
        await driver.press("5", "up", "up")
        reading = log.scroll_offset.y
        driver.live.print_line("second")
        await driver.settle()
        assert log.scroll_offset.y == reading
        await driver.press("pagedown", "pagedown")
        driver.live.print_line("third")
        await driver.settle()
        assert "third" in screen_text(driver.app)


async def test_a_new_sample_is_shown_from_its_beginning(runs_dir: Path) -> None:
    async with live(runs_dir, COMPACT) as driver:
        assert driver.session is not None
        pane = driver.live.query_one(SamplePane)
        await driver.press("4", "down", "down")
        assert pane.scroll_offset.y == 2
        driver.session.feed.events.put(
            Sample(t=36.0, step=620, sample_id=99, prompt="", text="fresh", seed=1, temperature=1.0, seconds=0.1)
        )
        await driver.wait(lambda: "fresh" in screen_text(driver.app), "the new sample")
        assert pane.scroll_offset.y == 0
