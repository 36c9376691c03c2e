"""Dials on the screen: what is typed, where they stand, and turning them by mouse and by advice."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from babytrain.engine.config.build import build_config, checked_value
from babytrain.runs.dials.apply_and_undo import apply_command
from babytrain.runs.dials.dial_state import initial_dials
from babytrain.runs.dials.spec import SETTABLE
from babytrain.runs.events import AnyEvent, Command, GuardEvent, Request, Resumed, SuggestedCommand, Verdict
from babytrain.tui.app.start_screen import StartReplay
from babytrain.tui.dials.dial_input import parse_changes, problem_in, rule_in_progress, steps_typed
from babytrain.tui.engine_client.validation import dial_rules
from babytrain.tui.screens.dialogs.question import ConfirmScreen, TextInputScreen
from babytrain.tui.screens.run.live_screen import LiveScreen
from babytrain.tui.widgets.run.dials_pane import DialsPane
from tests.tui.driving import COMPACT, STRIP, driving, live, replay
from tests.tui.scripted import script, state_from, troubled
from tests.tui.snapshots import screen_text

RULES = dial_rules()


def change(action: str, dial: str, value: float | None, text: str) -> Request:
    return Request(command_id=0, action=action, dial=dial, value=value, text=text)  # type: ignore[arg-type]


# typed


@pytest.mark.parametrize(
    ("typed", "turns"),
    [
        ("dropout 0.1", [change("set", "dropout", 0.1, "")]),
        (
            " drop=.1 , WEIGHT-decay : 0.2,",
            [change("set", "dropout", 0.1, ""), change("set", "weight_decay", 0.2, "")],
        ),
        ("sched cosine", [change("set", "schedule", None, "cosine")]),
        ("batch 1_024", [change("set", "batch_size", 1024.0, "")]),
        ("lr 1e-3", [change("lr_hold", "", 1e-3, "")]),
        ("steps 4000", [change("total_steps", "", 4000.0, "")]),
        (
            "steps 14,000, clip 1",
            [change("total_steps", "", 14000.0, ""), change("set", "clip", 1.0, "")],
        ),
        ("lr_s 0.5, rewarm 100", [change("lr_scale", "", 0.5, ""), change("rewarm", "", 100.0, "")]),
        ("quiet_hours 23:00-07:00", [change("set", "quiet_hours", None, "23:00-07:00")]),
        (
            "clip 2, quiet_h: 23:00 - 7:00,12:30-13:00 , drop 0",
            [
                change("set", "clip", 2.0, ""),
                change("set", "quiet_hours", None, "23:00 - 7:00, 12:30-13:00"),
                change("set", "dropout", 0.0, ""),
            ],
        ),
        ("quiet_hours=OFF", [change("set", "quiet_hours", None, "off")]),
        (
            "on_b pause, temp 70",
            [change("set", "on_battery", None, "pause"), change("set", "temperature_ceiling_celsius", 70.0, "")],
        ),
    ],
)
def test_turns_as_people_type_them(typed: str, turns: list[Request]) -> None:
    assert parse_changes(typed, RULES) == turns


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("", "such as: dropout 0.1"),
        ("dropout", "dropout needs a position: 0 to 0.9."),
        ("dropout 0.1 0.2", "dropout takes one position: 0 to 0.9."),
        ("dropout 1", "dropout must lie between 0 and 0.9; it is 1."),
        ("dropout nan", "dropout must lie between 0 and 0.9; it is nan."),
        ("dropout much", "dropout is a number between 0 and 0.9, not 'much'."),
        ("batch_size 1.5", "batch_size is a whole number between 1 and 65,536, not '1.5'."),
        ("beta 0.5", "beta may mean beta1 or beta2: type more of it."),
        ("schedule round", "schedule is one of linear, cosine, wsd, constant"),
        ("dropout 0.1, fan 3", "There is no dial fan ("),
        ("dropout 0.1, 0.2", "dropout takes one position: 0 to 0.9."),
        ("quiet_hours", "quiet_hours needs a position: off, or stretches of the day"),
        ("quiet_hours 23-7", "'23-7' is no stretch of the day; write it like 23:00-07:00"),
        ("quiet_hours 23:00-07:00, 25:00-26:00", "has a time that no clock shows"),
        ("schedule cosine wsd", "schedule is one of linear, cosine"),
        ("quiet 3", "quiet may mean quiet_hours or quiet_duty"),
        ("x\x1b[31m 3", "There is no dial x␛[31m ("),
        ("dropuot 0.1", "There is no dial dropuot (did you mean dropout?)."),
        (": 3", "The name of a dial comes first"),
        ("lr 0,001", "lr takes one position: 1e-9 to 10."),
        ("lr_scale 0", "lr_scale must lie between 1e-06 and 1,000,000; it is 0."),
        ("lr_scale up", "lr_scale is a number between 1e-06 and 1,000,000, not 'up'."),
        ("rewarm 0", "rewarm must lie between 1 and 10,000,000; it is 0."),
        ("rewarm 1.5", "rewarm is a whole number between 1 and 10,000,000, not '1.5'."),
        ("steps 1e10", "steps must lie between 1 and 1,000,000,000; it is 10,000,000,000."),
    ],
)
def test_a_slip_is_told_with_what_is_allowed(typed: str, words: str) -> None:
    assert words in (problem_in(typed, RULES) or "")


def test_every_slip_in_a_line_is_told_at_once() -> None:
    said = problem_in("dropout 5, lr 0, clip 1, batch_size many, fan 3, dropout 5", RULES)
    assert (said or "").splitlines() == [
        "dropout must lie between 0 and 0.9; it is 5.",
        "lr must lie between 1e-9 and 10; it is 0.",
        "batch_size is a whole number between 1 and 65,536, not 'many'.",
        "There is no dial fan (all there are stand below).",
    ]


@given(st.text(max_size=40))
def test_whatever_is_typed_is_turns_or_a_sentence(typed: str) -> None:
    rule_in_progress(typed, RULES)
    problem = problem_in(typed, RULES)
    if problem is None:
        assert parse_changes(typed, RULES)
    else:
        assert all(sentence.isprintable() for sentence in problem.splitlines())


@given(st.lists(st.sampled_from([rule.name for rule in RULES]), min_size=1, max_size=3))
def test_what_the_dialog_lets_through_the_engine_takes(names: list[str]) -> None:
    config = build_config()
    by_name = {rule.name: rule for rule in RULES}
    in_words = {"schedule": "cosine", "quiet_hours": "23:00-07:00, 12:00-13:00", "on_battery": "pause"}
    positions = {name: in_words[name] if by_name[name].is_word else "0.5" for name in names}
    positions = {name: "3" if by_name[name].problem(text) else text for name, text in positions.items()}
    for turn in parse_changes(", ".join(f"{name} {text}" for name, text in positions.items()), RULES):
        request = Request(command_id=1, action=turn.action, dial=turn.dial, value=turn.value, text=turn.text)
        assert apply_command(config, initial_dials(config.to_dict()), request, 0, checked_value).refusal == ""


def test_every_dial_of_the_engine_can_be_typed() -> None:
    assert {rule.name for rule in RULES} == {*SETTABLE, "lr", "lr_scale", "rewarm", "steps"}


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        *[("100", 100), ("1,500", 1500), ("2k", 2000), ("1M", 1_000_000), (" 5 ", 5)],
        *[(text, None) for text in ("", "0", "-3", "1e3", "2.5", "k", "many", "9000m", "٣")],
    ],
)
def test_numbers_of_steps(text: str, steps: int | None) -> None:
    assert steps_typed(text) == steps


# positions


def turned(action: str, value: float | None = None, status: str = "applied", **rest: object) -> Command:
    facts = {"t": 1.0, "step": 1, "command_id": 1, **rest}
    return Command(action=action, status=status, value=value, **facts)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("commands", "scale", "held"),
    [
        ([], 1.0, None),
        ([turned("lr_scale", 0.5)], 0.5, None),
        ([turned("lr_scale", 0.5), turned("lr_scale", 2.0)], 2.0, None),
        ([turned("lr_scale", 0.5), turned("lr_hold", 1e-3)], 0.5, 1e-3),
        ([turned("lr_hold", 1e-3), turned("lr_release")], 1.0, None),
        ([turned("lr_hold", 1e-3), turned("lr_scale", 2.0)], 2.0, None),
        ([turned("lr_scale", 0.5), turned("lr_scale", 9.0, "refused")], 0.5, None),
        ([turned("lr_scale", 0.5), turned("lr_scale", 2.0), turned("undo")], 0.5, None),
        ([turned("lr_hold", 1e-3), turned("lr_scale", 2.0), turned("undo")], 1.0, 1e-3),
        ([turned("lr_scale", 0.5), turned("undo"), turned("undo")], 1.0, None),
        ([turned("lr_scale", 2.0), turned("lr_scale", 0.5, command_id=0), turned("undo")], 1.0, None),
    ],
)
def test_where_the_learning_rate_stands(commands: list[Command], scale: float, held: float | None) -> None:
    dials = state_from([*script(20), *commands]).at().dials
    assert (dials.lr_scale, dials.lr_hold) == (scale, held)


def test_dials_stand_where_they_were_turned_to_and_undo_puts_them_back() -> None:
    turns = [turned("set", 0.1, dial="dropout"), turned("set", None, dial="schedule", text="wsd")]
    dials = state_from([*script(20), *turns]).at().dials
    assert (dials.dropout, dials.schedule, dials.clip) == (0.1, "wsd", 1.0)
    back = state_from([*script(20), *turns, turned("undo", dial="schedule")]).at().dials
    assert (back.dropout, back.schedule) == (0.1, "cosine")


def test_a_resume_takes_back_what_came_after_its_checkpoint_and_a_way_back_does_not() -> None:
    def after(rollback: bool) -> object:
        events: list[AnyEvent] = [
            *script(20),
            turned("set", 0.1, dial="dropout", t=2.0, step=20),
            Resumed(t=3.0, step=10, wall_time=0.0, checkpoint="c", total_steps=1500, rollback=rollback),
            Resumed(t=4.0, step=15, wall_time=0.0, checkpoint="c", total_steps=1500, rollback=rollback),
        ]
        return state_from(events).at().dials.dropout

    assert after(rollback=True) == 0.1
    assert after(rollback=False) == 0.0


def test_a_resume_with_other_settings_turns_dials_too() -> None:
    def resumed(t: float, **changes: object) -> Resumed:
        return Resumed(t=t, step=20, wall_time=0.0, checkpoint="c", total_steps=1500, changes=changes)

    events: list[AnyEvent] = [
        *script(20),
        turned("lr_scale", 0.5),
        resumed(3.0, dropout=0.2, schedule="wsd"),
        turned("set", 0.3, dial="dropout", t=4.0, step=20),
    ]
    state = state_from(events)
    before, now = state.at(3.5).dials, state.at().dials
    assert (before.dropout, before.schedule, before.lr_scale) == (0.2, "wsd", 1.0)
    assert (now.dropout, now.schedule) == (0.3, "wsd")


# on the screen


async def test_the_pane_shows_the_present_positions(runs_dir: Path) -> None:
    async with live(runs_dir, events=troubled()) as driver:
        text = screen_text(driver.app)
        assert "dropout 0→0.1" in text
        assert "constant ×0.5" in text
        assert "refused: a step of 9,000" in text


async def test_asked_then_applied(runs_dir: Path) -> None:
    async with live(runs_dir, answers=False) as driver:
        assert driver.session is not None
        await driver.press("d")
        await driver.see(TextInputScreen)
        await driver.press(*"clip 0.5", "enter")
        await driver.see(LiveScreen)
        await driver.settle()
        assert "→ clip 0.5  asked…" in screen_text(driver.app)
        newest = driver.run.source.snapshot().t
        answer = turned("set", 0.5, dial="clip", t=newest, step=620, command_id=driver.session.requests[-1].command_id)
        driver.session.feed.events.put(answer)
        await driver.wait(lambda: "· clip 0.5" in screen_text(driver.app), "the new position")
        assert "applied at step 620" in screen_text(driver.app)


@pytest.mark.parametrize("action", ["rolled back", "noted"])
async def test_a_change_that_the_guard_took_back_is_not_called_in_force(runs_dir: Path, action: str) -> None:
    events = script(620)
    raised = turned("lr_scale", 40.0, dials={"lr_scale": 40.0}, t=events[-1].t + 1.0)
    back = turned("lr_scale", 1.0, dials={"lr_scale": 1.0}, t=events[-1].t + 2.0, command_id=0)
    rescue = GuardEvent(t=events[-1].t + 2.0, step=600, cause="diverging", action=action, text="Went back.")  # type: ignore[arg-type]
    async with driving(
        StartReplay(state_from([*events, raised, back, rescue]), "ziggy", playing=False), runs_dir
    ) as driver:
        shown = screen_text(driver.app)
        assert ("taken back by the guard" in shown, "applied at step" in shown) == (
            (True, False) if action == "rolled back" else (False, True)
        )


async def test_an_old_name_is_understood_and_the_new_one_told_once(runs_dir: Path) -> None:
    async with live(runs_dir, answers=False) as driver:
        assert driver.session is not None
        for typed in ("noise 0.1", "noise 0.2, jitter=0.5"):
            await driver.press("d")
            await driver.see(TextInputScreen)
            await driver.press(*typed, "enter")
            await driver.see(LiveScreen)
        await driver.wait(lambda: len(driver.session.requests) == 3, "all requests")
        asked = [(request.dial, request.value) for request in driver.session.requests]
        assert asked == [("token_noise", 0.1), ("token_noise", 0.2), ("window_shift", 0.5)]
        told = [toast for toast in driver.toasts if "is called" in toast]
        assert told == ["noise is called token_noise now.", "jitter is called window_shift now."]


async def test_letters_typed_to_the_model_are_no_news_among_the_dials(runs_dir: Path) -> None:
    async with live(runs_dir) as driver:
        turn, look = turned("set", 0.5, dial="clip", t=90.0, step=620), turned("predict", t=91.0, step=620, text="hel")
        driver.run.source.state.apply_all([turn, look])
        await driver.wait(lambda: "→ clip 0.5" in screen_text(driver.app), "the turn")
        assert "what comes next" not in screen_text(driver.app)


async def test_quiet_hours_that_are_none_are_off(runs_dir: Path) -> None:
    recorded = Resumed(t=1.0, step=20, wall_time=0.0, checkpoint="c", total_steps=1500, changes={"quiet_hours": ""})
    async with live(runs_dir, events=[*script(20), recorded]) as driver:
        await driver.press("d")
        await driver.see(TextInputScreen)
        await driver.press(*"quiet_h")
        await driver.wait(lambda: "now off." in screen_text(driver.app), "how they stand")


async def test_quiet_hours_turned_off_again_are_not_shown(runs_dir: Path) -> None:
    on, off = (turned("set", None, dial="quiet_hours", text=text) for text in ("23:00-07:00", "off"))
    for commands, is_shown in (([on], True), ([on, off], False)):
        async with live(runs_dir, events=[*script(20), *commands]) as driver:
            assert any(line.plain.startswith("power") for line in driver.run.query_one(DialsPane).lines) == is_shown


async def test_a_click_on_a_dial_asks_for_its_position(runs_dir: Path) -> None:
    async with live(runs_dir) as driver:
        pane = driver.run.query_one(DialsPane)
        row = next(row for row, line in enumerate(pane.lines) if "dropout" in line.plain)
        column = pane.lines[row].plain.index("dropout")
        edge = pane.content_region.offset - pane.region.offset
        await driver.click(DialsPane, offset=(edge.x + column + 1, edge.y + row))
        await driver.see(TextInputScreen)
        await driver.press(*"0.3", "enter")
        await driver.see(LiveScreen)
        await driver.wait(lambda: driver.asked == [("set", 0.3)], "the turn")
        await driver.click(DialsPane, offset=(edge.x + 1, edge.y))
        await driver.see(TextInputScreen)
        assert "Learning rate" in screen_text(driver.app)


async def test_a_click_on_a_dial_of_a_recording_explains(runs_dir: Path) -> None:
    async with replay(runs_dir) as driver:
        await driver.click(DialsPane, offset=(3, 1))
        await driver.wait(lambda: any("recording" in toast for toast in driver.toasts), "the explanation")


async def test_the_palette_opens_the_dialog_with_the_name_in_it(runs_dir: Path) -> None:
    async with live(runs_dir) as driver:
        await driver.press("ctrl+p")
        await driver.press(*"Set the weight decay")
        await driver.wait(lambda: "Set the weight decay…" in screen_text(driver.app), "the entry")
        await driver.press("enter")
        await driver.see(TextInputScreen)
        await driver.press(*"0.3", "enter")
        await driver.wait(lambda: driver.asked == [("set", 0.3)], "the turn")
        assert driver.session is not None
        assert driver.session.requests[0].dial == "weight_decay"


@pytest.mark.parametrize("size", [COMPACT, STRIP])
async def test_the_dialog_stays_until_the_position_will_do(runs_dir: Path, size: tuple[int, int]) -> None:
    async with live(runs_dir, size) as driver:
        await driver.press("d")
        await driver.see(TextInputScreen)
        await driver.press(*"drop 5", "enter")
        assert isinstance(driver.app.screen, TextInputScreen)
        await driver.wait(lambda: "0 and 0.9" in screen_text(driver.app), "what is allowed")
        await driver.press("escape")
        await driver.see(LiveScreen)
        assert driver.asked == []


# advice


async def give_advice(
    driver: object, advice: SuggestedCommand | None, alternative: SuggestedCommand | None = None
) -> None:
    verdict = Verdict(
        t=99.0, step=620, verdict="plateau", why="Why.", next_="Next.", advice=advice, alternative=alternative
    )
    driver.session.feed.events.put(verdict)  # type: ignore[attr-defined]
    await driver.wait(lambda: driver.run.source.snapshot().verdict is not None, "the verdict")  # type: ignore[attr-defined]
    await driver.settle()  # type: ignore[attr-defined]


async def test_advice_names_its_key_is_followed_once_and_says_so(runs_dir: Path) -> None:
    async with live(runs_dir) as driver:
        await give_advice(driver, SuggestedCommand(label="halve the lr", action="lr_scale", value=0.5))
        assert "a halve the lr" in screen_text(driver.app)
        await driver.press("a")
        await driver.wait(lambda: driver.asked == [("lr_scale", 0.5)], "the advice")
        driver.run.source.state.apply(turned("lr_scale", 0.5, t=100.0, step=620, command_id=9))
        await driver.settle()
        assert "✓ halve the lr" in screen_text(driver.app)
        await driver.press("a")
        await driver.wait(lambda: any("Done already" in toast for toast in driver.toasts), "the word that it is done")
        assert len(driver.asked) == 1


async def test_advice_to_stop_or_to_go_back_asks_first(runs_dir: Path) -> None:
    async with live(runs_dir) as driver:
        stop, back = (
            SuggestedCommand(label="stop here", action="stop"),
            SuggestedCommand(label="back", action="rollback", text="best"),
        )
        await give_advice(driver, back, stop)
        for key in ("a", "A"):
            await driver.press(key)
            await driver.see(ConfirmScreen)
            await driver.press("escape")
            await driver.see(LiveScreen)
        assert driver.asked == []


async def test_without_advice_the_key_says_so(runs_dir: Path) -> None:
    async with live(runs_dir) as driver:
        await driver.press("a")
        await driver.wait(lambda: any("no such advice" in toast for toast in driver.toasts), "the word")
        assert driver.asked == []


async def test_a_click_on_the_advice_follows_it(runs_dir: Path) -> None:
    from babytrain.tui.widgets.run.health_bar import HealthBar

    async with live(runs_dir) as driver:
        await give_advice(driver, SuggestedCommand(label="dropout 0.1", action="set", dial="dropout", value=0.1))
        lines = screen_text(driver.app).splitlines()
        bar = driver.run.query_one(HealthBar).region
        row, column = next((y, line.index("a dropout 0.1")) for y, line in enumerate(lines) if "a dropout 0.1" in line)
        await driver.click(HealthBar, offset=(column + 3 - bar.x, row - bar.y))
        await driver.wait(lambda: driver.asked == [("set", 0.1)], "the advice")
