"""Telling somebody who does not look: what is told, how, and what is never done with a run's texts."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from textual.app import App
from typer.testing import CliRunner

from babytrain.runs.events import AnyEvent, GuardEvent, Resumed, Verdict
from babytrain.tui.app.start_screen import StartTraining
from babytrain.tui.cli.commands import app as command_line
from babytrain.tui.notifications import (
    NotificationOptions,
    Notifier,
    make_notification,
    parse_event_command,
    run_event_command,
)
from tests.tui.driving import COMPACT, driving, wait_for
from tests.tui.scripted import ScriptedSession, ending, script, state_from, troubled

HOSTILE = "a\x1b]0;owned\x07\u202e; rm -rf /\n$(reboot)\x00\udcff"


class Told:
    """A notifier and everything it did."""

    def __init__(self, **wishes: object) -> None:
        self.written: list[str] = []
        self.complaints: list[str] = []
        self.notifier = Notifier(NotificationOptions(**wishes), self.written.append, self.complaints.append)  # type: ignore[arg-type]

    def look(self, events: list[AnyEvent]) -> list[str]:
        self.notifier.look(state_from(events).at(), None)
        return self.written


def verdict(name: str, t: float = 50.0, why: str = "Why.") -> Verdict:
    return Verdict(t=t, step=60, verdict=name, why=why, next_="Next.")  # type: ignore[arg-type]


RESCUE = GuardEvent(t=40.0, step=60, cause="spike", action="skipped", text="A step was left out.")


def test_by_default_a_bell_at_the_end_and_nothing_else() -> None:
    told = Told()
    events = [*script(60), RESCUE, verdict("diverging")]
    assert told.look(events) == []
    for _ in range(2):
        told.notifier.notify_end(state_from([*events, ending(events)]).at(), None, None)
    assert told.written == ["\a"]


def test_a_bell_can_be_left_out() -> None:
    told = Told(bell=False)
    told.notifier.notify_end(state_from(script(60)).at(), None, "It failed.")
    assert told.written == []


def test_on_the_desktop_rescues_verdicts_and_the_end_are_told_once_each() -> None:
    told = Told(bell=False, desktop=True)
    events: list[AnyEvent] = [*script(60), RESCUE]
    told.look(events)
    told.look(events)
    assert told.written == ["\x1b]9;babytrain ziggy: A step was left out.\a"]
    told.look([*events, verdict("learning")])
    assert len(told.written) == 1, "good news can wait"
    told.look([*events, verdict("learning"), verdict("overfitting", 51.0)])
    assert told.written[1:] == ["\x1b]9;babytrain ziggy: overfitting: Why.\a"]
    told.notifier.notify_end(state_from([*events, ending(events)]).at(), None, None)
    assert told.written[2:] == ["\x1b]9;babytrain ziggy: done: all steps done\a"]


def test_the_past_of_a_resumed_run_is_no_news() -> None:
    told = Told(desktop=True)
    resumed = Resumed(t=60.0, step=60, wall_time=0.0, checkpoint="c", total_steps=1500)
    past: list[AnyEvent] = [*script(60), RESCUE, verdict("diverging"), resumed]
    assert told.look(past) == []
    assert len(told.look([*past, verdict("plateau", 61.0)])) == 1


def test_hostile_texts_reach_neither_terminal_nor_program() -> None:
    snapshot = state_from([*script(60), verdict("diverging", why=HOSTILE)]).at()
    told = Told(desktop=True)
    told.notifier.look(snapshot, None)
    (sequence,) = told.written
    body = sequence.removeprefix("\x1b]9;").removesuffix("\a")
    assert not any(char in body for char in "\x1b\x07\u202e\x00\udcff\n")
    facts = make_notification("verdict", snapshot, None, 60, HOSTILE, {}).facts
    assert not any(char in value for value in facts.values() for char in "\x1b\x07\x00\udcff\n")


def script_that_writes(path: Path) -> tuple[str, ...]:
    code = "import json, os, sys; json.dump([sys.argv[2:], dict(os.environ)], open(sys.argv[1] + '.new', 'w'))"
    return (sys.executable, "-c", f"{code}; os.replace(sys.argv[1] + '.new', sys.argv[1])", str(path))


async def test_the_command_gets_the_facts_and_no_shell(tmp_path: Path) -> None:
    path = tmp_path / "facts.json"
    snapshot = state_from(script(320)).at()
    what = make_notification("rescue", snapshot, tmp_path / "run", 320, HOSTILE, {"CAUSE": "spike"})
    run_event_command(script_that_writes(path), what, pytest.fail)
    await wait_for(None, path.exists, "the command")  # type: ignore[arg-type]
    arguments, environment = json.loads(path.read_text())
    assert arguments == ["rescue", "ziggy", "320", what.text]
    assert "; rm -rf /" in what.text
    assert environment["BABYTRAIN_EVENT"] == "rescue"
    assert environment["BABYTRAIN_CAUSE"] == "spike"
    assert environment["BABYTRAIN_STEP"] == "320"
    assert environment["BABYTRAIN_RUN_DIR"] == str(tmp_path / "run")
    assert float(environment["BABYTRAIN_BEST_VAL_LOSS"]) == pytest.approx(snapshot.best_eval.val_loss, rel=1e-4)  # type: ignore[union-attr]


async def test_a_command_that_fails_is_told() -> None:
    complaints: list[str] = []
    what = make_notification("end", state_from(script(20)).at(), None, 20, "done", {})
    run_event_command((sys.executable, "-c", "raise SystemExit(3)"), what, complaints.append)
    await wait_for(None, lambda: bool(complaints), "the complaint")  # type: ignore[arg-type]
    assert "code 3" in complaints[0]
    run_event_command(("/nowhere/at/all",), what, complaints.append)
    assert "could not be started" in complaints[1]


def test_commands_are_split_as_a_shell_would() -> None:
    assert parse_event_command(f"{sys.executable} -c 'a b' \"c d\"") == (sys.executable, "-c", "a b", "c d")


@pytest.mark.parametrize("typed", ["", "  ", "'unbalanced", "no-such-program-anywhere --x"])
@pytest.mark.parametrize(
    "command", [["train", "--headless"], ["resume", "last"], ["fork", "last", "--headless"], ["rerun", "last"]]
)
def test_a_command_that_cannot_run_is_told_before_anything_starts(typed: str, command: list[str]) -> None:
    result = CliRunner().invoke(command_line, [*command, "--on-event", typed])
    assert result.exit_code == 2
    assert "--on-event" in result.output


async def test_on_the_screen_the_end_rings_and_notifies(runs_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []
    monkeypatch.setattr(
        "babytrain.tui.app.babytrain_app.BabytrainApp._write_to_terminal", lambda app, text: written.append(text)
    )
    session = ScriptedSession(events=troubled())
    async with driving(StartTraining(session, NotificationOptions(desktop=True)), runs_dir, COMPACT) as driver:
        await driver.wait(lambda: len(written) == 2, "the rescue and the verdict")
        session.feed.stop_requested.set()
        await driver.wait(lambda: driver.live.over, "the end")
        await driver.wait(lambda: len(written) == 4, "the end told")
    assert written[2] == "\a"
    assert "interrupted: stopped by you" in written[3]


async def test_what_is_written_goes_to_the_terminal(runs_dir: Path) -> None:
    async with driving(StartTraining(ScriptedSession()), runs_dir, COMPACT) as driver:
        app: App[object] = driver.app  # type: ignore[assignment]
        written: list[str] = []
        assert app._driver is not None
        app._driver.write = written.append  # type: ignore[method-assign]
        driver.app._write_to_terminal("\a")
        assert written == ["\a"]
