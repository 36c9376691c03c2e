"""Talking to a model on the screen: to a run that trains, and to one that was saved."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.cells import cell_len

from babytrain.engine.generation.sampling import SamplingSettings
from babytrain.runs.events.sampling_options import parse_sampling_options
from babytrain.tui.app.start_screen import StartReplay, StartTraining
from babytrain.tui.engine_client.conversation import ChatTurn
from babytrain.tui.screens.chat import ChatScreen
from babytrain.tui.screens.dialogs.help import HelpScreen
from babytrain.tui.screens.dialogs.quit import QuitScreen
from babytrain.tui.screens.home import HomeScreen
from babytrain.tui.screens.run.live_screen import LiveScreen
from babytrain.tui.widgets.chat.chat_lines import ChatInput, NoteLine, SamplingSettingsLine
from babytrain.tui.widgets.chat.chat_pane import UNSEEN_STYLE, ChatPane, NextTokenBars
from tests.tui.driving import COMPACT, STRIP, TINY, WIDE, Driver, driving, home, live, write_run
from tests.tui.scripted import REPLY, ScriptedModel, ScriptedSession, ending, predicted_tokens, script, state_from
from tests.tui.snapshots import Golden, screen_text

FIRST_POEM = REPLY.partition("another")[0]  # a reply ends at a blank line


async def talk(driver: Driver) -> ChatScreen:
    await driver.press("i")
    screen: ChatScreen = await driver.see(ChatScreen)
    return screen


async def talk_to_saved(driver: Driver) -> ChatScreen:
    screen = await talk(driver)
    await driver.wait(lambda: "awake" in screen_text(driver.app), "the model awake")
    return screen


def saved_run(runs_dir: Path) -> None:
    write_run(runs_dir, "ziggy", [*script(120), ending(script(120))])


def shown(driver: Driver) -> tuple[tuple[str, float], ...]:
    return driver.app.screen.query_one(NextTokenBars).likeliest


def note(driver: Driver) -> str:
    return driver.app.screen.query_one(NoteLine).text


def line(driver: Driver) -> ChatInput:
    return driver.app.screen.query_one(ChatInput)


# a run that trains


async def test_what_comes_next_is_shown_while_one_types(runs_dir: Path) -> None:
    async with live(runs_dir) as driver:
        await talk(driver)
        await driver.wait(lambda: shown(driver) == tuple(predicted_tokens("")), "how a text begins")
        await driver.press(*"hell")
        await driver.wait(lambda: shown(driver) == tuple(predicted_tokens("hell")), "what comes after hell")
        await driver.settle()
        text = screen_text(driver.app)
        assert "o    81% ███" in text
        assert "␣     4%" in text
        assert "⏎     3%" in text
        assert "␛    <1%" in text
        await driver.press("backspace")
        await driver.wait(lambda: shown(driver) == tuple(predicted_tokens("hel")), "what comes after hel")
        assert driver.session is not None
        texts = [request.text for request in driver.session.requests if request.action == "predict"]
        assert texts[-1] == "hel"
        assert driver.app.screen.query_one(NextTokenBars).border_title == "next"


async def test_a_run_that_trains_goes_on_from_what_is_typed(runs_dir: Path) -> None:
    session = ScriptedSession()
    session.may_write.clear()
    async with driving(StartTraining(session), runs_dir) as driver:
        screen = await talk(driver)
        await driver.press(*"the frog", "enter")
        await driver.wait(lambda: "the frog leaps in" in screen_text(driver.app), "the first piece")
        assert "writing" in screen_text(driver.app)
        session.may_write.set()
        await driver.wait(lambda: bool(screen.conversation.turns), "the whole text")
        assert screen.conversation.turns == [ChatTurn("the frog", FIRST_POEM)]
        await driver.press(*"a bee", "enter")
        await driver.wait(lambda: len(screen.conversation.turns) == 2, "another text")
    asked = [request for request in session.requests if request.action == "sample"]
    assert [request.text for request in asked] == ["the frog", "a bee"], "two prompts are two conversations"
    assert [parse_sampling_options(request.dial)["seed"] for request in asked] == [1, 2]


async def test_the_keys_of_a_paused_run_are_letters_here(runs_dir: Path) -> None:
    async with live(runs_dir) as driver:
        await driver.press("space")
        await driver.wait(lambda: driver.run.source.snapshot().phase == "paused", "the pause")
        await talk(driver)
        count = len([action for action, _ in driver.asked if action not in ("predict",)])
        await driver.press(*"q? sec")
        assert line(driver).value == "q? sec"
        await driver.wait(lambda: "paused" in screen_text(driver.app), "how the run is doing")
        assert len([action for action, _ in driver.asked if action not in ("predict",)]) == count
        await driver.settle()
        assert "quit" not in screen_text(driver.app).splitlines()[-1]


@pytest.mark.parametrize("key", ["escape", "ctrl+c"])
async def test_a_text_is_stopped_before_the_screen_is_left(runs_dir: Path, key: str) -> None:
    session = ScriptedSession()
    session.may_write.clear()
    async with driving(StartTraining(session), runs_dir) as driver:
        screen = await talk(driver)
        await driver.press(*"frog", "enter")
        await driver.wait(lambda: "frog leaps in" in screen_text(driver.app), "the first piece")
        await driver.press(key)
        assert screen.conversation.turns == [ChatTurn("frog", " leaps in")]
        assert driver.app.screen is screen
        session.may_write.set()
        await driver.press(key)
        await driver.see(LiveScreen if key == "escape" else QuitScreen)


async def test_settings_are_turned_by_keys_and_by_commands(runs_dir: Path) -> None:
    async with live(runs_dir) as driver:
        screen = await talk(driver)
        await driver.press("down", "tab", "up", "up", "tab", "down")
        assert screen.conversation.settings == SamplingSettings(0.7, 2, 0.98)
        await driver.press(*"/min-p 0.07", "enter")
        assert screen.conversation.settings == SamplingSettings(0.7, 2, 0.98, 0.07)
        assert note(driver) == "min-p is 0.07."
        await driver.settle()
        assert "[top-p 0.98]" in screen_text(driver.app)
        await driver.press(*"/temp 11", "enter")
        assert "between 0 and 10" in note(driver)
        await driver.press(*"frog", "enter")
        await driver.wait(lambda: bool(screen.conversation.turns), "a text")
    assert driver.session is not None
    (asked,) = [request for request in driver.session.requests if request.action == "sample"]
    assert parse_sampling_options(asked.dial) | {"tokens": 0, "seed": 0, "talk": 0} == {
        "temperature": 0.7, "top_k": 2, "top_p": 0.98, "min_p": 0.07, "repetition_penalty": 1.0, "tokens": 0, "seed": 0,
        "talk": 0,
    }  # fmt: skip


async def test_commands_explain_themselves_while_they_are_typed(runs_dir: Path) -> None:
    async with live(runs_dir) as driver:
        await talk(driver)
        await driver.press(*"/t")
        assert "/temperature" in note(driver)
        assert "/top-k" in note(driver)
        await driver.press(*"em")
        assert "always the likeliest" in note(driver)
        await driver.press("enter")
        assert note(driver) == "temperature is 0.8."
        await driver.press(*"/nonsense\x1b", "enter")
        assert "no command" in note(driver)
        await driver.press(*"/help", "enter")
        await driver.see(HelpScreen)
        await driver.press("escape")
        await driver.see(ChatScreen)
        await driver.press(*"/quit", "enter")
        await driver.see(LiveScreen)


async def test_when_the_run_is_over_its_saved_model_takes_its_place(runs_dir: Path) -> None:
    folder = write_run(runs_dir, "ziggy", script(620))
    async with driving(StartTraining(ScriptedSession(run_dir=folder)), runs_dir) as driver:
        screen = await talk(driver)
        await driver.press(*"frog", "enter")
        await driver.wait(lambda: bool(screen.conversation.turns), "a text")
        assert driver.session is not None
        driver.session.feed.stop_requested.set()
        await driver.wait(lambda: "awake · step 500" in screen_text(driver.app), "the saved model")
        assert driver.client.loaded == [(folder.name, "last")]
        await driver.press("enter")
        await driver.wait(lambda: len(screen.conversation.turns) == 2, "a text of the saved model")
        assert driver.client.saved.read == [f"frog{FIRST_POEM}"]


# a saved one


async def test_a_saved_model_wakes_while_one_types(runs_dir: Path) -> None:
    saved_run(runs_dir)
    async with home(runs_dir) as driver:
        driver.client.may_load.clear()
        screen = await talk(driver)
        await driver.press(*"hell")
        await driver.settle()
        assert "waking the model" in screen_text(driver.app)
        await driver.press("enter")
        assert "still waking" in note(driver)
        assert line(driver).value == "hell"
        driver.client.may_load.set()
        await driver.wait(lambda: shown(driver) == tuple(predicted_tokens("hell")), "what comes next")
        await driver.press("enter")
        await driver.wait(lambda: bool(screen.conversation.turns), "a text")
        assert screen.conversation.turns == [ChatTurn("hell", FIRST_POEM)]
        assert driver.client.loaded == [("ziggy-20231114-221320", "best")]
        await driver.press("escape")
        await driver.see(HomeScreen)


async def test_a_run_in_the_list_is_talked_to_with_its_own_settings(runs_dir: Path) -> None:
    folder = write_run(runs_dir, "ziggy", [*script(120), ending(script(120))])
    (folder / "run.toml").write_text("[config]\ntemperature = 0.3\nmin_p = 0.1\nsample_tokens = 77\n", encoding="utf-8")
    async with home(runs_dir) as driver:
        screen = await talk_to_saved(driver)
        assert screen.conversation.settings == SamplingSettings(temperature=0.3, min_p=0.1)
        assert screen.conversation.max_tokens == 77


async def test_another_checkpoint_can_be_talked_to(runs_dir: Path) -> None:
    saved_run(runs_dir)
    async with home(runs_dir) as driver:
        await talk_to_saved(driver)
        await driver.press(*"/at 300", "enter")
        await driver.wait(lambda: driver.client.loaded[-1] == ("ziggy-20231114-221320", "300"), "the other one")


async def test_a_model_that_cannot_be_woken_is_a_sentence(runs_dir: Path) -> None:
    saved_run(runs_dir)
    async with home(runs_dir, refusal="There is no checkpoint here.") as driver:
        await talk(driver)
        await driver.wait(lambda: note(driver) == "There is no checkpoint here.", "why not")
        await driver.press(*"hm", "enter", "escape")
        await driver.see(HomeScreen)


async def test_a_replay_talks_to_the_run_it_recorded(runs_dir: Path) -> None:
    folder = write_run(runs_dir, "ziggy", script(120))
    start_screen = StartReplay(state_from(script(120)), "ziggy", playing=False, folder=folder)
    async with driving(start_screen, runs_dir) as driver:
        await talk_to_saved(driver)
        assert driver.client.loaded == [(folder.name, "best")]


async def test_a_damaged_model_costs_a_sentence_and_what_was_typed_stays(runs_dir: Path) -> None:
    saved_run(runs_dir)
    async with home(runs_dir) as driver:
        screen = await talk_to_saved(driver)
        driver.client.saved.problem = "The weights are damaged."
        await driver.press(*"frog", "enter")
        await driver.wait(lambda: line(driver).value == "frog", "what was typed")
        assert screen.conversation.turns == []
        driver.client.saved.problem = ""
        await driver.press("enter")
        await driver.wait(lambda: bool(screen.conversation.turns), "a text")


async def test_a_model_that_runs_out_of_memory_says_so_and_goes_on_answering(runs_dir: Path) -> None:
    saved_run(runs_dir)
    async with home(runs_dir) as driver:
        screen = await talk_to_saved(driver)
        driver.client.saved.failure = MemoryError()
        await driver.press(*"frog", "enter")
        await driver.wait(lambda: "not enough memory" in note(driver), "a sentence")
        await driver.wait(lambda: "writing" not in screen_text(driver.app), "that it no longer writes")
        driver.client.saved.failure = None
        before = len(screen.conversation.turns)
        await driver.press("enter")
        await driver.wait(lambda: len(screen.conversation.turns) > before, "a text")


async def test_a_run_that_broke_without_a_word_leaves_the_screen_to_its_saved_model(runs_dir: Path) -> None:
    folder = write_run(runs_dir, "ziggy", script(120))
    session = ScriptedSession(run_dir=folder, answers=False, ends=False)
    async with driving(StartTraining(session), runs_dir) as driver:
        await talk(driver)
        await driver.press(*"frog", "enter")
        session.feed.stop_requested.set()
        await driver.wait(lambda: driver.client.loaded == [(folder.name, "last")], "the saved model")
        await driver.wait(lambda: "awake" in screen_text(driver.app), "the model awake")


# what is typed


async def test_characters_the_model_never_saw_are_named_and_may_be_dropped(runs_dir: Path) -> None:
    saved_run(runs_dir)
    async with home(runs_dir) as driver:
        screen = await talk_to_saved(driver)
        await driver.press(*"fr\u9f8dog")
        assert "\u9f8d" in note(driver)
        assert "goes on without it" in note(driver)
        assert "tokenizer=byte" in note(driver)
        await driver.press("enter")
        await driver.wait(lambda: bool(screen.conversation.turns), "a text")
        assert driver.client.saved.read == ["frog"]
        await driver.press("\u9f8d", "enter")
        assert "Nothing of this can be read" in note(driver)
        assert len(screen.conversation.turns) == 1


async def test_nothing_typed_begins_a_text_and_then_goes_on_with_it(runs_dir: Path) -> None:
    saved_run(runs_dir)
    async with home(runs_dir) as driver:
        screen = await talk_to_saved(driver)
        await driver.press("enter")
        await driver.wait(lambda: len(screen.conversation.turns) == 1, "a text")
        await driver.press("enter")
        await driver.wait(lambda: len(screen.conversation.turns) == 2, "more of it")
        assert driver.client.saved.read == ["", FIRST_POEM]


async def test_what_the_model_cannot_look_back_to_is_said_and_faint(runs_dir: Path) -> None:
    saved_run(runs_dir)
    async with home(runs_dir) as driver:
        screen = await talk_to_saved(driver)
        await driver.press(*"frog", "enter")
        await driver.wait(lambda: bool(screen.conversation.turns), "a text")
        await driver.press("enter")
        await driver.wait(lambda: len(screen.conversation.turns) == 2, "more of it")
        await driver.settle()
        left_out = len(screen.conversation.text) - driver.client.saved.context
        assert f"first {left_out} characters were left out" in note(driver)
        lines = screen.query_one(ChatPane).lines
        faint = [span for shown in lines for span in shown.spans if span.style == UNSEEN_STYLE]
        breaks = screen.conversation.text[:left_out].count("\n")
        assert sum(span.end - span.start for span in faint) == left_out - breaks


async def test_the_conversation_is_forgotten_and_saved(runs_dir: Path, tmp_path: Path) -> None:
    saved_run(runs_dir)
    async with home(runs_dir) as driver:
        screen = await talk_to_saved(driver)
        await driver.press(*"frog", "enter")
        await driver.wait(lambda: bool(screen.conversation.turns), "a text")
        line(driver).value = f"/save {tmp_path / 'talk.txt'}"
        await driver.press("enter")
        assert (tmp_path / "talk.txt").read_text(encoding="utf-8").startswith("> frog\nfrog leaps")
        await driver.press(*"/reset", "enter")
        assert screen.conversation.turns == []


async def test_a_setting_can_be_clicked(runs_dir: Path) -> None:
    async with live(runs_dir, WIDE) as driver:
        await talk(driver)
        await driver.settle()
        await driver.click(SamplingSettingsLine, offset=(24, 0))
        await driver.settle()
        assert "[top-k off]" in screen_text(driver.app)


@pytest.mark.parametrize("size", [WIDE, COMPACT, STRIP, TINY])
async def test_whatever_is_typed_and_written_the_layout_holds(runs_dir: Path, size: tuple[int, int]) -> None:
    saved_run(runs_dir)
    hostile = "\x1b[31m[bold]\u202eevil\u200b 句句句 e\u0301\u0301\u0301\u0301 \x00\x9b2J\tend\n" * 5
    async with home(runs_dir, size, saved=ScriptedModel(replies=[hostile], notes=(hostile,))) as driver:
        screen = await talk(driver)
        await driver.wait(lambda: bool(shown(driver)), "the model awake")
        line(driver).value = hostile.replace("\n", " ")
        await driver.press("enter")
        await driver.wait(lambda: bool(screen.conversation.turns), "a text")
        line(driver).value = "\u202e[red]句"
        await driver.settle()
        lines = screen_text(driver.app).splitlines()
        assert len(lines) == size[1]
        assert all(cell_len(one) <= size[0] for one in lines)
        kept = [one for one in lines if "[red]" not in one]  # the line being typed is the person's own
        assert not any(char in one for one in kept for char in "\x1b\x00\x9b\u202e\u200b\t")
        assert all(cell_len(one) == size[0] for one in lines if one.startswith("│"))


SIZES = {"120x36": WIDE, "80x24": COMPACT, "40x12": STRIP}


@pytest.mark.parametrize(("label", "size"), SIZES.items(), ids=SIZES.keys())
async def test_what_it_looks_like(golden: Golden, runs_dir: Path, label: str, size: tuple[int, int]) -> None:
    async with live(runs_dir, size) as driver:
        screen = await talk(driver)
        await driver.press(*"the old frog", "enter")
        await driver.wait(lambda: bool(screen.conversation.turns), "a text")
        await driver.press(*"hell")
        await driver.wait(lambda: shown(driver) == tuple(predicted_tokens("hell")), "what comes next")
        await driver.settle()
        golden.check(f"talk-{label}", driver.app)
