"""Every key of the key map does what its help says, on every screen that offers it.

`CHECKS` holds one check a command; a command without one fails the first test. A check is handed each of the command's
keys in turn.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeAlias

import pytest
from msgspec.structs import replace
from textual.command import CommandPalette

from babytrain.runs.events import Advice, Verdict
from babytrain.tui.conversation import Turn
from babytrain.tui.keymap import BY_ID, MODES, Mode, commands_for, split_keys
from babytrain.tui.screens.ask import AskScreen, ConfirmScreen
from babytrain.tui.screens.choose_run import ChooseRunScreen
from babytrain.tui.screens.fork import ForkScreen
from babytrain.tui.screens.help import HelpScreen
from babytrain.tui.screens.home import HomeScreen
from babytrain.tui.screens.letters import LettersScreen
from babytrain.tui.screens.live import LiveScreen
from babytrain.tui.screens.milestones import MilestonesScreen
from babytrain.tui.screens.new_run import NewRunScreen
from babytrain.tui.screens.quit import QuitScreen
from babytrain.tui.screens.replay import ReplayScreen
from babytrain.tui.screens.samples import SamplesScreen
from babytrain.tui.screens.talk import TalkScreen
from babytrain.tui.screens.watch import WatchScreen
from babytrain.tui.widgets.letter_board import LetterBoard
from babytrain.tui.widgets.log_pane import LogPane
from babytrain.tui.widgets.loss_pane import LossPane
from babytrain.tui.widgets.runs_table import RunsTable
from babytrain.tui.widgets.sample_card import SampleCard
from babytrain.tui.widgets.talk_pane import TalkPane
from tests.tui.driving import COMPACT, Driver, driving, home, replay, write_run
from tests.tui.scripted import WALL_TIME, ScriptedSession, ending, script, started
from tests.tui.scripted_letters import lettered
from tests.tui.snapshots import screen_text
from tests.tui.spoken import spoken

Check: TypeAlias = Callable[[Driver, str], Awaitable[None]]
CHECKS: dict[str, Check] = {}
# Checks that end the app or leave the screen get an app to themselves.
ALONE: set[str] = set()


def check(*ids: str, alone: bool = False) -> Callable[[Check], Check]:
    """This is how to see that these commands work."""

    def register(function: Check) -> Check:
        for command_id in ids:
            CHECKS[command_id] = function
            if alone:
                ALONE.add(command_id)
        return function

    return register


def loss(driver: Driver) -> LossPane:
    return driver.run.query_one(LossPane)


# everywhere


@check("app.help")
async def _(driver: Driver, key: str) -> None:
    await driver.press(key)
    await driver.see(HelpScreen)
    await driver.press("escape")
    await driver.wait(lambda: not isinstance(driver.app.screen, HelpScreen), "help to close")


@check("app.palette")
async def _(driver: Driver, key: str) -> None:
    await driver.press(key)
    await driver.see(CommandPalette)
    await driver.press("escape")
    await driver.wait(lambda: not isinstance(driver.app.screen, CommandPalette), "the palette to close")


@check("app.quit", "app.interrupt", alone=True)
async def _(driver: Driver, key: str) -> None:
    await driver.press(key)
    if driver.session is not None:
        await driver.see(QuitScreen)
    else:
        await driver.wait(lambda: driver.app.return_value is not None, "the app to end")


# runs


@check("home.new")
async def _(driver: Driver, key: str) -> None:
    await driver.press(key)
    await driver.see(NewRunScreen)
    await driver.press("escape")
    await driver.see(HomeScreen)
    assert driver.launcher.wishes == []


@check("home.open", alone=True)
async def _(driver: Driver, key: str) -> None:
    await driver.press(key)
    screen = await driver.see(ReplayScreen)
    assert screen.clock.finished


@check("home.resume", alone=True)
async def _(driver: Driver, key: str) -> None:
    await driver.press("down", key)
    await driver.see(LiveScreen)
    assert [path.name for path in driver.launcher.resumed] == ["stopped-20231114-211320"]


@check("home.fork", "live.fork", alone=True)
async def _(driver: Driver, key: str) -> None:
    at_home = driver.session is None
    await driver.press(key)
    await driver.see(ForkScreen)
    await driver.press(*"500 lr 1e-3", "enter")
    if not at_home:
        await driver.see(ConfirmScreen)
        await driver.press("enter")
    await driver.wait(lambda: len(driver.launcher.sessions) == 1, "the fork")
    await driver.wait(lambda: driver.app.session is driver.launcher.sessions[0], "the screen of the fork")
    await driver.see(LiveScreen)
    name = "done" if at_home else "ziggy"
    assert driver.launcher.forked == [(f"{name}-20231114-221320", "500", {"lr": 1e-3}, not at_home)]


@check("home.delete")
async def _(driver: Driver, key: str) -> None:
    table = driver.app.screen.query_one(RunsTable)
    before = table.row_count
    await driver.press(key)
    await driver.see(ConfirmScreen)
    await driver.press("escape")
    await driver.see(HomeScreen)
    assert table.row_count == before
    await driver.press(key)
    await driver.see(ConfirmScreen)
    await driver.press("enter")
    await driver.wait(lambda: table.row_count == before - 1, "the run to go")


@check("home.undo")
async def _(driver: Driver, key: str) -> None:
    table = driver.app.screen.query_one(RunsTable)
    before = table.row_count
    await driver.press("d")
    await driver.see(ConfirmScreen)
    await driver.press("enter")
    await driver.wait(lambda: table.row_count == before - 1, "the run to go")
    await driver.press(key)
    await driver.wait(lambda: table.row_count == before, "the run to come back")


@check("home.refresh")
async def _(driver: Driver, key: str) -> None:
    table = driver.app.screen.query_one(RunsTable)
    before = table.row_count
    write_run(driver.launcher.runs_dir, f"new{before}", script(20))
    await driver.press(key)
    await driver.wait(lambda: table.row_count == before + 1, "the new run in the list")


# while it trains


@check("live.pause")
async def _(driver: Driver, key: str) -> None:
    await driver.press(key)
    await driver.wait(lambda: driver.asked[-1:] == [("pause", None)], "a pause asked for")
    await driver.wait(lambda: driver.run.source.moment().phase == "paused", "the pause")
    await driver.press(key)
    await driver.wait(lambda: driver.asked[-1:] == [("resume", None)], "a resume asked for")
    await driver.wait(lambda: driver.run.source.moment().phase == "training", "training")


@check("live.lr_up", "live.lr_down")
async def _(driver: Driver, key: str) -> None:
    before = learning_rate_factor(driver)
    count = len(driver.asked)
    await driver.press(key)
    await driver.wait(lambda: len(driver.asked) > count, "a factor asked for")
    action, value = driver.asked[-1]
    assert action == "lr_scale"
    assert value == pytest.approx(before / 1.1 if key == "minus" else before * 1.1, rel=1e-4)
    await driver.wait(lambda: learning_rate_factor(driver) == value, "the factor applied")


def learning_rate_factor(driver: Driver) -> float:
    from babytrain.tui.dial_positions import dial_positions

    driver.run.source.poll()
    return dial_positions(driver.run.source.moment()).lr_scale


@check("live.dial")
async def _(driver: Driver, key: str) -> None:
    assert driver.session is not None
    await driver.press(key)
    await driver.see(AskScreen)
    await driver.press(*"drop 0.2, sched cosine", "enter")
    await driver.see(LiveScreen)
    await driver.wait(lambda: driver.asked[-2:] == [("set", 0.2), ("set", None)], "both turns")
    assert [(one.dial, one.text) for one in driver.session.requests[-2:]] == [("dropout", ""), ("schedule", "cosine")]


@check("live.undo")
async def _(driver: Driver, key: str) -> None:
    await driver.press(key)
    await driver.wait(lambda: driver.asked[-1:] == [("undo", None)], "the undo")


@check("live.go_back")
async def _(driver: Driver, key: str) -> None:
    count = len(driver.asked)
    await driver.press(key)
    await driver.see(ConfirmScreen)
    await driver.press("escape")
    await driver.see(LiveScreen)
    assert len(driver.asked) == count
    await driver.press(key)
    await driver.see(ConfirmScreen)
    await driver.press("enter")
    await driver.wait(lambda: driver.asked[-1:] == [("go_back", None)], "the way back")
    assert driver.session is not None
    assert driver.session.requests[-1].text == "best"
    await driver.see(LiveScreen)


@check("live.advice", "live.alternative")
async def _(driver: Driver, key: str) -> None:
    assert driver.session is not None
    advice = Advice(label="dropout 0.3", action="set", dial="dropout", value=0.3)
    other = Advice(label="run longer", action="total_steps", value=9000.0)
    driver.session.feed.events.put(
        Verdict(t=99.0, step=620, verdict="memorising", why="Why.", next_="Next.", advice=advice, alternative=other)
    )
    await driver.wait(lambda: driver.run.source.moment().verdict is not None, "the verdict")
    await driver.press(key)
    wanted = ("set", 0.3) if key == "a" else ("total_steps", 9000.0)
    await driver.wait(lambda: driver.asked[-1:] == [wanted], "the advice followed")


@check("live.rewarm", "live.advance_many")
async def _(driver: Driver, key: str) -> None:
    await driver.press(key)
    await driver.see(AskScreen)
    await driver.press(*"0", "enter")
    assert isinstance(driver.app.screen, AskScreen), "no steps are no number of steps"
    await driver.press("backspace", *"1,50", "enter")
    await driver.see(LiveScreen)
    action = "rewarm" if key == "w" else "advance"
    await driver.wait(lambda: driver.asked[-1:] == [(action, 150.0)], f"{action} asked for")


@check("live.lr_type")
async def _(driver: Driver, key: str) -> None:
    await driver.press(key)
    await driver.see(AskScreen)
    await driver.press(*"1e-3", "enter")
    await driver.wait(lambda: driver.asked[-1:] == [("lr_hold", 1e-3)], "the value held")
    await driver.see(LiveScreen)
    await driver.press(key)
    await driver.see(AskScreen)
    await driver.press("enter")
    await driver.wait(lambda: driver.asked[-1:] == [("lr_release", None)], "the schedule back")
    await driver.see(LiveScreen)


@check("live.sample", "live.evaluate", "live.checkpoint", "live.advance")
async def _(driver: Driver, key: str) -> None:
    action = {"s": "sample", "e": "evaluate", "c": "checkpoint", "full_stop": "advance"}[key]
    await driver.press(key)
    await driver.wait(lambda: [name for name, _ in driver.asked][-1:] == [action], f"{action} asked for")


@check("live.note")
async def _(driver: Driver, key: str) -> None:
    await driver.press(key)
    await driver.see(AskScreen)
    await driver.press(*"hm", "enter")
    await driver.see(LiveScreen)
    await driver.wait(lambda: driver.asked[-1:] == [("note", None)], "the note")
    assert driver.session is not None
    assert driver.session.requests[-1].text == "hm"


@check("live.save_named", "live.back_to")
async def _(driver: Driver, key: str) -> None:
    action = {"C": "checkpoint", "B": "go_back"}[key]
    await driver.press(key)
    await driver.see(AskScreen)
    await driver.press(*"hell", "enter")
    await driver.see(LiveScreen)
    await driver.wait(lambda: driver.asked[-1:] == [(action, None)], f"{action} asked for")
    assert driver.session is not None
    assert driver.session.requests[-1].text == "hell"


# replay


@check("replay.toggle")
async def _(driver: Driver, key: str) -> None:
    driver.replay.clock.seek(3.0)
    await driver.press(key)
    assert driver.replay.clock.playing
    await driver.press(key)
    assert not driver.replay.clock.playing


@check("replay.slower", "replay.faster")
async def _(driver: Driver, key: str) -> None:
    before = driver.replay.clock.speed
    await driver.press(key)
    assert driver.replay.clock.speed == before * (0.5 if key == "less_than_sign" else 2.0)


@check("replay.back", "replay.forward", "replay.far_back", "replay.far_forward")
async def _(driver: Driver, key: str) -> None:
    clock = driver.replay.clock
    clock.seek(15.0)
    await driver.press(key)
    seconds = {"left": -5.0, "right": 5.0, "shift+left": -30.0, "shift+right": 30.0}[key]
    assert clock.position == min(clock.duration, max(0.0, 15.0 + seconds))


@check("replay.next_event", "replay.previous_event")
async def _(driver: Driver, key: str) -> None:
    evals = [event.t for event in driver.replay.source.state.evals.events]
    driver.replay.clock.seek(evals[1] - 0.1 if key == "tab" else evals[1] + 0.1)
    await driver.press(key)
    assert driver.replay.clock.position == evals[1]


@check("replay.start", "replay.end")
async def _(driver: Driver, key: str) -> None:
    clock = driver.replay.clock
    clock.seek(7.0)
    await driver.press(key)
    assert clock.position == (0.0 if key == "home" else clock.duration)


# chart


@check(
    *("replay.crosshair_left", "replay.crosshair_right", "chart.crosshair_left", "chart.crosshair_right"),
    *("chart.crosshair_far_left", "chart.crosshair_far_right"),
)
async def _(driver: Driver, key: str) -> None:
    loss(driver).clear_crosshair()
    await driver.press(key)
    assert loss(driver).crosshair_step is not None
    loss(driver).move_crosshair(-30)
    before = loss(driver).crosshair_step or 0
    await driver.press(key)
    after = loss(driver).crosshair_step or 0
    assert after > before if "right" in key else after < before
    loss(driver).clear_crosshair()


@check("chart.log_y")
async def _(driver: Driver, key: str) -> None:
    before = loss(driver).settings.log_y
    await driver.press(key)
    assert loss(driver).settings.log_y is not before


@check("chart.x_axis")
async def _(driver: Driver, key: str) -> None:
    before = loss(driver).settings.x_mode
    await driver.press(key)
    assert loss(driver).settings.x_mode != before


@check("chart.speed")
async def _(driver: Driver, key: str) -> None:
    await driver.press(key)
    assert loss(driver).settings.shown == "speed"
    await driver.press(key)
    assert loss(driver).settings.shown == "loss"


@check("chart.baselines")
async def _(driver: Driver, key: str) -> None:
    await driver.press(key)
    assert not loss(driver).settings.baselines
    await driver.press(key)
    assert loss(driver).settings.baselines


@check("chart.smoothing")
async def _(driver: Driver, key: str) -> None:
    before = loss(driver).settings.decay
    await driver.press(key)
    assert loss(driver).settings.decay != before


@check("chart.zoom_in", "chart.zoom_out")
async def _(driver: Driver, key: str) -> None:
    loss(driver).show_all()
    await driver.press("right_square_bracket", "right_square_bracket")
    closer = loss(driver).settings.view
    assert not closer.is_whole
    await driver.press(key)
    assert loss(driver).settings.view != closer


@check("chart.show_all", "replay.show_all")
async def _(driver: Driver, key: str) -> None:
    await driver.press("right_square_bracket", key)
    assert loss(driver).settings.view.is_whole


@check("chart.follow", "replay.follow")
async def _(driver: Driver, key: str) -> None:
    loss(driver).show_all()
    await driver.press("right_square_bracket", "right_square_bracket", key)
    assert loss(driver).settings.view.follows


# panes


@check("pane.next", "pane.previous")
async def _(driver: Driver, key: str) -> None:
    await driver.press("3")
    await driver.press(key)
    assert driver.run.focused is not None
    assert driver.run.focused.id == ("sample" if key == "tab" else "vitals")


@check("pane.loss", "pane.vitals", "pane.dials", "pane.sample", "pane.log")
async def _(driver: Driver, key: str) -> None:
    await driver.press(key)
    assert driver.run.focused is not None
    assert driver.run.focused.id == ("loss", "vitals", "dials", "sample", "log")[int(key) - 1]


@check("pane.maximise")
async def _(driver: Driver, key: str) -> None:
    await driver.press("5", key)
    assert driver.run.solo is driver.run.query_one(LogPane)
    await driver.press(key)
    assert driver.run.solo is None


@check("pane.back")
async def _(driver: Driver, key: str) -> None:
    loss(driver).move_crosshair(-5)
    await driver.press("5", "z", key)
    assert driver.run.solo is None
    assert loss(driver).crosshair_step is not None
    await driver.press(key)
    assert loss(driver).crosshair_step is None
    await driver.press(key)
    if driver.session is not None:
        await driver.see(QuitScreen)
        await driver.press("escape")
        await driver.see(LiveScreen)
    else:
        await driver.see(HomeScreen)


ALONE.add("pane.back")


@check("run.home", alone=True)
async def _(driver: Driver, key: str) -> None:
    if driver.session is not None:
        await driver.press(key)
        assert isinstance(driver.app.screen, LiveScreen), "a run that trains is not left by Enter"
        driver.session.feed.stop_requested.set()
        await driver.wait(lambda: driver.live.over, "the end")
    await driver.press(key)
    await driver.see(HomeScreen)


@check("scroll.up", "scroll.down", "scroll.page_up", "scroll.page_down")
async def _(driver: Driver, key: str) -> None:
    await driver.press("5")
    pane = driver.run.query_one(LogPane)
    down = "down" in key
    await driver.wait(lambda: pane.max_scroll_y > 0, "more lines than the pane shows at once")
    before = 0 if down else pane.max_scroll_y
    pane.scroll_to(y=before, animate=False)
    await driver.wait(lambda: pane.scroll_offset.y == before, "the place to scroll from")
    await driver.press(key)
    await driver.wait(lambda: (pane.scroll_offset.y > before) if down else (pane.scroll_offset.y < before), "scrolling")


# letters, milestones, pictures


@check("run.letters", "home.letters")
async def _(driver: Driver, key: str) -> None:
    below = driver.app.screen
    await driver.press(key)
    await driver.see(LettersScreen)
    await driver.press("escape")
    await driver.wait(lambda: driver.app.screen is below, "the screen below")


@check("run.milestones")
async def _(driver: Driver, key: str) -> None:
    await driver.press(key)
    await driver.see(MilestonesScreen)
    await driver.press(key)
    await driver.wait(lambda: not isinstance(driver.app.screen, MilestonesScreen), "the list to close")


def letters(driver: Driver) -> LettersScreen:
    assert isinstance(driver.app.screen, LettersScreen)
    return driver.app.screen


@check("letters.left", "letters.right", "letters.up", "letters.down")
async def _(driver: Driver, key: str) -> None:
    letters(driver).here = "s"
    await driver.press(key)
    assert letters(driver).here == {"left": "a", "right": "d", "up": "w", "down": "z"}[key]


@check("letters.earlier", "letters.later", "letters.first", "letters.newest")
async def _(driver: Driver, key: str) -> None:
    await driver.press("home", "right_square_bracket", "right_square_bracket")
    assert letters(driver).at == 2
    await driver.press(key)
    assert letters(driver).at == {"left_square_bracket": 1, "right_square_bracket": 3, "home": 0, "end": 5}[key]


@check("letters.view")
async def _(driver: Driver, key: str) -> None:
    seen = []
    for _ in range(3):
        await driver.press(key)
        seen.append(letters(driver).view)
    assert seen == ["bars", "tokens", "keyboard"]


@check("letters.page_up", "letters.page_down")
async def _(driver: Driver, key: str) -> None:
    await driver.press("v")
    assert letters(driver).view == "bars"
    board = letters(driver).query_one(LetterBoard)
    await driver.wait(lambda: board.max_scroll_y > 0, "more letters than the board shows at once")
    before = 0 if key == "pagedown" else board.max_scroll_y
    board.scroll_to(y=before, animate=False)
    await driver.wait(lambda: board.scroll_offset.y == before, "the board where the page starts")
    await driver.press(key)
    down = key == "pagedown"
    await driver.wait(lambda: board.scroll_offset.y > before if down else board.scroll_offset.y < before, "a page")
    await driver.press("v", "v")


@check("letters.close", alone=True)
async def _(driver: Driver, key: str) -> None:
    await driver.press(key)
    await driver.see(LiveScreen)


@check("app.picture")
async def _(driver: Driver, key: str) -> None:
    if key == "x" and isinstance(driver.app.screen, TalkScreen):
        return  # a letter like any other
    folder = driver.launcher.runs_dir.parent
    before = len(list(folder.rglob("screen-*.svg")))
    told = sum(toast.startswith("Picture:") for toast in driver.toasts)
    with contextlib.chdir(folder):  # where it goes when no run is shown, or only a recording
        await driver.press(key)
        await driver.wait(lambda: sum(toast.startswith("Picture:") for toast in driver.toasts) > told, "the picture")
    pictures = list(folder.rglob("screen-*.svg"))
    assert len(pictures) == before + 1
    assert all("<svg" in picture.read_text()[:20] for picture in pictures)


# reading samples and talking


@check("run.samples", "home.samples")
async def _(driver: Driver, key: str) -> None:
    below = driver.app.screen
    await driver.press(key)
    screen = await driver.see(SamplesScreen)
    assert screen.here is not None
    await driver.press("escape")
    await driver.wait(lambda: driver.app.screen is below, "the screen below")


@check("run.talk", "home.talk")
async def _(driver: Driver, key: str) -> None:
    below = driver.app.screen
    await driver.press(key)
    if isinstance(below, ReplayScreen):
        assert "nobody to talk to" in driver.toasts[-1], "a recording alone has no model"
        return
    await driver.see(TalkScreen)
    await driver.press(*"hell")
    await driver.wait(lambda: "81%" in screen_text(driver.app), "what comes next")
    await driver.press("escape")
    await driver.wait(lambda: driver.app.screen is below, "the screen below")


def samples(driver: Driver) -> SamplesScreen:
    assert isinstance(driver.app.screen, SamplesScreen)
    return driver.app.screen


def place(driver: Driver) -> tuple[int, str]:
    here = samples(driver).here
    assert here is not None
    return here.step, here.prompt


@check("samples.earlier", "samples.later", "samples.first", "samples.newest")
async def _(driver: Driver, key: str) -> None:
    await driver.press("home", "right", "right")
    assert place(driver)[0] == 300
    await driver.press(key)
    assert place(driver)[0] == {"left": 200, "right": 400, "home": 100, "end": 600}[key]


@check("samples.previous_prompt", "samples.next_prompt")
async def _(driver: Driver, key: str) -> None:
    before = place(driver)
    await driver.press(key)
    assert place(driver) == (before[0], "the old frog")
    await driver.press(key)
    assert place(driver) == before


@check("samples.pin", "samples.swap", "samples.close", alone=True)
async def _(driver: Driver, key: str) -> None:
    await driver.press("space", "left")
    assert place(driver)[0] == 500
    assert samples(driver).pinned is not None
    await driver.press(key)
    if key == "tab":
        assert place(driver)[0] == 600
    else:
        assert not samples(driver).is_comparing
    if key == "escape":
        await driver.press(key)
        await driver.see(LiveScreen)


@check("samples.other_run", "samples.alignment", alone=True)
async def _(driver: Driver, key: str) -> None:
    await driver.press("r")
    chooser = await driver.see(ChooseRunScreen)
    await driver.wait(lambda: bool(chooser.rows), "the runs")
    await driver.press("enter")
    screen = await driver.see(SamplesScreen)
    await driver.wait(lambda: screen.other is not None, "the other run")
    if key == "m":
        await driver.press(key)
        assert screen.align == "share"


@check("samples.page_up", "samples.page_down", alone=True)
async def _(driver: Driver, key: str) -> None:
    assert driver.session is not None
    newest = samples(driver).here
    assert newest is not None
    long = replace(newest, t=newest.t + 1, step=610, text="frog\n" * 99)
    driver.session.feed.events.put(long)
    await driver.wait(lambda: place(driver)[0] == 610, "a long text")
    card = samples(driver).query_one("#left", SampleCard)
    await driver.wait(lambda: card.allow_vertical_scroll, "something to scroll")
    await driver.press("pagedown")
    await driver.wait(lambda: card.scroll_offset.y > 0, "the next page")
    if key == "pageup":
        await driver.press(key)
        await driver.wait(lambda: card.scroll_offset.y == 0, "the page before")


def talk(driver: Driver) -> TalkScreen:
    assert isinstance(driver.app.screen, TalkScreen)
    return driver.app.screen


@check("talk.go_on", "talk.again", "talk.forget", alone=True)
async def _(driver: Driver, key: str) -> None:
    turns = talk(driver).conversation.turns
    await driver.press(*"hell", "enter")
    await driver.wait(lambda: len(turns) == 1, "a text")
    assert turns[0].typed == "hell"
    seed = talk(driver).conversation.seed
    await driver.press(key)
    if key == "ctrl+l":
        assert turns == []
        return
    await driver.wait(lambda: talk(driver).conversation.seed == seed + 1, "another text")
    assert [turn.typed for turn in turns] == (["hell", ""] if key == "enter" else ["hell"])


@check("talk.next_setting", "talk.previous_setting", "talk.setting_up", "talk.setting_down", alone=True)
async def _(driver: Driver, key: str) -> None:
    settings = talk(driver).conversation.settings
    await driver.press(*([key, "down"] if "tab" in key else [key]))
    expected = {"tab": {}, "shift+tab": {}, "up": {"temperature": 0.9}, "down": {"temperature": 0.7}}[key]
    assert talk(driver).conversation.settings == dataclasses.replace(settings, **expected)
    await driver.press("up")
    expected = {"tab": {"top_k": 1}, "shift+tab": {"repetition_penalty": 1.05}, "up": {"temperature": 1.0}}.get(key, {})
    assert talk(driver).conversation.settings == dataclasses.replace(settings, **expected)


@check("talk.page_up", "talk.page_down", alone=True)
async def _(driver: Driver, key: str) -> None:
    talk(driver).conversation.turns.append(Turn("frog", "\nfrog" * 99))
    await driver.press("x")
    pane = talk(driver).query_one(TalkPane)
    await driver.wait(lambda: pane.scroll_offset.y == pane.max_scroll_y > 0, "the end")
    await driver.press("pageup")
    await driver.wait(lambda: pane.scroll_offset.y < pane.max_scroll_y, "a page up")
    if key == "pagedown":
        await driver.press(key)
        await driver.wait(lambda: pane.scroll_offset.y == pane.max_scroll_y, "a page down")


@check("talk.help", alone=True)
async def _(driver: Driver, key: str) -> None:
    await driver.press(key)
    await driver.see(HelpScreen)


@check("talk.close", alone=True)
async def _(driver: Driver, key: str) -> None:
    await driver.press(key)
    await driver.see(LiveScreen)


# leaving a run


@check("quit.stop", "quit.home", alone=True)
async def _(driver: Driver, key: str) -> None:
    await driver.press(key)
    await driver.wait(lambda: driver.asked[-1:] == [("stop", None)], "the stop")
    if key == "s":
        await driver.wait(lambda: driver.app.return_value is not None, "the app to end")
    else:
        await driver.see(HomeScreen)


@check("quit.keep", alone=True)
async def _(driver: Driver, key: str) -> None:
    await driver.press(key)
    await driver.see(LiveScreen)
    assert driver.asked == []


@check("dialog.cancel", alone=True)
async def _(driver: Driver, key: str) -> None:
    await driver.press(key)
    await driver.see(LiveScreen)


def test_every_command_has_a_check() -> None:
    assert set(CHECKS) == set(BY_ID)


def write_runs(runs_dir: Path) -> None:
    events = script(120)
    write_run(runs_dir, "done", [*events, ending(events)], stamp="20231114-221320")
    stopped = [started(wall_time=WALL_TIME - 3600), *script(120)[1:]]
    write_run(runs_dir, "stopped", [*stopped, ending(stopped, "interrupted")], stamp="20231114-211320")


def opened(mode: Mode, runs_dir: Path) -> object:
    """An app that shows a mode."""
    from babytrain.tui.opening import Train, Watch

    # Many events, so that the panes have something to scroll.
    if mode == "home":
        write_runs(runs_dir)
        return home(runs_dir)
    if mode == "replay":
        return replay(runs_dir, COMPACT)
    if mode == "watch":
        folder = write_run(runs_dir, "elsewhere", script(620))
        return driving(Watch(folder / "journal.jsonl", "elsewhere"), runs_dir, COMPACT)
    folder = write_run(runs_dir, "ziggy", script(620))
    if mode == "letters":
        return driving(Train(ScriptedSession(run_dir=folder, events=lettered(tokens=True))), runs_dir, COMPACT)
    if mode in ("samples", "talk"):
        write_runs(runs_dir)
        return driving(Train(ScriptedSession(run_dir=folder, events=spoken())), runs_dir, COMPACT)
    return driving(Train(ScriptedSession(run_dir=folder)), runs_dir, COMPACT)


async def reach(mode: Mode, driver: Driver) -> None:
    """From the first screen to the mode's own."""
    if mode == "quit":
        await driver.press("q")
        await driver.see(QuitScreen)
    elif mode == "dialog":
        await driver.press("n")
        await driver.see(AskScreen)
    elif mode == "letters":
        await driver.press("L")
        await driver.see(LettersScreen)
    elif mode in ("samples", "talk"):
        await driver.press("S" if mode == "samples" else "i")
        await driver.see(SamplesScreen if mode == "samples" else TalkScreen)
    elif mode == "watch":
        screen = await driver.see(WatchScreen)
        await driver.wait(lambda: screen.source.moment().rows == 620, "the journal to be read")
        await driver.settle()


@pytest.mark.parametrize("mode", [mode for mode in MODES if mode not in ("quit", "dialog")])
async def test_the_keys_of_a_screen(mode: Mode, runs_dir: Path) -> None:
    async with opened(mode, runs_dir) as driver:  # type: ignore[attr-defined]
        await reach(mode, driver)
        for command in commands_for(mode):
            for key in split_keys(command.keys):
                if command.id not in ALONE:
                    await CHECKS[command.id](driver, key)


LEAVING = [
    (mode, command.id, key)
    for mode in MODES
    for command in commands_for(mode)
    for key in split_keys(command.keys)
    if command.id in ALONE
]


@pytest.mark.parametrize(("mode", "command_id", "key"), LEAVING, ids=lambda value: str(value))
async def test_a_key_that_leaves_the_screen(mode: Mode, command_id: str, key: str, runs_dir: Path) -> None:
    async with opened(mode, runs_dir) as driver:  # type: ignore[attr-defined]
        await reach(mode, driver)
        await CHECKS[command_id](driver, key)
