"""The report: what is in it, that no text becomes markup, and that it stays small."""

from __future__ import annotations

import math
import re
from html.parser import HTMLParser
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from babytrain.engine.config.settings import SETTINGS
from babytrain.runs.events import GpuReading, HostReading, LogMessage, Vitals
from babytrain.runs.state.run_state import RunSnapshot, RunState
from babytrain.tui.engine_client.validation import describe_settings
from babytrain.tui.export.curve_data import speed_curve
from babytrain.tui.export.report.charts import report_charts
from babytrain.tui.export.report.report_page import ReportedRun, report_page
from babytrain.tui.export.report.sections import MAX_REPORT_EVENTS, MAX_REPORT_SAMPLES, report_events
from tests.runs.builders import checkpoint, evaluation, recorded_run, resumed, started, step
from tests.tui.export.runs_to_draw import POEM, full_run, moment_of, sample
from tests.tui.export.test_poster import any_text

ELEMENTS = {
    "html", "head", "meta", "title", "style", "body", "header", "h1", "h2", "h3", "p", "b", "i", "dl", "dt", "dd",
    "div", "span", "section", "figure", "figcaption", "svg", "g", "line", "path", "rect", "text", "output", "table",
    "thead", "tbody", "tr", "th", "td", "details", "summary", "article", "pre", "bdi", "footer", "script",
}  # fmt: skip
VOID = {"meta"}


