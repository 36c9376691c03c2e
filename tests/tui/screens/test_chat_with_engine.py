"""Talking to a model that the real engine trained and saved, from the list of runs."""

from __future__ import annotations

from pathlib import Path

from babytrain.tui.app.babytrain_app import BabytrainApp
from babytrain.tui.app.start_screen import StartAtHome
from babytrain.tui.engine_client.client import EngineClient
from babytrain.tui.engine_client.validation import NewRunRequest
from babytrain.tui.screens.chat import ChatScreen
from babytrain.tui.screens.home import HomeScreen
from babytrain.tui.widgets.chat.chat_lines import ChatInput, NoteLine
from babytrain.tui.widgets.chat.chat_pane import NextTokenBars
from babytrain.tui.widgets.common.runs_table import RunsTable
from tests.engine.tiny_runs import tiny_config, write_text
from tests.tui.driving import COMPACT, wait_for
from tests.tui.snapshots import screen_text


async def test_a_saved_model_foretells_and_goes_on(tmp_path: Path) -> None:
    runs_dir = tmp_path / "runs"
    session = EngineClient(runs_dir).train(NewRunRequest(tiny_config(steps=10), (str(write_text(tmp_path)),), "tiny"))
    session.run()
    assert session.error is None
    app = BabytrainApp(engine_client=EngineClient(runs_dir), start_screen=StartAtHome(), charset="braille")
    async with app.run_test(size=COMPACT) as pilot:
        home = app.screen
        assert isinstance(home, HomeScreen)
        await wait_for(pilot, lambda: home.loaded and home.query_one(RunsTable).highlighted is not None, "the runs")
        await pilot.press("i")
        await wait_for(pilot, lambda: isinstance(app.screen, ChatScreen), "the conversation")
        screen = app.screen
        assert isinstance(screen, ChatScreen)
        bars = screen.query_one(NextTokenBars)
        await wait_for(pilot, lambda: bool(bars.likeliest), "how a text begins")
        begins = bars.likeliest
        await pilot.press(*"th")
        await wait_for(pilot, lambda: bars.likeliest != begins, "what comes after it")
        shares = [share for _, share in bars.likeliest]
        assert shares == sorted(shares, reverse=True)
        assert 0 < sum(shares) <= 1.0001
        await pilot.press("\u9f8d")
        assert "\u9f8d" in screen.query_one(NoteLine).text
        await pilot.press("enter")
        await wait_for(pilot, lambda: bool(screen.conversation.turns), "a text")
        assert screen.conversation.turns[0].typed == "th"
        assert screen.conversation.turns[0].reply
        screen.query_one(ChatInput).value = "/at 999"
        await pilot.press("enter")
        await wait_for(pilot, lambda: "999" in screen.query_one(NoteLine).text, "that there is none")
        turns = len(screen.conversation.turns)
        await wait_for(pilot, lambda: "awake" in screen_text(app), "the model as it was")
        await pilot.press(*"th", "enter")
        await wait_for(pilot, lambda: len(screen.conversation.turns) > turns, "another text")
        await pilot.press("escape")
        await wait_for(pilot, lambda: app.screen is home, "the list of runs")
