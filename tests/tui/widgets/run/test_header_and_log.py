"""The words on the screen: states, commands, times, the header at any width, the log."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from babytrain.runs.events import (
    AnyEvent,
    Command,
    CommandAction,
    Ended,
    GuardEvent,
    LogMessage,
    Phase,
    PolicyEvent,
    Resumed,
    Verdict,
)
from babytrain.runs.forecast.eta import Eta
from babytrain.runs.state.run_state import RunSnapshot
from babytrain.tui.terminal.glyphs import GLYPHS
from babytrain.tui.text.wording import (
    StatusLabel,
    describe_command,
    format_ago,
    format_clock,
    format_steps,
    run_status_label,
)
from babytrain.tui.widgets.run.log_pane import MAX_LOG_LINES, PrintedLine, log_key, log_lines, recent_events
from babytrain.tui.widgets.run.progress_header import HeaderFacts, eta_text, header_lines, progress_bar
from tests.tui.scripted import ending, script, started, state_from

GLYPH_SETS = list(GLYPHS.values())
LIVE = state_from(script(620)).at()
EMPTY = state_from([]).at()
ENDED = state_from([*script(60), ending(script(60))]).at()


@settings(max_examples=200, deadline=None)
@given(
    snapshot=st.sampled_from([LIVE, EMPTY, ENDED]),
    width=st.integers(1, 250),
    height=st.integers(1, 2),
    eta=st.sampled_from([None, Eta(5.0, 7.0), Eta(86_400.0, 1e6, "few steps were timed yet")]),
    advice=st.sampled_from(["", "enter: runs, q: quit", "a long\nsentence " * 9]),
    glyphs=st.sampled_from(GLYPH_SETS),
    program=st.sampled_from(["babytrain", "replay", "watching"]),
)
def test_the_header_fits_any_width(
    snapshot: RunSnapshot, width: int, height: int, eta: Eta | None, advice: str, glyphs: object, program: str
) -> None:
    facts = HeaderFacts(snapshot, run_status_label(snapshot, glyphs), eta, advice, "a title")  # type: ignore[arg-type]
    lines = header_lines(facts, width, height, glyphs, program)  # type: ignore[arg-type]
    assert len(lines) == height
    assert all(line.cell_length == max(width, 3) for line in lines)
    assert not any("\n" in line.plain for line in lines)


def test_the_header_says_what_matters_most_where_there_is_little_room() -> None:
    facts = HeaderFacts(LIVE, run_status_label(LIVE, GLYPHS["braille"]), Eta(5.0, 7.0))
    assert "training" in header_lines(facts, 20, 1, GLYPHS["braille"])[0].plain
    assert "41%" in header_lines(facts, 20, 1, GLYPHS["braille"])[0].plain


def second_line(eta: Eta | None, width: int, no_eta: str = "") -> str:
    glyphs = GLYPHS["braille"]
    facts = HeaderFacts(LIVE, run_status_label(LIVE, glyphs), eta, no_eta=no_eta)
    return header_lines(facts, width, 2, glyphs)[1].plain


def test_a_wide_estimate_gives_its_reason_and_a_narrow_one_claims_no_more_than_it_knows() -> None:
    wide = Eta(102.0, 1200.0, "few steps were timed yet")
    assert "ETA 1m42s–20m00s (few steps were timed yet)" in second_line(wide, 120)
    assert "ETA 1m42s–20m00s" in second_line(wide, 60)
    assert "ETA about 1m42s" in second_line(Eta(101.8, 102.2), 80)
    assert "ETA known after the first step" in second_line(None, 80, "known after the first step")
    assert "ETA" not in second_line(None, 80)


def test_a_hundred_percent_is_for_the_end() -> None:
    almost = state_from([started(1000), *script(999, 1000)[1:]]).at()
    text = header_lines(HeaderFacts(almost, run_status_label(almost, GLYPHS["braille"])), 100, 2, GLYPHS["braille"])[
        1
    ].plain
    assert "99%" in text
    assert "100%" not in text


@given(st.floats(allow_nan=True, allow_infinity=True), st.integers(0, 100))
def test_a_bar_is_as_wide_as_asked(fraction: float, width: int) -> None:
    assert progress_bar(fraction, width, GLYPHS["braille"]).cell_length == width


@pytest.mark.parametrize(
    ("status", "word"), [("done", "✓ done"), ("interrupted", "■ interrupted"), ("failed", "✗ failed")]
)
def test_endings_are_a_sign_and_a_word(status: str, word: str) -> None:
    events = script(60)
    state = run_status_label(state_from([*events, ending(events, status)]).at(), GLYPHS["braille"])
    assert f"{state.symbol} {state.word}" == word


@pytest.mark.parametrize(
    "phase", ["loading", "compiling", "training", "evaluating", "sampling", "saving", "paused", "policy_pause"]
)
def test_every_phase_is_said(phase: str) -> None:
    state = run_status_label(state_from([*script(60), Phase(t=99, step=60, phase=phase)]).at(), GLYPHS["ascii"])  # type: ignore[arg-type]
    assert state.word == {"policy_pause": "resting"}.get(phase, phase)
    assert state.symbol.isascii()


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-5, "just now"),
        (10, "just now"),
        (180, "3 min ago"),
        (7200, "2 h ago"),
        (86_400, "yesterday"),
        (5 * 86_400, "5 days ago"),
        (90 * 86_400, "3 months ago"),
        (1000 * 86_400, "3 years ago"),
    ],
)
def test_how_long_ago(seconds: float, words: str) -> None:
    assert format_ago(seconds) == words


@pytest.mark.parametrize(
    ("seconds", "clock"), [(0, "0:00"), (7.9, "0:07"), (754, "12:34"), (3723, "1:02:03"), (-1, "0:00")]
)
def test_clocks(seconds: float, clock: str) -> None:
    assert format_clock(seconds) == clock


def test_every_command_has_words() -> None:
    said = {describe_command(action, 1.5, "hm", GLYPHS["braille"], "dropout") for action in get_args(CommandAction)}
    assert len(said) == len(get_args(CommandAction))
    assert all(said)


@pytest.mark.parametrize(
    ("action", "value", "text", "dial", "words"),
    [
        ("set", 0.1, "", "dropout", "dropout 0.1"),
        ("set", 24.0, "", "batch_size", "batch_size 24"),
        ("set", None, "cosine", "schedule", "schedule cosine"),
        ("set", None, "a\x1b[31m\nb", "x\x1b]0;y", "x␛]0;y a␛[31m⏎b"),
        ("rewarm", 100.0, "", "", "re-warm over 100 steps"),
        ("undo", None, "", "", "undo"),
        ("undo", None, "", "lr_scale", "undo lr"),
        ("undo", None, "", "dropout", "undo dropout"),
        ("rollback", None, "best", "", "back to best"),
        ("rollback", None, "before the spike", "", "back to before the spike"),
        ("advance", 1.0, "", "", "one step"),
        ("advance", 250.0, "", "", "250 steps, then pause"),
    ],
)
def test_commands_in_words(action: CommandAction, value: float | None, text: str, dial: str, words: str) -> None:
    assert describe_command(action, value, text, GLYPHS["braille"], dial) == words


def test_the_log_tells_the_story_in_order() -> None:
    events: list[AnyEvent] = [
        *script(260),
        Resumed(t=20.0, step=250, wall_time=0.0, checkpoint="c", total_steps=1500),
        LogMessage(t=21.0, step=250, level="warning", text="hot\nhere"),
        Ended(t=22.0, step=260, status="done", reason="all steps done", tokens=1, tokens_per_second=1.0),
    ]
    printed = [PrintedLine(t=20.5, step=250, text="a print")]
    snapshot = state_from(events).at()
    lines = [line.plain for line in log_lines(recent_events(snapshot, printed), GLYPHS["braille"])]
    assert [line[10:] for line in lines][-4:] == [
        "→ resumed from step 250",
        "| a print",
        "! hot⏎here",
        "✓ done: all steps done",
    ]
    assert not any("\n" in line for line in lines)


def test_the_log_tells_of_the_engines_own_deeds() -> None:
    events: list[AnyEvent] = [
        GuardEvent(t=1.0, step=9, cause="spike", action="skipped", text="A step was\x1b[2J left out."),
        Resumed(
            t=2.0, step=5, wall_time=0.0, checkpoint="c", total_steps=9, rollback=True, reason="the loss was no number"
        ),
        Command(t=3.0, step=5, command_id=0, action="lr_scale", status="applied", value=0.5),
        Verdict(t=4.0, step=8, verdict="overfitting", why="val rose by 0.1.", next_="Stop."),
    ]
    lines = [line.plain for line in log_lines(recent_events(state_from(events).at(), []), GLYPHS["braille"])]
    assert [line[8:] for line in lines] == [
        "! A step was␛[2J left out.",
        "→ went back to step 5: the loss was no number",
        "→ lr ×0.5 · by itself",
        "✗ overfitting: val rose by 0.1.",
    ]


def test_a_rest_says_why_and_until_when_in_the_header_and_the_log() -> None:
    events: list[AnyEvent] = [
        *script(60),
        PolicyEvent(
            t=90.0,
            step=60,
            cause="quiet hours",
            action="paused",
            text="Quiet hours until 07:00: \x1bhush.",
            duty_cycle=0.0,
        ),
        Phase(t=90.0, step=60, phase="policy_pause"),
    ]
    snapshot = state_from(events).at()
    state = run_status_label(snapshot, GLYPHS["braille"])
    assert state.word == "resting: quiet hours until 07:00"
    header = header_lines(HeaderFacts(snapshot, state), 80, 2, GLYPHS["braille"])
    assert "‖ resting: quiet hours until 07:00" in header[0].plain
    newest = log_lines(recent_events(snapshot, []), GLYPHS["braille"])[-1].plain
    assert newest.endswith("‖ Quiet hours until 07:00: ␛hush.")
    assert log_key(snapshot, 0) != log_key(state_from(events[:-2]).at(), 0)


def test_a_long_log_keeps_its_end() -> None:
    notes: list[AnyEvent] = [
        LogMessage(t=float(index), step=index, level="info", text=str(index)) for index in range(2000)
    ]
    events = recent_events(state_from(notes).at(), [])
    assert len(events) == MAX_LOG_LINES
    assert events[-1].step == 1999


def test_the_log_knows_when_it_has_news() -> None:
    state = state_from(script(60))
    before = log_key(state.at(), 0)
    assert log_key(state.at(), 0) == before
    assert log_key(state.at(), 1) != before
    state.apply(LogMessage(t=99.0, step=60, level="info", text="x"))
    assert log_key(state.at(), 0) != before


def test_a_replay_shows_no_line_from_the_future() -> None:
    state = state_from(script(400))
    middle = state.at(10.0)
    assert recent_events(middle, []) != []
    assert max(event.t for event in recent_events(middle, [PrintedLine(99.0, 1, "later")])) <= 10.0


def test_a_session_ends_before_the_next_one_begins() -> None:
    over = Ended(t=10.0, step=20, status="interrupted", reason="stopped by hand", tokens=1, tokens_per_second=1.0)
    again = Resumed(t=10.0, step=20, wall_time=0.0, checkpoint="c", total_steps=1500)
    lines = [line.plain for line in log_lines(recent_events(state_from([over, again]).at(), []), GLYPHS["braille"])]
    assert "stopped by hand" in lines[0]
    assert "resumed from step 20" in lines[1]


@pytest.mark.parametrize(("steps", "words"), [(0, "0 steps"), (1, "1 step"), (2000, "2,000 steps")])
def test_one_step_is_one_step(steps: int, words: str) -> None:
    assert format_steps(steps) == words


@pytest.mark.parametrize(("width", "height"), [(120, 2), (80, 2), (40, 2), (40, 1), (60, 2)])
@pytest.mark.parametrize("word", ["training", "resting: quiet hours until 07:00"])
def test_the_estimate_is_never_dropped(width: int, height: int, word: str) -> None:
    facts = HeaderFacts(
        state_from(script(620)).at(),
        StatusLabel("●", word, ""),
        Eta(7000.0, 90_000.0),
        machine="143 W  fan 43%",
    )
    lines = [line.plain for line in header_lines(facts, width, height, GLYPHS["braille"])]
    assert eta_text(Eta(7000.0, 90_000.0), GLYPHS["braille"]) in "".join(lines)
    assert all(len(line) == width for line in lines)
    if height == 2:
        assert "143 W  fan 43%" in "".join(lines), "watts and fan go after the speed and the learning rate"
