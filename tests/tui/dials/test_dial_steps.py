"""Any dial by keys: chosen in its pane, turned a step at a time, however long a key is held."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from babytrain.engine.config.build import build_config, checked_value
from babytrain.runs.dials.apply_and_undo import apply_command
from babytrain.runs.dials.dial_state import DialState, initial_dials
from babytrain.runs.events import Command, Request
from babytrain.tui.dials.dial_steps import limit_message, next_change
from babytrain.tui.engine_client.validation import dial_rules
from babytrain.tui.screens.dialogs.question import TextInputScreen
from babytrain.tui.widgets.run.dials_pane import DialsPane
from tests.tui.driving import Driver, live, replay
from tests.tui.scripted import script
from tests.tui.snapshots import screen_text

RULES = dial_rules()


def change(action: str, dial: str, value: float | None, text: str) -> Request:
    return Request(command_id=0, action=action, dial=dial, value=value, text=text)  # type: ignore[arg-type]


START = initial_dials(build_config().to_dict())


def step(name: str, direction: int, asked: Request | None = None, dials: DialState = START) -> Request | None:
    return next_change(name, direction, dials, asked, RULES)


@pytest.mark.parametrize(
    ("name", "direction", "dials", "turn"),
    [
        ("dropout", 1, START, change("set", "dropout", 0.01, "")),
        ("batch_size", -1, START, change("set", "batch_size", 5.0, "")),
        ("eval_every", -1, replace(START, eval_every=5), change("set", "eval_every", 1.0, "")),
        ("schedule", 1, START, change("set", "schedule", None, "cosine")),
        ("schedule", -1, START, change("set", "schedule", None, "constant")),
        ("on_battery", 1, START, change("set", "on_battery", None, "pause")),
        ("lr", 1, START, change("lr_scale", "", 1.1, "")),
        ("lr", -1, replace(START, lr_hold=1e-3), change("lr_hold", "", 0.000909091, "")),
        ("lr", 1, replace(START, lr_hold=9.9), change("lr_hold", "", 10.0, "")),
        ("dropout", -1, START, None),  # it is 0
        ("lr", 1, replace(START, lr_scale=1e6), None),
        ("eval_every", 1, replace(START, eval_every=20_000_000), change("set", "eval_every", 20_000_010.0, "")),
        ("quiet_hours", 1, START, None),  # typed, not turned
        ("temperature_ceiling_celsius", 1, START, None),  # none, and 1°C would stop the run
        (
            "temperature_ceiling_celsius",
            -1,
            replace(START, temperature_ceiling_celsius=1),
            None,
        ),  # 0 would be no ceiling at all
        ("power_budget_watts", -1, replace(START, power_budget_watts=4), None),
        ("clip", -1, replace(START, clip=0.1), None),
        ("warp", 1, START, None),
    ],
)
def test_one_step(name: str, direction: int, dials: DialState, turn: Request | None) -> None:
    assert step(name, direction, dials=dials) == turn


@pytest.mark.parametrize(
    ("name", "dials", "words"),
    [
        ("dropout", START, "dropout goes no further: 0 to 0.9"),
        ("lr", replace(START, lr_hold=10.0), "lr goes no further: 1e-"),
        ("lr", replace(START, lr_scale=1e6), "the factor on lr goes no further: 1e-"),
        ("power_budget_watts", START, "power_budget_watts is off: 0 to 100,000"),
        ("quiet_hours", START, "quiet_hours is no dial for these keys: off, or stretches of the day such as"),
    ],
)
def test_why_there_is_no_next_step(name: str, dials: DialState, words: str) -> None:
    assert limit_message(name, dials, RULES).startswith(words)


def test_a_step_starts_from_what_was_asked_for_last_of_the_same_dial() -> None:
    asked = Request(command_id=1, action="set", dial="dropout", value=0.2)
    word = Request(command_id=1, action="set", dial="schedule", text="wsd")
    assert step("dropout", 1, asked) == change("set", "dropout", 0.21, "")
    assert step("token_noise", 1, asked) == change("set", "token_noise", 0.01, "")
    assert step("schedule", 1, word) == change("set", "schedule", None, "constant")
    assert step("lr", 1, Request(command_id=1, action="lr_hold", value=2.0)) == change("lr_hold", "", 2.2, "")


@given(st.sampled_from([rule.name for rule in RULES]), st.lists(st.sampled_from([1, -1]), max_size=40))
def test_whatever_steps_ask_for_the_engine_takes(name: str, directions: list[int]) -> None:
    config = build_config()
    asked: Request | None = None
    for direction in directions:
        turn = step(name, direction, asked)
        if turn is not None:
            asked = Request(command_id=1, action=turn.action, dial=turn.dial, value=turn.value, text=turn.text)
            assert apply_command(config, START, asked, 0, checked_value).refusal == ""


async def test_a_dial_chosen_in_its_pane_is_turned_and_typed(runs_dir: Path) -> None:
    async with live(runs_dir, answers=False) as driver:
        pane = driver.run.query_one(DialsPane)
        await driver.press("3")
        for _ in range(20):
            await driver.press("down")
            if pane.chosen == "dropout":
                break
        assert pane.chosen == "dropout"
        await driver.press(*["plus"] * 5)
        await driver.wait(lambda: driver.asked[-1:] == [("set", 0.05)], "the newest step")
        assert len(driver.asked) <= 5
        assert "dropout 0.05  asked" in screen_text(driver.app)
        await driver.press("d")
        dialog = await driver.see(TextInputScreen)
        assert dialog.query_one("#answer").value == "dropout "
        await driver.press("escape")
        await driver.press("1", "plus")
        await driver.wait(lambda: driver.asked[-1][0] in ("lr_scale", "lr_hold"), "the learning rate again")


async def test_a_step_beyond_the_edge_is_told_once(runs_dir: Path) -> None:
    async with live(runs_dir, answers=False) as driver:
        pane = driver.run.query_one(DialsPane)
        await driver.press("3")
        for _ in range(20):
            await driver.press("down")
            if pane.chosen == "dropout":
                break
        await driver.press(*["minus"] * 4)
        assert driver.asked == []
        assert [toast for toast in driver.toasts if "dropout goes no further: 0 to 0.9" in toast] != []
        assert len(driver.toasts) == 1


async def test_up_and_down_scroll_where_nothing_can_be_turned(runs_dir: Path) -> None:
    async with replay(runs_dir) as driver:
        await driver.press("3", "down", "down")
        assert driver.app.screen.query_one(DialsPane).chosen == ""


async def choose(driver: Driver, name: str) -> DialsPane:
    """The dials pane, with that dial chosen in it."""
    pane = driver.run.query_one(DialsPane)
    await driver.press("3")
    for _ in range(30):
        await driver.press("down")
        if pane.chosen == name:
            return pane
    raise AssertionError(f"{name} cannot be chosen")


async def test_an_undo_comes_after_the_steps_it_takes_back(runs_dir: Path) -> None:
    async with live(runs_dir, answers=False) as driver:
        await choose(driver, "dropout")
        await driver.press("plus", "plus", "plus", "u")
        await driver.wait(lambda: "undo" in [action for action, _ in driver.asked], "the undo")
        assert driver.asked[-2:] == [("set", 0.03), ("undo", None)]


async def test_the_chosen_dial_stays_in_sight_when_lines_come_above_it(runs_dir: Path) -> None:
    async with live(runs_dir, answers=False, size=(80, 24)) as driver:
        pane = await choose(driver, "sample_every")

        def is_shown() -> bool:
            top, height = pane.scroll_offset.y, pane.scrollable_content_region.height
            return any(line.plain.startswith("eval") for line in pane.lines[top : top + height])

        assert is_shown()
        count = len(pane.lines)
        driver.live.ask("checkpoint", text="before-the-cliff-and-everything-after")
        await driver.wait(lambda: len(pane.lines) > count, "what was asked, in more lines")
        await driver.wait(is_shown, "the chosen dial")


async def test_the_chosen_dial_is_not_cut_off(runs_dir: Path) -> None:
    limits = {"temperature_ceiling_celsius": 70.0, "power_budget_watts": 1200.0}
    commands = [
        Command(t=1.0, step=1, command_id=1, action="set", status="applied", dial=dial, value=value)
        for dial, value in limits.items()
    ]
    async with live(runs_dir, size=(120, 36), events=[*script(20), *commands]) as driver:
        pane = await choose(driver, "temperature_ceiling_celsius")
        assert [line.plain for line in pane.lines if line.plain.startswith("power")] == ["power ceiling °C 70 · bu…"]
        await driver.press("down")
        assert pane.chosen == "power_budget_watts"
        assert [line.plain for line in pane.lines if line.plain.startswith("power")] == ["power … budget W 1,200"]
