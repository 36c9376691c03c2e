"""The machine's health: all of it where there is room, the important part where there is none, reasons for gaps."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from textual.app import App, ComposeResult

from babytrain.runs.events import Fan, GpuReading, HostReading, Vitals
from babytrain.runs.state.run_state import RunState
from babytrain.tui.charts.canvas import CHART_CHARSETS
from babytrain.tui.text.styled_lines import line_length, replace_unprintable
from babytrain.tui.widgets.vitals.gauge_lines import heat_level
from babytrain.tui.widgets.vitals.vitals_layout import vitals_lines
from babytrain.tui.widgets.vitals.vitals_pane import VitalsPane
from tests.tui.driving import all_handled
from tests.tui.widgets.pane_runs import gpu, host, vitals

BRAILLE = CHART_CHARSETS["braille"]
ROOMY = (36, 40)  # what a terminal of 120 columns leaves the pane


def text_of(looks, size=ROOMY, charset=BRAILLE, title=True) -> str:
    lines = vitals_lines(looks if isinstance(looks, list) else [looks], *size, charset, title=title)
    return "\n".join("".join(text for text, _ in line) for line in lines)


def test_a_card_says_everything_in_full():
    text = text_of(vitals(gpu()))
    for words in ("gpu 0 · RTX 4070", "97%", "3.1/12.0 GiB", "61°C ok", "22° to slowdown", "43%", "1,320 rpm"):
        assert words in text
    for words in ("143/200 W", "2,475 MHz", "not throttled", "cpu", "83%", "5.0/16.0 GiB", "812 MiB"):
        assert words in text


def test_every_fan_has_its_line():
    fans = (Fan(percent=40.0, rpm=1200.0), Fan(percent=103.0), Fan(rpm=900.0))
    lines = text_of(vitals(gpu(fans=fans))).splitlines()
    assert sum(line.startswith("fan ") for line in lines[:-6]) == 3
    assert any(line.startswith("fan 2") and "103%" in line for line in lines)
    assert any(line.startswith("fan 3") and "900 rpm" in line for line in lines)


def test_what_is_missing_says_why_in_its_place():
    passive = gpu(fans=(), power_watts=None, missing={"fans": "no fan of its own", "power_watts": "not supported here"})
    text = text_of(vitals(passive))
    assert "no fan of its own" in text
    assert "not supported here" in text
    assert "None" not in text


def test_a_lost_card_is_reported_and_the_others_go_on():
    lost = GpuReading(index=0, name="RTX 4070", missing={"card": "GPU lost: fell off the bus"})
    for size in (ROOMY, (44, 6), (44, 3), (44, 2), (44, 1)):
        text = text_of(vitals(lost, gpu(1)), size)
        assert "lost" in text, size
        if size[1] > 2:
            assert "97%" in text


def test_throttling_is_said_in_words_and_a_power_limit_is_no_alarm():
    assert "✱ throttled: hot" in text_of(vitals(gpu(throttle_reasons=("hot",))))
    calm = text_of(vitals(gpu(throttle_reasons=("at its power limit (normal under load, not a fault)",))))
    assert "at its power limit" in calm
    assert "throttled" not in calm
    assert "throttled: hot" in text_of(vitals(gpu(throttle_reasons=("hot",))), (44, 3))


@pytest.mark.parametrize(
    ("celsius", "slowdown", "word"),
    [
        (60, 83, "ok"),
        (70, 83, "warm"),
        (79, 83, "hot"),
        (90, 83, "hot"),
        (60, None, "ok"),
        (80, None, "warm"),
        (95, None, "hot"),
    ],
)
def test_temperature_has_a_word_and_not_only_a_colour(celsius, slowdown, word):
    assert heat_level(celsius, slowdown) == word
    assert f"{celsius}°C {word}" in text_of(vitals(gpu(temperature_celsius=float(celsius), slowdown_celsius=slowdown)))


def test_histories_are_drawn_and_gaps_stay_gaps():
    looks = [vitals(gpu(utilization_percent=value), t=float(t)) for t, value in enumerate([0.0, None, 100.0])]
    util = next(line for line in text_of(looks).splitlines() if line.startswith("util"))
    assert "▁ █ 100%" in util


def test_a_card_that_comes_later_has_a_short_history():
    looks = [vitals(t=0.0), vitals(gpu(), t=1.0)]
    assert "97%" in text_of(looks)


def test_without_a_card_there_is_a_calm_sentence_and_the_computer():
    text = text_of(vitals(note="no NVIDIA driver here"))
    assert text.replace("\n", " ").startswith("no NVIDIA driver here")
    for words in ("83%", "cores", "5.0/16.0 GiB", "812 MiB", "65°C ok", "2,300 rpm", "on battery"):
        assert words in text


def test_sensors_a_computer_does_not_have_are_not_mentioned():
    bare = HostReading(cpu_percent=12.0, memory_used_bytes=2**30, memory_total_bytes=2**32)
    text = text_of(vitals(computer=bare))
    for word in ("temp", "fan", "power", "cores", "None"):
        assert word not in text


def test_many_cores_share_bars():
    text = text_of(vitals(computer=host(core_percents=tuple([50.0] * 256))))
    bars = next(line for line in text.splitlines() if line.startswith("cores"))
    assert "256" in bars
    assert line_length([(bars, "")]) <= ROOMY[0]


def test_less_height_keeps_the_important():
    looks = vitals(gpu())
    assert "fan" in text_of(looks, (44, 7))
    compact = text_of(looks, (44, 3), title=False)
    for words in ("97%", "3.1/12.0 GiB", "61°C ok", "143/200 W"):
        assert words in compact
    one_line = text_of(looks, (44, 1))
    assert "97%" in one_line
    assert "61° ok" in one_line


def test_eight_cards_in_one_line_are_a_summary():
    cards = [gpu(index, temperature_celsius=68.0 + index) for index in range(8)]
    text = text_of(vitals(*cards), (60, 1))
    for words in ("8 gpus", "97%", "75° warm", "gpu 7", "1,144 W"):
        assert words in text
    rows = text_of(vitals(*cards), (60, 9))
    assert all(f"gpu {index}" in rows for index in range(8))


def test_before_the_first_reading_there_is_a_sentence():
    assert "Waiting for the first reading" in text_of([])


TEXT = st.text(max_size=30)
NUMBER = st.none() | st.floats(allow_nan=False, allow_infinity=False)
PERCENT = st.none() | st.floats(0, 200)
FIELDS = ["card", "fans", "utilization_percent", "memory_used_bytes", "temperature_celsius", "power_watts"]
CARDS = st.builds(
    GpuReading,
    index=st.integers(0, 9),
    name=TEXT,
    utilization_percent=PERCENT,
    memory_used_bytes=st.none() | st.integers(0, 2**62),
    memory_total_bytes=st.none() | st.integers(0, 2**62),
    temperature_celsius=NUMBER,
    slowdown_celsius=NUMBER,
    fans=st.lists(st.builds(Fan, percent=PERCENT, rpm=PERCENT), max_size=3).map(tuple),
    power_watts=NUMBER,
    power_limit_watts=NUMBER,
    clock_mhz=NUMBER,
    throttle_reasons=st.lists(TEXT, max_size=2).map(tuple),
    nickname=TEXT,
    trains=st.booleans(),
    shared=st.booleans(),
    memory_temperature_celsius=NUMBER,
    highest_clock_mhz=NUMBER,
    throttled_seconds=st.dictionaries(TEXT, st.floats(0, 1e9), max_size=2),
    missing=st.dictionaries(st.sampled_from(FIELDS), TEXT, max_size=3),
)
HOSTS = st.builds(
    HostReading,
    cpu_percent=PERCENT,
    core_percents=st.lists(st.floats(0, 100), max_size=40).map(tuple),
    memory_used_bytes=st.none() | st.integers(0, 2**62),
    memory_total_bytes=st.none() | st.integers(0, 2**62),
    process_memory_bytes=st.none() | st.integers(0, 2**62),
    temperature_celsius=NUMBER,
    fan_rpm=NUMBER,
    battery_percent=PERCENT,
    plugged_in=st.none() | st.booleans(),
    swap_used_bytes=st.none() | st.integers(0, 2**62),
    swap_total_bytes=st.none() | st.integers(0, 2**62),
    disk_free_bytes=st.none() | st.integers(0, 2**62),
    temperatures_celsius=st.dictionaries(TEXT, st.floats(-1e3, 1e3), max_size=3),
    fans_rpm=st.dictionaries(TEXT, st.floats(0, 1e6), max_size=3),
    processor_watts=NUMBER,
    battery_watts=NUMBER,
    missing=st.dictionaries(st.sampled_from(["fan_rpm", "processor_watts"]), TEXT, max_size=2),
)
LOOKS = st.builds(
    Vitals, t=st.just(0.0), step=st.just(0), host=HOSTS, gpus=st.lists(CARDS, max_size=3).map(tuple), gpu_note=TEXT
)


@settings(max_examples=150, deadline=None)
@given(
    looks=st.lists(LOOKS, max_size=4),
    width=st.integers(0, 90),
    height=st.integers(0, 40),
    title=st.booleans(),
    name=st.sampled_from(list(CHART_CHARSETS)),
)
def test_any_reading_fits_any_pane(looks, width, height, title, name):
    lines = vitals_lines(looks, width, height, CHART_CHARSETS[name], title=title)
    assert len(lines) <= height
    for line in lines:
        assert line_length(line) <= width
        assert all(text == replace_unprintable(text) for text, _ in line)


class VitalsApp(App[None]):
    CSS = ".pane { border: round $primary; }"

    def compose(self) -> ComposeResult:
        yield VitalsPane("braille")

    @property
    def pane(self) -> VitalsPane:
        return self.query_one("#vitals", VitalsPane)


def screen_text(app) -> list[str]:
    return [strip.text for strip in app.screen._compositor.render_strips()]


def state_of(*looks: Vitals) -> RunState:
    state = RunState()
    state.apply_all(looks)
    return state


@pytest.mark.parametrize("size", [(1, 1), (4, 3), (20, 5), (40, 12), (60, 40)])
async def test_the_pane_fits_any_size(size):
    state = state_of(*(vitals(gpu(), gpu(1), t=float(t)) for t in range(20)))
    app = VitalsApp()
    async with app.run_test(size=size) as pilot:
        await all_handled(pilot)
        app.pane.show(state.at())
        await all_handled(pilot)
        assert all(cell_len(line) == size[0] for line in screen_text(app))


async def test_one_card_gives_its_name_to_the_border_and_never_its_markup():
    hostile = gpu(name="NVIDIA [bold red]EVIL[/]\x1b[2J")
    app = VitalsApp()
    async with app.run_test(size=(60, 20)) as pilot:
        await all_handled(pilot)
        app.pane.show(state_of(vitals(hostile)).at())
        await all_handled(pilot)
        lines = screen_text(app)
        assert "2 gpu 0 · [bold red]EVIL[/]" in lines[0]
        assert "\x1b" not in "".join(lines)
        assert "gpu 0" not in "".join(lines[1:])


async def test_a_reading_is_drawn_once_and_a_new_one_again(monkeypatch):
    state = state_of(vitals(gpu()))
    app = VitalsApp()
    async with app.run_test(size=(60, 20)) as pilot:
        await all_handled(pilot)
        app.pane.show(state.at())
        calls = []
        monkeypatch.setattr(app.pane, "refresh", lambda *regions, **options: calls.append(regions))
        app.pane.show(state.at())
        assert calls == []
        state.apply(vitals(gpu(utilization_percent=12.0), t=2.0))
        app.pane.show(state.at())
        assert len(calls) == 1
        monkeypatch.undo()
        app.pane.refresh()
        await all_handled(pilot)
        assert "12%" in "\n".join(screen_text(app))


async def test_room_to_spare_shows_the_last_minutes_as_a_curve():
    state = state_of(*(vitals(gpu(temperature_celsius=40.0 + t), t=float(t)) for t in range(40)))
    app = VitalsApp()
    async with app.run_test(size=(60, 40)) as pilot:
        await all_handled(pilot)
        app.pane.show(state.at())
        await all_handled(pilot)
        text = "\n".join(screen_text(app))
        assert "temp °C" in text
        assert "last 39s" in text
        assert any("\u2800" < char <= "\u28ff" for char in text)


async def test_a_replay_shows_the_sensors_of_its_moment():
    state = state_of(vitals(gpu(utilization_percent=11.0), t=1.0), vitals(gpu(utilization_percent=99.0), t=2.0))
    app = VitalsApp()
    async with app.run_test(size=(60, 20)) as pilot:
        await all_handled(pilot)
        app.pane.show(state.at())
        app.pane.show(state.at(1.5))
        await all_handled(pilot)
        text = "\n".join(screen_text(app))
        assert "11%" in text
        assert "99%" not in text


@pytest.mark.parametrize(("width", "height"), [(36, 15), (36, 6), (36, 3), (36, 2), (36, 1), (24, 1)])
def test_watts_and_fan_are_the_last_to_go(width, height):
    text = text_of(vitals(gpu(throttle_reasons=("hot",))), (width, height), title=False)
    assert "143" in text
    assert "43%" in text
    without_card = text_of(vitals(computer=host(processor_watts=31.0)), (width, min(height, 2)), title=False)
    assert "31 W" in without_card
    assert "2,300 rpm" in without_card
    many = text_of(vitals(*(gpu(index) for index in range(8))), (24, 1))
    assert "1,144 W" in many
    assert "fan 43%" in many