class Reader(HTMLParser):
    """Reads a page strictly: what elements and attributes it has, and what it says; every element must be closed."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[str] = []
        self.attributes: set[str] = set()
        self.said: list[str] = []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not {"script", "style"} & set(self.open):
            self.said.append(data)

    @property
    def text(self) -> str:
        return " ".join(self.said)


def told(snapshot: RunSnapshot, **provenance: Any) -> ReportedRun:
    return ReportedRun(snapshot, provenance)


@settings(max_examples=40, deadline=None)
@given(any_text, st.booleans())
def test_no_text_becomes_markup(words: str, several: bool) -> None:
    run = ReportedRun(full_run(words), {"argv": [words], words: words})
    page = report_page([run, told(full_run("other"))] if several else [run], {words: "x"})
    page.encode()
    read = Reader(page)
    assert set(read.elements) <= ELEMENTS
    assert read.elements.count("script") == 1
    assert not any(name.startswith("on") or name in ("src", "href", "style") for name in read.attributes)


@settings(max_examples=40, deadline=None)
@given(recorded_run(), recorded_run())
def test_every_run_gives_a_page(one: list, other: list) -> None:  # type: ignore[type-arg]
    for runs in ([one], [one, other]):
        read = Reader(report_page([told(moment_of(*run)) for run in runs], {}))
        assert read.elements.count("h1") == 1


def test_a_report_tells_everything_about_a_run() -> None:
    page = report_page([told(full_run("ziggy", written=POEM), cpu_model="AMD EPYC", argv=["babytrain-tui", "train"])],
                  {"lr": "0.012", "corpus": "ziggy"})  # fmt: skip
    text = Reader(page).text
    for wanted in (
        "Loss", "Learning rate", "Gradient norm", "Speed", "Temperature", "Power", "bigram",
        POEM.split("\n")[0], "4 of 5 poems 5-7-5", "copied 1.1× chance", "97% real words",
        "rescue: skipped", "diagnosis: learning", "milestone", "heat: slowed", "refused: ziggy", "went back",
        "checkpoint", "0.003", "1 setting at its default", "12.0 Wh", "0.0041 EUR", "AMD EPYC", "babytrain-tui train",
        "failed: ziggy",
    ):  # fmt: skip
        assert wanted in text, wanted


def test_a_page_asks_for_nothing() -> None:
    page = report_page([told(full_run("ziggy"))], {})
    assert "default-src &#x27;none&#x27;" in page
    assert "unsafe" not in page.split("</head>")[0].split("<style>")[0]
    for address in ("https:", "//cdn", "@import", "url("):
        assert address not in page
    assert page.count("http") == page.count("http-equiv") + page.count("http://www.w3.org/2000/svg")


def test_several_runs_share_charts_and_show_only_what_differs() -> None:
    runs = [told(full_run("ada", lr=1e-3)), told(full_run("bertie", lr=3e-3))]
    text = Reader(report_page(runs, {"lr": "0.012"})).text
    assert "2 runs" in text
    assert "ada training" in text
    assert "bertie validation" in text
    differing, each = text.split("Settings that differ")[1].split("Each by itself")
    assert "lr" in differing
    assert "currency" not in differing
    for wanted in ("rescue: skipped", "diagnosis: learning", "currency", "12.0 Wh", "sha256", "4 of 5 poems 5-7-5"):
        assert each.count(wanted) >= 2, wanted  # each run by itself: samples, events, settings, bill, origin
    same = [told(moment_of(started(), step(1), step(2)))] * 2
    assert "The runs have the same settings." in Reader(report_page(same, {})).text


def test_a_setting_an_old_run_did_not_know_differs_only_from_a_changed_one() -> None:
    old, new = moment_of(started(config={})), moment_of(started(config={"guard": "rollback", "noise": 0.1}))
    text = Reader(report_page([told(old), told(new)], {"guard": "rollback", "noise": "0"})).text
    differing = text.split("Settings that differ")[1].split("Each by itself")[0]
    assert "noise" in differing
    assert "guard" not in differing


def test_only_settings_that_were_changed_count_as_chosen() -> None:
    defaults = {name: default for lines in describe_settings().values() for name, default, _ in lines}
    config = {name: field.default for name, field in SETTINGS.items()}
    page = Reader(report_page([told(moment_of(started(config=config)))], defaults)).text
    assert "All at their defaults." in page
    page = Reader(report_page([told(moment_of(started(config=config | {"tied": not config["tied"]})))], defaults)).text
    assert page.count("setting value default") == 1
    assert f"{len(config) - 1} settings at their defaults" in page


def test_runs_that_share_a_name_can_be_told_apart() -> None:
    ids = [f"ziggy-2026013{day}-120000" for day in (0, 1)]
    runs = [told(moment_of(started(name="ziggy", run_id=one), step(1), step(2))) for one in ids]
    text = Reader(report_page([*runs, runs[0]], {})).text
    for wanted in (f"{ids[0]} training", f"{ids[1]} training", f"{ids[0]} (2) training"):
        assert wanted in text


def test_losses_of_different_tokens_are_not_ranked() -> None:
    facts = started().corpus
    runs = [
        told(moment_of(started(corpus=msgspec.structs.replace(facts, tokenizer=name)), step(1), evaluation(1, loss)))
        for name, loss in (("char", 1.0), ("bpe", 2.0))
    ]
    text = Reader(report_page(runs, {})).text
    assert "do not compare" in text
    assert "★" not in text
    alike = Reader(report_page([runs[0], runs[0]], {})).text
    assert "do not compare" not in alike
    assert "★" in alike


def test_a_logarithmic_axis_counts_in_round_numbers() -> None:
    events = [step(number, gradient_norm=0.31 + number / 20) for number in range(1, 60)]
    page = report_page([told(moment_of(started(), *events))], {})
    axis = page.split("Gradient norm</bdi>")[1].split("</figure>")[0]
    said = re.findall(r'text-anchor="end">([\d.]+)<', axis)
    assert said[:3] == ["0.5", "1", "2"]


def test_a_hundred_thousand_steps_stay_below_two_megabytes() -> None:
    state = RunState()
    state.apply(started(total_steps=100_000))
    draw = np.random.default_rng(0)
    losses = 1 + 3 * np.exp(-np.arange(100_000) / 9000) + draw.normal(0, 0.1, 100_000)
    losses[54_321] = 9.0
    for number, loss in enumerate(losses.tolist(), start=1):
        state.apply(step(number, loss=loss, gradient_norm=abs(loss), learning_rate=1e-3 * loss))
        if number % 200 == 0:
            state.apply(evaluation(number, loss))
            state.apply(sample(number, "<" * 5000))
            state.apply(checkpoint(number))
        if number % 20 == 0:
            gpu = GpuReading(index=0, name="x", trains=True, temperature_celsius=50 + loss, power_watts=100 * loss)
            state.apply(Vitals(t=number * 0.5, step=number, host=HostReading(), gpus=(gpu,)))
    page = report_page([told(state.at())], {})
    assert len(page.encode()) < 2_000_000
    loss = report_charts([state.at()])[0].curves[0].line
    assert loss.high.max() == 9.0  # a single spike survives
    assert len(loss) <= 1600
    read = Reader(page)
    assert f"{MAX_REPORT_SAMPLES} of 500 samples" in read.text
    assert read.elements.count("article") == MAX_REPORT_SAMPLES
    five = [told(state.at())] * 5
    assert len(report_page(five, {}).encode()) < 2_000_000


def test_what_matters_outlives_what_does_not_in_a_long_list() -> None:
    notes = [
        LogMessage(t=float(place), step=place, level="info", text=f"note {place}") for place in range(MAX_REPORT_EVENTS)
    ]
    lines, left_out = report_events(moment_of(started(), *notes, LogMessage(t=1.5, step=1, level="error", text="look")))
    assert [line.what for line in lines] == ["look"]
    assert left_out == MAX_REPORT_EVENTS


def test_charts_without_numbers_are_left_out() -> None:
    titles = [chart.title for chart in report_charts([moment_of(started(), step(1), step(2))])]
    assert titles == ["Loss", "Learning rate", "Gradient norm", "Speed"]
    assert report_charts([moment_of(started())]) == []
    assert "No step was recorded." in Reader(report_page([told(moment_of(started()))], {})).text


def test_steps_taken_twice_do_not_count_as_speed() -> None:
    events = [step(number, step_seconds=0.5) for number in range(1, 21)]
    again = [
        step(number, t=20.0 + number * 0.5, tokens=(number + 15) * 768, step_seconds=0.5) for number in range(6, 21)
    ]
    rates = speed_curve(moment_of(started(), *events, resumed(5, 20.0), *again), 100).mean
    assert rates == pytest.approx(np.full(len(rates), 1536.0))


def test_steps_that_a_recovery_left_behind_are_a_curve_of_their_own_and_nan_is_marked() -> None:
    first = [step(number, t=0.5 * number, loss=3.0) for number in range(1, 41)]
    lost = [step(41, t=21.0, loss=51_101.0), step(42, t=22.0, loss=math.nan), step(43, t=23.0, loss=math.nan)]
    again = [step(number, t=25.0 + number, loss=2.0) for number in range(41, 60)]
    run = [started(), *first, *lost, resumed(40, 24.0, rollback=True), *again]
    loss = report_charts([moment_of(*run)])[0]
    (left,) = [curve for curve in loss.curves if curve.name == "left behind"]
    assert left.line.x.tolist() == [40, 41]
    assert left.line.mean.tolist() == [3.0, 51_101.0]
    assert loss.bands == ((41.0, 43.0, "NaN or infinite"),)
    page = report_page([told(moment_of(*run))], {})
    assert "left behind" in page
    assert "NaN or infinite" in page


def test_throttling_is_a_band_on_the_charts_of_the_machine() -> None:
    hot = GpuReading(index=0, name="x", trains=True, temperature_celsius=90.0, throttle_reasons=("hot",))
    cool = GpuReading(index=0, name="x", trains=True, temperature_celsius=60.0)
    looks = [Vitals(t=t, step=int(2 * t), host=HostReading(), gpus=(hot if 10 <= t < 20 else cool,)) for t in range(40)]
    snapshot = moment_of(started(), *(step(number) for number in range(1, 80)), *looks)
    bands = {chart.title: chart.bands for chart in report_charts([snapshot])}
    assert bands["Loss"] == ()
    assert bands["Temperature"] == bands["Speed"]
    ((first, last, words),) = bands["Speed"]
    assert (first, last) == pytest.approx((20, 40), abs=2)
    assert "heat" in words


def test_a_long_sample_is_cut_and_says_so() -> None:
    text = Reader(report_page([told(moment_of(started(), step(1), sample(1, "x" * 5000)))], {})).text
    assert "x" * 1500 + " …" in text
    assert "x" * 1501 not in text
