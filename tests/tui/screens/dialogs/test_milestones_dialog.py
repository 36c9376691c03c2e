"""Milestones: announced once, kept in log, chart, timeline and list; those of earlier sessions are not announced."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from babytrain.runs.events import AnyEvent, Milestone, PolicyEvent, Resumed
from babytrain.runs.journal import encode_event
from babytrain.runs.store.folder import RunFolder
from babytrain.tui import notifications
from babytrain.tui.app.start_screen import StartReplay, StartTraining, StartWatching
from babytrain.tui.cli import headless
from babytrain.tui.cli.runs_tables import print_run
from babytrain.tui.notifications import NewMilestones, NotificationOptions, Notifier
from babytrain.tui.screens.dialogs.milestones import MilestonesScreen, milestone_announcement, milestone_lines
from babytrain.tui.screens.run.replay_and_watch import WatchScreen
from babytrain.tui.terminal.glyphs import GLYPHS
from babytrain.tui.widgets.loss.loss_plot import ChartSettings, LossPlotter
from babytrain.tui.widgets.run.log_pane import recent_events
from babytrain.tui.widgets.run.playback_bar import timeline_marks
from tests.tui.driving import COMPACT, STRIP, WIDE, driving, live, write_run
from tests.tui.scripted import ScriptedSession, ending, script, state_from
from tests.tui.scripted_letters import MILESTONES, lettered
from tests.tui.snapshots import screen_text

HOSTILE = "First word: \x1b]0;owned\x07\u202e[bold]猫[/]\n."


def milestone(t: float = 40.0, text: str = "First real word: frog.", name: str = "first_word") -> Milestone:
    return Milestone(t=t, step=60, name=name, text=text)


def resumed(t: float) -> Resumed:
    return Resumed(t=t, step=60, wall_time=0.0, checkpoint="c", total_steps=1500)


# what is news


def test_each_is_news_once() -> None:
    news = NewMilestones()
    events: list[AnyEvent] = [*script(60), milestone()]
    assert [one.name for one in news.look(state_from(events).at())] == ["first_word"]
    assert news.look(state_from(events).at()) == []


def test_the_past_of_a_resumed_run_and_what_a_watcher_found_is_none() -> None:
    events: list[AnyEvent] = [*script(60), milestone(), resumed(50.0)]
    assert NewMilestones().look(state_from(events).at()) == []
    watcher = NewMilestones(from_now=True)
    assert watcher.look(state_from([]).at()) == []
    assert watcher.look(state_from(events[:-1]).at()) == []
    assert len(watcher.look(state_from([*events, milestone(51.0, name="new")]).at())) == 1


def test_many_at_once_are_few_words() -> None:
    many = [milestone(name=str(number), text=f"Number {number}.") for number in range(9)]
    assert milestone_announcement(many, GLYPHS["ascii"]) == "& Number 8. And 8 more."
    assert milestone_announcement(many[:1], GLYPHS["ascii"]) == "& Number 0."
    assert milestone_announcement([], GLYPHS["ascii"]) == ""


# on the screen


async def test_a_toast_each_and_a_line_in_the_log(runs_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notifications, "GATHER_SECONDS", 0.0)
    async with live(runs_dir, WIDE) as driver:
        assert driver.session is not None
        driver.session.feed.events.put(milestone(99.0, HOSTILE))
        await driver.wait(lambda: bool(driver.toasts), "the toast")
        await driver.settle()
        (toast,) = driver.toasts
        assert toast.startswith("✦ First word: ")
        assert not any(char in toast for char in "\x1b\x07\u202e\n")
        assert "[bold]猫[/]" in toast
        assert "✦ First word: " in screen_text(driver.app)


async def test_a_low_screen_is_not_covered(runs_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notifications, "GATHER_SECONDS", 0.0)
    async with live(runs_dir, STRIP) as driver:
        assert driver.session is not None
        driver.session.feed.events.put(milestone(99.0))
        await driver.wait(lambda: bool(driver.app.screen_stack[1].source.snapshot().milestones), "the milestone")
        await driver.settle()
        assert driver.toasts == []


async def test_a_replay_celebrates_nothing_again(runs_dir: Path) -> None:
    async with driving(StartReplay(state_from(lettered()), "ziggy", playing=False), runs_dir, COMPACT) as driver:
        driver.replay.clock.seek(0.0)
        await driver.settle()
        driver.replay.clock.seek(99.0)
        await driver.settle()
        assert driver.toasts == []


async def test_a_watched_run_announces_what_is_new(runs_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notifications, "GATHER_SECONDS", 0.0)
    folder = write_run(runs_dir, "elsewhere", lettered(320))
    journal = folder / "journal.jsonl"
    async with driving(StartWatching(journal, "elsewhere"), runs_dir, COMPACT) as driver:
        screen = await driver.see(WatchScreen)
        await driver.wait(lambda: screen.source.snapshot().rows == 320, "the journal")
        await driver.settle()
        assert driver.toasts == []
        with journal.open("ab") as file:
            file.write(encode_event(milestone(99.0)).rstrip(b"\n") + b"\n")
        await driver.wait(lambda: driver.toasts == ["✦ First real word: frog."], "the toast")


async def test_all_of_them_in_a_list(runs_dir: Path) -> None:
    async with live(runs_dir, STRIP, events=lettered()) as driver:
        await driver.press("M")
        await driver.see(MilestonesScreen)
        await driver.settle()
        text = screen_text(driver.app)
        assert "@90  ✦ First real word: snake." in text
        await driver.press("pagedown", "end")
        await driver.press("escape")
        await driver.wait(lambda: not isinstance(driver.app.screen, MilestonesScreen), "the run")


async def test_an_old_recording_promises_no_milestones(runs_dir: Path) -> None:
    events = script(120)
    async with driving(StartReplay(state_from([*events, ending(events)]), "old", playing=False), runs_dir) as driver:
        await driver.press("home", "M")
        await driver.see(MilestonesScreen)
        await driver.wait(lambda: "Nothing happened for the first time" in screen_text(driver.app), "the truth")


def test_the_list_fits_any_width_and_an_empty_one_says_so() -> None:
    some = [milestone(text=HOSTILE * 3), milestone(99999.0)]
    for width in (1, 8, 20, 33, 120):
        for lines in (milestone_lines(some, GLYPHS["braille"], width), milestone_lines([], GLYPHS["ascii"], width)):
            assert lines
            assert all(line.cell_length <= width for line in lines if width > 2)
    assert "first words" in milestone_lines([], GLYPHS["braille"], 200)[0].plain


def test_the_chart_and_the_timeline_know_where_they_were() -> None:
    state = state_from(lettered())
    plotter = LossPlotter()
    marks = [mark for mark in plotter.plot(state.at(), ChartSettings(), 80).marks if mark.sign == "milestone"]
    assert [mark.x for mark in marks] == [float(step) for step, _, _ in MILESTONES]
    assert all(mark.quiet for mark in marks)
    read = plotter.marks_at(state.at(), ChartSettings(crosshair=420), reach=3.0)
    assert [mark.label for mark in read] == ["First haiku in 5-7-5."]
    assert next(mark.label for mark in timeline_marks(state) if mark.style == "$success") == "First real word: snake."


def test_the_chart_learns_of_one_that_comes_alone() -> None:
    plotter = LossPlotter()
    state = state_from(script(60))
    assert plotter.plot(state.at(), ChartSettings(), 80).marks == ()
    state.apply(milestone(99.0))
    assert len(plotter.plot(state.at(), ChartSettings(), 80).marks) == 1


# for whoever does not look


@pytest.mark.parametrize(
    ("options", "written"),
    [
        (NotificationOptions(), []),
        (NotificationOptions(desktop=True), []),
        (NotificationOptions(bell=False, milestones=True), ["\a"]),
        (
            NotificationOptions(desktop=True, milestones=True),
            ["\a", "\x1b]9;babytrain ziggy: First real word: frog.\a"],
        ),
    ],
)
def test_bell_and_desktop_only_if_asked(options: NotificationOptions, written: list[str]) -> None:
    done: list[str] = []
    notifier = Notifier(options, done.append, pytest.fail)
    snapshot = state_from([*script(60), milestone()]).at()
    for _ in range(2):
        notifier.look(snapshot, None)
    assert done == written


def test_a_command_is_always_run(monkeypatch: pytest.MonkeyPatch) -> None:
    run: list[tuple[str, str, str]] = []
    monkeypatch.setattr(
        "babytrain.tui.notifications.run_event_command",
        lambda command, what, report_problem: run.append((what.event, what.text, what.facts["BABYTRAIN_MILESTONE"])),
    )
    notifier = Notifier(NotificationOptions(command=("true",)), pytest.fail, pytest.fail)
    notifier.look(state_from([*script(60), milestone()]).at(), None)
    notifier.look(state_from([*script(60), milestone(), resumed(50.0)]).at(), None)
    assert run == [("milestone", "First real word: frog.", "first_word")]


def test_milestones_of_one_step_are_one_notification(monkeypatch: pytest.MonkeyPatch) -> None:
    run: list[tuple[str, str]] = []
    monkeypatch.setattr(
        "babytrain.tui.notifications.run_event_command",
        lambda command, what, report_problem: run.append((what.text, what.facts["BABYTRAIN_MILESTONE"])),
    )
    notifier = Notifier(NotificationOptions(command=("true",)), pytest.fail, pytest.fail)
    together = [milestone(), milestone(41.0, "Better than counting pairs.", "below the bigram")]
    notifier.look(state_from([*script(60), *together]).at(), None)
    assert run == [("First real word: frog. Better than counting pairs.", "first_word, below the bigram")]
    console = Console(file=io.StringIO(), width=200)
    headless._EventPrinter(console).print_new(state_from([*script(60), *together]).at(), history_t=-1.0)
    assert "* First real word: frog. Better than counting pairs." in console.file.getvalue()  # type: ignore[attr-defined]
    logged = [one for one in recent_events(state_from([*script(60), *together]).at(), []) if isinstance(one, Milestone)]
    assert [one.text for one in logged] == ["First real word: frog. Better than counting pairs."]


def test_without_a_screen_milestones_and_restraints_are_lines() -> None:
    console = Console(file=io.StringIO(), width=200)
    quiet = PolicyEvent(t=41.0, step=60, cause="quiet hours", action="paused", text="Resting until 07:00.\x1b[31m")
    snapshot = state_from([*script(60), milestone(), quiet]).at()
    printer = headless._EventPrinter(console)
    printer.print_new(snapshot, history_t=-1.0)
    printer.print_new(snapshot, history_t=-1.0)
    lines = console.file.getvalue()  # type: ignore[attr-defined]
    assert lines.count("First real word: frog.") == 1
    assert lines.count("Resting until 07:00.") == 1
    assert "\x1b" not in lines


def test_runs_show_prints_them(runs_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = RunFolder(write_run(runs_dir, "ziggy", [*script(60), milestone(40.0, HOSTILE)]))
    print_run(folder, as_json=False)
    text = capsys.readouterr().out
    assert "milestones" in text
    assert "step      60  First word: " in text
    assert "\x1b" not in text
    print_run(folder, as_json=True)
    document = json.loads(capsys.readouterr().out)
    assert document["milestones"] == [{"name": "first_word", "text": HOSTILE, "step": 60, "seconds": 40.0}]


async def test_on_the_screen_of_a_run_the_bell_rings_if_asked(runs_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []
    monkeypatch.setattr(
        "babytrain.tui.app.babytrain_app.BabytrainApp._write_to_terminal", lambda app, text: written.append(text)
    )
    session = ScriptedSession(events=[*script(60), milestone()])
    async with driving(StartTraining(session, NotificationOptions(milestones=True)), runs_dir, COMPACT) as driver:
        await driver.wait(lambda: written == ["\a"], "the bell")
