"""Talking to a model."""

from __future__ import annotations

import dataclasses

from babytrain.tui.engine_client.conversation import ChatTurn
from babytrain.tui.screens.chat import ChatScreen
from babytrain.tui.screens.dialogs.help import HelpScreen
from babytrain.tui.screens.run.live_screen import LiveScreen
from babytrain.tui.screens.run.replay_and_watch import ReplayScreen
from babytrain.tui.widgets.chat.chat_pane import ChatPane
from tests.tui.driving import Driver
from tests.tui.keys.every_key.registry import check
from tests.tui.snapshots import screen_text


@check("run.chat", "home.chat")
async def _(driver: Driver, key: str) -> None:
    below = driver.app.screen
    await driver.press(key)
    if isinstance(below, ReplayScreen):
        assert "nobody to talk to" in driver.toasts[-1], "a recording alone has no model"
        return
    await driver.see(ChatScreen)
    await driver.press(*"hell")
    await driver.wait(lambda: "81%" in screen_text(driver.app), "what comes next")
    await driver.press("escape")
    await driver.wait(lambda: driver.app.screen is below, "the screen below")


def talk(driver: Driver) -> ChatScreen:
    assert isinstance(driver.app.screen, ChatScreen)
    return driver.app.screen


@check("chat.go_on", "chat.again", "chat.forget", alone=True)
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


@check("chat.next_setting", "chat.previous_setting", "chat.setting_up", "chat.setting_down", alone=True)
async def _(driver: Driver, key: str) -> None:
    settings = talk(driver).conversation.settings
    await driver.press(*([key, "down"] if "tab" in key else [key]))
    expected = {"tab": {}, "shift+tab": {}, "up": {"temperature": 0.9}, "down": {"temperature": 0.7}}[key]
    assert talk(driver).conversation.settings == dataclasses.replace(settings, **expected)
    await driver.press("up")
    expected = {"tab": {"top_k": 1}, "shift+tab": {"repetition_penalty": 1.05}, "up": {"temperature": 1.0}}.get(key, {})
    assert talk(driver).conversation.settings == dataclasses.replace(settings, **expected)


@check("chat.page_up", "chat.page_down", alone=True)
async def _(driver: Driver, key: str) -> None:
    talk(driver).conversation.turns.append(ChatTurn("frog", "\nfrog" * 99))
    await driver.press("x")
    pane = talk(driver).query_one(ChatPane)
    await driver.wait(lambda: pane.scroll_offset.y == pane.max_scroll_y > 0, "the end")
    await driver.press("pageup")
    await driver.wait(lambda: pane.scroll_offset.y < pane.max_scroll_y, "a page up")
    if key == "pagedown":
        await driver.press(key)
        await driver.wait(lambda: pane.scroll_offset.y == pane.max_scroll_y, "a page down")


@check("chat.help", alone=True)
async def _(driver: Driver, key: str) -> None:
    await driver.press(key)
    await driver.see(HelpScreen)


@check("chat.close", alone=True)
async def _(driver: Driver, key: str) -> None:
    await driver.press(key)
    await driver.see(LiveScreen)
