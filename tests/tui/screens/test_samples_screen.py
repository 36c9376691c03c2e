"""The sample browser: through time, from prompt to prompt, two steps and two runs side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from rich.cells import cell_len

from babytrain.runs.events import AnyEvent, Resumed, Sample, TextMetrics
from babytrain.tui.app.start_screen import StartReplay, StartTraining
from babytrain.tui.screens.dialogs.choose_run import ChooseRunScreen
from babytrain.tui.screens.home import HomeScreen
from babytrain.tui.screens.samples import SamplesScreen
from babytrain.tui.widgets.samples.sample_comparison import matching_sample, prompts_of
from babytrain.tui.widgets.samples.sample_navigation import SampleTimeline, tick_columns
from babytrain.tui.widgets.samples.sample_panes import SampleCard, SamplePane
from tests.tui.driving import COMPACT, STRIP, TINY, WIDE, Driver, driving, home, live, shown_run, write_run
from tests.tui.scripted import ScriptedSession, ending, publish, script, state_from
from tests.tui.scripted_samples import spoken, text_metrics_of
from tests.tui.snapshots import Golden, screen_text

HOSTILE = "\x1b[31m[bold]\u202eevil\u202c\u200b 句句句 e\u0301\u0301\u0301\u0301\u0301 \x00\x9b2J\tend" * 3


async def browse(driver: Driver) -> SamplesScreen:
    await driver.press("S")
    screen: SamplesScreen = await driver.see(SamplesScreen)
    return screen


def sample(step: int, text: str, **changes: Any) -> Sample:
    facts: dict[str, Any] = {"t": step / 20, "sample_id": step, "prompt": "", "seed": 1, "temperature": 0.8}
    return Sample(**(facts | changes), step=step, text=text, seconds=0.1)


def selected(screen: SamplesScreen) -> tuple[int, str]:
    assert screen.selected is not None
    return screen.selected.step, screen.selected.prompt


async def test_left_and_right_lead_through_time_and_up_and_down_from_prompt_to_prompt(runs_dir: Path) -> None:
    async with live(runs_dir, events=spoken()) as driver:
        screen = await browse(driver)
        assert selected(screen) == (600, "")
        await driver.press("left", "left")
        assert selected(screen) == (400, "")
        await driver.press("down")
        assert selected(screen) == (400, "the old frog")
        await driver.press("home", "left", "up")
        assert selected(screen) == (100, "")
        await driver.press("end", "right")
        assert selected(screen) == (600, "")
        await driver.press("escape")
        assert driver.run is shown_run(driver.app)


async def test_everything_known_of_a_sample_is_shown(runs_dir: Path) -> None:
    events = [replace(one, top_k=40, min_p=0.05) if isinstance(one, Sample) else one for one in spoken()]
    async with live(runs_dir, events=events) as driver:
        await browse(driver)
        await driver.settle()
        text = screen_text(driver.app)
    for words in (
        "step 600",
        "val 1.668",
        "temperature 0.8",
        "seed 600",
        "top-k 40",
        "min-p 0.05",
        "copied 2.3× chance",
        "real words 96%",
    ):
        assert words in text
    assert "line 1,204" in text
    assert "a snake in the grass [red]␛[31m" in text
    assert "2 of 3 in 5-7-5, 1 of them never trained on" in text
    assert "thae, snr␛se" in text
    assert "top-p" not in text


async def test_a_sample_without_a_reading_says_nothing_of_judges(runs_dir: Path) -> None:
    async with live(runs_dir) as driver:
        await browse(driver)
        await driver.settle()
        text = screen_text(driver.app)
    assert "the old frog forgets" in text
    assert "× chance" not in text


async def test_two_steps_side_by_side_with_their_differences_in_brackets(runs_dir: Path) -> None:
    async with live(runs_dir, events=spoken()) as driver:
        screen = await browse(driver)
        await driver.press("left", "left", "space", "right")
        await driver.settle()
        text = screen_text(driver.app)
        assert "coils around the old [moon]" in text
        assert "coils around the [morning sun]" in text
        assert "74% the same words" in text
        cards = screen.query(SampleCard)
        assert cards.first().region.y == cards.last().region.y
        await driver.press("tab")
        assert selected(screen) == (400, "")
        await driver.press("escape")
        assert not screen.is_comparing
        await driver.press("escape")
        assert driver.run is shown_run(driver.app)


async def test_where_columns_are_few_one_stands_above_the_other(runs_dir: Path) -> None:
    async with live(runs_dir, STRIP, events=spoken()) as driver:
        screen = await browse(driver)
        await driver.press("space", "left")
        await driver.settle()
        first, second = screen.query(SampleCard)
        assert first.region.x == second.region.x
        assert second.region.y >= first.region.bottom
        assert first.region.height >= 3


async def test_a_new_sample_is_gone_to_from_the_newest_and_announced_elsewhere(runs_dir: Path) -> None:
    async with live(runs_dir) as driver:
        assert driver.session is not None
        screen = await browse(driver)
        publish(driver.session.feed, [sample(700, "a seventh")])
        await driver.wait(lambda: selected(screen)[0] == 700, "the newest")
        await driver.press("left")
        publish(driver.session.feed, [sample(800, "an eighth"), sample(900, "a ninth")])
        await driver.wait(lambda: "2 new" in screen_text(driver.app), "the news")
        assert selected(screen)[0] == 600
        await driver.press("end")
        assert selected(screen)[0] == 900
        assert "new" not in screen_text(driver.app).splitlines()[0]


async def test_a_reading_that_comes_later_is_shown(runs_dir: Path) -> None:
    async with live(runs_dir) as driver:
        assert driver.session is not None
        screen = await browse(driver)
        assert screen.selected is not None
        driver.session.feed.events.put(text_metrics_of(screen.selected))
        await driver.wait(lambda: "copied 2.3× chance" in screen_text(driver.app), "the verdict")


async def test_a_way_back_takes_the_samples_of_the_future_away(runs_dir: Path) -> None:
    async with live(runs_dir) as driver:
        assert driver.session is not None
        screen = await browse(driver)
        await driver.press("space")
        back = Resumed(t=99.0, step=350, wall_time=0.0, checkpoint="c", total_steps=1500, rollback=True)
        driver.session.feed.events.put(back)
        await driver.wait(lambda: selected(screen)[0] == 300, "the newest that is left")
        assert screen.pinned is None


async def test_a_run_that_wrote_nothing_says_so(runs_dir: Path) -> None:
    events = [event for event in script(120) if not isinstance(event, Sample)]
    async with live(runs_dir, events=events) as driver:
        await browse(driver)
        await driver.settle()
        assert "No sample yet." in screen_text(driver.app)
        await driver.press("left", "home", "down", "space", "escape")
        assert driver.run is shown_run(driver.app)


async def test_a_replay_begins_where_its_head_stands_and_shows_the_rest_too(runs_dir: Path) -> None:
    async with driving(StartReplay(state_from(script(620)), "ziggy", playing=False), runs_dir) as driver:
        wanted = driver.replay.source.state.samples.events[2]
        driver.replay.clock.seek(wanted.t)
        screen = await browse(driver)
        assert selected(screen)[0] == wanted.step
        await driver.press("end")
        assert selected(screen)[0] == 600


async def test_the_highlighted_run_is_read_from_the_list_of_runs(runs_dir: Path) -> None:
    write_run(runs_dir, "ziggy", [*script(320), ending(script(320))])
    async with home(runs_dir) as driver:
        screen = await browse(driver)
        assert selected(screen)[0] == 300
        await driver.press("escape")
        await driver.see(HomeScreen)


async def test_two_runs_side_by_side(runs_dir: Path) -> None:
    other = [replace(one, text="a toad") if isinstance(one, Sample) else one for one in script(320, total_steps=750)]
    other[0] = replace(other[0], name="toddler", run_id="toddler-20231113-211320")
    write_run(runs_dir, "toddler", [*other, ending(other)], stamp="20231113-211320")
    write_run(runs_dir, "ziggy", script(620))
    async with live(runs_dir) as driver:
        screen = await browse(driver)
        await driver.press("r")
        chooser = await driver.see(ChooseRunScreen)
        await driver.wait(lambda: bool(chooser.rows), "the list")
        own = [row.summary.name for row in chooser.rows if not row.is_demo]
        assert own == ["toddler"], "the run itself is not offered"
        await driver.press("enter")
        await driver.wait(lambda: screen.other is not None, "the other run")
        await driver.settle()
        text = screen_text(driver.app)
        assert "ziggy · step 600" in text
        assert "toddler · step 300" in text
        assert "[toad]" in text
        await driver.press("left", "left")
        await driver.settle()
        assert "toddler · step 300" in screen_text(driver.app)
        await driver.press("m")
        await driver.settle()
        assert "toddler · step 200" in screen_text(driver.app), "400 of 1,500 steps are 200 of 750"
        await driver.press("space")
        assert screen.other is None


def test_the_counterpart_has_the_same_prompt_if_there_is_one() -> None:
    mine, theirs = state_from(spoken(620)), state_from(spoken(320))
    wanted = mine.samples.events[3]
    assert wanted.prompt == "the old frog"
    found = matching_sample(mine, theirs, wanted, "step")
    assert found is not None
    assert (found.prompt, found.step) == ("the old frog", 200)
    plain = matching_sample(mine, state_from(script(320)), wanted, "step")
    assert plain is not None
    assert (plain.prompt, plain.step) == ("", 200)
    assert matching_sample(mine, state_from(script(50)), wanted, "share") is None


def test_prompts_that_a_person_asked_for_come_last() -> None:
    samples = [sample(1, "x", prompt="mine", requested=True), sample(2, "x", prompt="b"), sample(3, "x", prompt="a")]
    assert prompts_of(samples) == ["b", "a", "mine"]


@pytest.mark.parametrize("width", [1, 2, 3, 10, 120])
@pytest.mark.parametrize("steps", [(), (0,), (0, 0), (0, 100, 1_000_000), tuple(range(300))])
def test_ticks_stay_on_the_rail(steps: tuple[int, ...], width: int) -> None:
    columns = tick_columns(steps, width)
    assert len(columns) == len(steps)
    assert columns == sorted(columns)
    assert all(0 <= column < width for column in columns)


async def test_a_tick_can_be_clicked(runs_dir: Path) -> None:
    async with live(runs_dir, COMPACT) as driver:
        screen = await browse(driver)
        await driver.settle()
        await driver.click(SampleTimeline, offset=(1, 1))
        assert selected(screen)[0] == 100


@pytest.mark.parametrize("size", [WIDE, COMPACT, STRIP, TINY])
async def test_whatever_a_model_writes_the_layout_holds(runs_dir: Path, size: tuple[int, int]) -> None:
    hostile = [sample(700, HOSTILE, prompt=HOSTILE), sample(800, HOSTILE + "\nx", prompt=HOSTILE)]
    judged = replace(text_metrics_of(hostile[1]), source_line=HOSTILE, new_words=(HOSTILE,), longest_match=40)
    events: list[AnyEvent] = [*script(20), *hostile, judged]
    async with live(runs_dir, size, events=events) as driver:
        await browse(driver)
        for keys in ((), ("space", "left")):
            await driver.press(*keys)
            await driver.settle()
            lines = screen_text(driver.app).splitlines()
            assert len(lines) == size[1]
            assert all(cell_len(line) <= size[0] for line in lines)
            assert not any(char in line for line in lines for char in "\x1b\x00\x9b\u202e\u202c\u200b\t")
            borders = [line for line in lines if line.startswith("│")]
            assert all(line.endswith("│") and cell_len(line) == size[0] for line in borders)


async def test_the_pane_on_the_run_screen_says_what_the_judges_say(runs_dir: Path) -> None:
    async with live(runs_dir, WIDE) as driver:
        assert driver.session is not None
        newest = driver.run.source.snapshot().samples[-1]
        driver.session.feed.events.put(text_metrics_of(newest))
        pane = driver.run.query_one(SamplePane)
        await driver.wait(lambda: "copied 2.3× chance" in screen_text(driver.app), "the verdict")
        underlined = [span for span in pane.lines[0].spans if "underline" in str(span.style)]
        assert pane.lines[0].plain[underlined[0].start : underlined[0].end] == "a snake in the grass"


def test_a_reading_without_figures_is_no_words() -> None:
    from babytrain.tui.terminal.glyphs import GLYPHS
    from babytrain.tui.widgets.samples.text_metrics_lines import metrics_lines, short_metrics

    empty = TextMetrics(t=0.0, step=1, sample_id=1)
    assert short_metrics(sample(1, "x"), empty) == []
    assert metrics_lines(sample(1, "x"), empty, GLYPHS["braille"]) == []
    broken = replace(empty, memorisation=float("nan"), longest_match=50, match_start=99)
    assert all("nan" not in line.plain for line in metrics_lines(sample(1, "x"), broken, GLYPHS["braille"]))


GOOD = "the old frog sleeps under a stone and the snake looks for a way home in the grass"


@pytest.mark.parametrize(
    ("text", "index", "random", "says"),
    [
        ("e" * 80, 0.1, 0.1, "repeats itself: nothing to judge"),
        ("the the " * 10, 1.2, 0.3, "repeats itself: nothing to judge"),
        ("--------" * 10, 3.0, 0.3, "repeats itself: nothing to judge"),
        ("qzt wkeer t hoa iiplne msra,u cnhd eesw otrf ya", 0.2, 0.1, "no text yet: nothing to judge"),
        ("qzt wkeer t hoa iiplne msra,u cnhd eesw otrf ya", 0.2, None, "no text yet: nothing to judge"),
        (GOOD, 1.0, 0.1, "no more than unseen text"),
        (GOOD, 1.0, 0.95, "no more than unseen text"),  # a text in which order means nothing
        (GOOD, 1.6, 0.1, "copies a little"),
        (GOOD, 4.0, 0.1, "copies a lot"),
    ],
)
def test_a_sample_is_called_what_it_is(text: str, index: float, random: float | None, says: str) -> None:
    from babytrain.tui.export.run_facts import metrics_summary
    from babytrain.tui.terminal.glyphs import GLYPHS
    from babytrain.tui.widgets.samples.text_metrics_lines import metrics_lines, short_metrics

    metrics = TextMetrics(t=0.0, step=1, sample_id=1, memorisation=index, random_memorisation=random)
    assert metrics_lines(sample(1, text), metrics, GLYPHS["braille"])[0].plain.endswith(f"  {says}")
    short = says.removesuffix(": nothing to judge")
    judged = short == says
    assert short_metrics(sample(1, text), metrics) == [f"copied {index:.1f}× chance" if judged else short]
    assert metrics_summary(sample(1, text), metrics) == [f"copied {index:.1f}× chance" if judged else short]


SIZES = {"120x36": WIDE, "80x24": COMPACT, "40x12": STRIP}


@pytest.mark.parametrize(("label", "size"), SIZES.items(), ids=SIZES.keys())
async def test_what_it_looks_like(golden: Golden, runs_dir: Path, label: str, size: tuple[int, int]) -> None:
    session = ScriptedSession(events=spoken())
    async with driving(StartTraining(session), runs_dir, size) as driver:
        await browse(driver)
        await driver.settle()
        golden.check(f"samples-{label}", driver.app)
        await driver.press("left", "left", "space", "right")
        await driver.settle()
        golden.check(f"samples-compared-{label}", driver.app)
