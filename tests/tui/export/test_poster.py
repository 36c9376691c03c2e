"""The poster: always a well-formed picture on its paper, whatever the run, and it shows what it should."""

from __future__ import annotations

import itertools
import math
import re
import xml.etree.ElementTree as ET

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from babytrain.runs.events import Baselines, FinalEvaluation, Verdict
from babytrain.runs.state.run_state import RunSnapshot
from babytrain.tui.export.curve_data import downsample, round_numbers, spread_labels
from babytrain.tui.export.markup import format_length
from babytrain.tui.export.png import NO_FONTS_MESSAGE, NoFontsError, has_fonts, poster_png
from babytrain.tui.export.poster.poster_page import draw_poster, poster_html
from babytrain.tui.export.poster.sample_text import complete_poems, typeset_sample
from babytrain.tui.export.poster.tiles import draw_letters
from babytrain.tui.export.poster.typography import (
    PAGE_HEIGHT,
    PAGE_WIDTH,
    PageBox,
    shorten_to_width,
    text_width,
    wrap_to_width,
)
from babytrain.tui.export.run_facts import best_sample, sample_with_id
from babytrain.tui.terminal.safe_text import safe_line
from tests.runs.builders import ended, evaluation, recorded_run, resumed, started, step
from tests.tui.export.runs_to_draw import POEM, full_run, moment_of, sample

SVG = "{http://www.w3.org/2000/svg}"
ELEMENTS = {SVG + name for name in ("svg", "title", "rect", "text", "line", "path", "circle", "g")}
HOSTILE = [
    "<script>alert(1)</script>",
    "\"'><img src=x onerror=alert(1)>",
    "]]><!--&amp;<![CDATA[",
    "\x1b[31mred\x07\x00\ufffe\ud800",
    "\u202eevil\u2066",
    "שלום עולם مرحبا",
    "日本語" * 40,
    "a" * 3000,
    "&#60;b&#62;",
]
any_text = st.text() | st.sampled_from(HOSTILE) | st.text(alphabet="<>&\"'/=- a\n\t\x00\x1b\u202e", max_size=60)


def words_on(svg: str) -> list[str]:
    return [element.text or "" for element in ET.fromstring(svg).iter(SVG + "text")]


def assert_a_proper_sheet(svg: str) -> None:
    """Well-formed, made of shapes and text alone, obeying nothing, and all of it on the paper."""
    root = ET.fromstring(svg)
    for element in root.iter():
        assert element.tag in ELEMENTS
        for name, value in element.attrib.items():
            assert not name.startswith("on")
            assert "href" not in name
            assert "url(" not in value
            if name in ("x", "x1", "x2", "cx"):
                assert 0 <= float(value) <= PAGE_WIDTH
            if name in ("y", "y1", "y2", "cy"):
                assert 0 <= float(value) <= PAGE_HEIGHT
            if name == "d":
                pairs = [pair.split(" ") for pair in re.split("[MLZ]", value) if pair]
                assert all(-50 <= float(x) <= PAGE_WIDTH and -50 <= float(y) <= PAGE_HEIGHT for x, y in pairs)


@settings(max_examples=60, deadline=None)
@given(any_text)
def test_no_text_becomes_markup_or_leaves_the_paper(words: str) -> None:
    snapshot = full_run(words)
    svg = draw_poster(snapshot, {"cpu_model": words})
    assert_a_proper_sheet(svg)
    page = poster_html(svg, words)
    page.encode()
    assert page.count("<script") == 0


@settings(max_examples=60, deadline=None)
@given(recorded_run())
def test_every_run_gives_a_sheet(events: list) -> None:  # type: ignore[type-arg]
    assert_a_proper_sheet(draw_poster(moment_of(*events)))


@pytest.mark.parametrize("loss", [math.nan, math.inf, -math.inf, 1e308, -1e308, 0.0, 5e-324])
def test_losses_that_are_no_losses(loss: float) -> None:
    events = [started(), step(1), step(2, loss=loss), step(3), evaluation(3, loss), ended(3)]
    assert_a_proper_sheet(draw_poster(moment_of(*events)))


def test_a_full_run_shows_its_name_its_loss_its_letters_and_its_bill() -> None:
    snapshot = full_run("ziggy", written=f"{POEM}\n\nsecond")
    svg = draw_poster(snapshot)
    shown = words_on(svg)
    for wanted in (
        "ziggy",
        "1.200",
        "800,000",
        "86%",
        "e",
        "a",
        "90",
        "75",
        "0.0041 EUR",
        "12.0 Wh",
        *POEM.split("\n"),
    ):
        assert wanted in shown
    assert "second" not in shown  # a poem that was cut off
    assert any("4 of 5 poems 5-7-5" in words for words in shown)
    assert any(words.startswith("failed: ziggy") for words in shown)
    assert {"pure guessing", "bigram", "5-gram"} <= set(shown)
    assert "step skipped" in shown


def test_a_diagnosis_that_calls_for_a_person_is_marked_once() -> None:
    said = [
        Verdict(t=t, step=int(2 * t), verdict=name, why="", next_="")
        for t, name in ((2.0, "learning"), (10.0, "overfitting"), (15.0, "learning"), (20.0, "overfitting"))
    ]
    shown = words_on(draw_poster(moment_of(started(), *(step(number) for number in range(1, 60)), *said)))
    assert shown.count("overfitting") == 1
    assert "learning" not in shown


def test_steps_that_a_recovery_left_behind_are_a_dotted_branch_with_a_cross_where_the_loss_became_nan() -> None:
    first = [step(number, t=0.5 * number, loss=3.0) for number in range(1, 41)]
    lost = [step(41, t=21.0, loss=51_101.0), step(42, t=22.0, loss=math.nan), step(43, t=23.0, loss=math.nan)]
    again = [step(number, t=25.0 + number, loss=2.0) for number in range(41, 60)]
    run = [started(), *first, *lost, resumed(40, 24.0, rollback=True), *again]
    whole = [event for event in run if event not in lost]
    assert 'stroke-dasharray="2 10"' not in draw_poster(moment_of(*whole))
    drawn = draw_poster(moment_of(*run))
    assert drawn.count('stroke-dasharray="2 10"') == 1
    assert drawn.count("<line") == draw_poster(moment_of(*whole)).count("<line") + 2


def test_what_a_run_does_not_have_is_left_out() -> None:
    plain = words_on(draw_poster(moment_of(started(), step(1), step(2), step(3), ended(3))))
    assert "not measured" in plain
    assert not any("LETTERS" in words or "WHAT IT WROTE" in words for words in plain)
    assert "2,304" in plain  # tokens, where nothing better is known
    assert "no step was recorded" in words_on(draw_poster(moment_of(started())))


def test_the_exam_stands_among_the_figures_and_nothing_is_lost_for_it() -> None:
    exam = FinalEvaluation(t=30.0, step=60, poems=100, valid=82, new=80, temperature=0.7, seed=1, seconds=1.0)
    snapshot = full_run("x")
    snapshot.state.apply(exam)
    shown = words_on(draw_poster(snapshot.state.at()))
    assert "82 of 100" in shown
    assert "80 of them its own" in " ".join(shown)
    assert any("accuracy over all: 86%" in words for words in shown)
    repeated = FinalEvaluation(
        t=31.0, step=60, poems=100, valid=82, new=82, different=3, temperature=0.7, seed=1, seconds=1.0
    )
    snapshot.state.apply(repeated)
    assert "3 different, all its own" in " ".join(words_on(draw_poster(snapshot.state.at())))


def test_the_names_of_levels_leave_the_newest_loss_alone() -> None:
    levels = Baselines(t=0.0, step=0, uniform=3.0, unigram=2.95, bigram=2.92, trigram=2.91, fivegram=2.9)
    curve = [step(number, loss=3.0) for number in range(1, 9)]
    root = ET.fromstring(draw_poster(moment_of(started(), levels, *curve, evaluation(8, 2.88), ended(8))))
    at = {one.text: float(one.get("y", "0")) for one in root.iter(SVG + "text")}
    names = [at[name] for name in ("pure guessing", "bigram", "trigram", "5-gram")]
    assert all(abs(one - other) >= 45 for one, other in itertools.combinations(names, 2))
    assert at["LEARNING"] + 30 < min(names)
    assert max(names) < at["2.880"] - 40


def test_a_long_prompt_leaves_the_room_to_what_was_written() -> None:
    def shown(prompt: str) -> list[str]:
        snapshot = full_run("x", written="its own words")
        snapshot.state.samples.events[-1] = msgspec.structs.replace(snapshot.state.samples.events[-1], prompt=prompt)
        return words_on(draw_poster(snapshot.state.at()))

    assert "said and its own words" in shown("said and ")
    long = shown("said and " * 40)
    assert "its own words" in long
    assert any("after a prompt of 360 characters" in words for words in long)


@pytest.mark.parametrize("stanzas", [2, 5, 9])
def test_verse_that_is_no_poem_stands_in_columns_unbroken(stanzas: int) -> None:
    lines = [f"line {number} of a stanza that is" for number in range(2 * stanzas)]
    words = "\n\n".join("\n".join(lines[place : place + 2]) for place in range(0, len(lines), 2))
    setting = typeset_sample(sample(1, words), 2500.0, 600.0)
    assert [line for line, *_ in setting.lines if line] == lines
    assert setting.height <= 620
    per_column: dict[float, list[str]] = {}
    for line, left, *_ in setting.lines:
        per_column.setdefault(left, []).append(line)
    assert all(column[0] and column[-1] for column in per_column.values())
    assert all(sum(map(bool, column)) % 2 == 0 for column in per_column.values())  # no stanza is torn


def test_light_ink_stands_on_dark_only() -> None:
    def inks(recall: float) -> list[str]:
        newest = full_run("x").letters[-1]
        drawn = draw_letters(msgspec.structs.replace(newest, recalls=(recall, 0.5, 0.5)), PageBox(0, 0, 900, 200))
        root = ET.fromstring(f'<svg xmlns="http://www.w3.org/2000/svg">{drawn}</svg>')
        return [one.get("fill", "") for one in root.iter(SVG + "text")][2:4]

    assert [ink == "#ffffff" for ink in inks(0.1)] == [False, False]
    assert [ink == "#ffffff" for ink in inks(0.68)] == [False, True]
    assert [ink == "#ffffff" for ink in inks(0.96)] == [True, True]


def test_a_long_name_takes_two_lines_and_is_cut() -> None:
    name = " ".join(f"word{place}" for place in range(40))
    shown = words_on(draw_poster(full_run("x", name=name)))
    lines = [words for words in shown if words.startswith("word")]
    assert len(lines) == 2
    assert lines[1].endswith("…")


def test_the_chosen_sample_stands_in_for_the_best() -> None:
    snapshot = moment_of(started(), step(1), sample(1, "first words"), step(2), sample(2, "later words"), ended(2))
    assert "later words" in words_on(draw_poster(snapshot))
    chosen = sample_with_id(snapshot, 1)
    assert "first words" in words_on(draw_poster(snapshot, sample=chosen))
    assert sample_with_id(snapshot, 3) is None


def test_the_best_sample_is_one_of_the_best_model() -> None:
    def chosen(*events: object) -> str | None:
        found = best_sample(moment_of(started(), *events))  # type: ignore[arg-type]
        return found.text if found else None

    good, bad, asked = sample(20, "good"), sample(30, "after it went wrong"), sample(21, "requested", requested=True)
    assert chosen() is None
    assert chosen(sample(10, "  \n ")) is None
    assert chosen(evaluation(20, 1.0), good, asked, evaluation(30, 5.0), bad) == "good"
    assert chosen(evaluation(20, 1.0), asked) == "requested"
    assert chosen(good, evaluation(25, 1.0)) == "good"


def test_of_several_the_one_with_the_most_valid_poems() -> None:
    snapshot = full_run("x", written="judged")
    newer = sample(60, "newer, not judged", sample_id=61)
    snapshot.state.apply(newer)
    best = best_sample(snapshot.state.at())
    assert best is not None
    assert best.text == "judged"


def test_poems_are_told_from_prose() -> None:
    assert complete_poems(f"{POEM}\n\n{POEM}\n\ncut") == [POEM.split("\n")] * 2
    assert complete_poems("one line only") == []
    assert complete_poems("a\n\nb\n\nc\n\nd") == []
    assert complete_poems("\n".join(["very long line " * 9] * 3) + "\n\nx") == []


@given(any_text, st.floats(60, 2000), st.integers(1, 12))
def test_wrapped_lines_fit_and_lose_nothing_but_the_end(words: str, width: float, most: int) -> None:
    lines = wrap_to_width(words, width, 40.0, most)
    assert len(lines) <= most
    assert all(text_width(line, 40.0) <= width + 1e-6 for line in lines if len(line) > 1)
    if not lines or not lines[-1].endswith("…"):
        assert "".join("".join(lines).split()) == "".join(words.split())
    assert text_width(shorten_to_width(words, width, 40.0), 40.0) <= width + 1e-6


@given(st.lists(st.floats(0, 1000), max_size=12))
def test_labels_are_moved_apart_and_keep_their_order(heights: list[float]) -> None:
    places = spread_labels(heights, 50.0, 0.0, 1000.0)
    by_height = [place for _, place in sorted(zip(heights, places, strict=True))]
    assert all(after - before >= 50.0 - 1e-6 for before, after in zip(sorted(places), sorted(places)[1:], strict=False))
    assert by_height == sorted(by_height)


@given(st.floats(), st.floats())
def test_round_numbers_lie_within(low: float, high: float) -> None:
    found = round_numbers(low, high, 5)
    assert len(found) <= 12
    assert all(low - abs(high - low) * 1e-6 <= value <= high + abs(high - low) * 1e-6 for value in found)
    assert round_numbers(0.0, 4.0, 4) == [0.0, 1.0, 2.0, 3.0, 4.0]


@given(st.lists(st.floats(-1e6, 1e6) | st.sampled_from([math.nan, math.inf]), max_size=300), st.integers(2, 40))
def test_thinning_keeps_the_extremes(values: list[float], most: int) -> None:
    curve = downsample(range(len(values)), values, values, values, most)
    finite = [value for value in values if math.isfinite(value)]
    assert len(curve) <= most
    if finite:
        assert (curve.low.min(), curve.high.max()) == (min(finite), max(finite))
    else:
        assert len(curve) == 0


@given(st.floats())
def test_a_length_is_always_a_number(value: float) -> None:
    assert re.fullmatch(r"-?\d+(\.\d{1,2})?", format_length(value))
    if math.isfinite(value):
        assert float(format_length(value)) == pytest.approx(value, abs=0.006, rel=1e-9)


def test_the_png_is_a_picture_with_words_in_it() -> None:
    assert not has_fonts(system_fonts=False)
    if not has_fonts():
        pytest.skip("no font is installed here")
    svg = draw_poster(full_run("ziggy", written=POEM))
    picture = poster_png(svg)
    assert picture.startswith(b"\x89PNG")
    width, height = (int.from_bytes(picture[place : place + 4], "big") for place in (16, 20))
    assert (width, height) == (2339, 3307)  # A3 at 200 dots an inch
    assert picture != poster_png(re.sub(">[^<]*</text>", "></text>", svg))


def test_without_a_font_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("babytrain.tui.export.png.has_fonts", lambda: False)
    with pytest.raises(NoFontsError, match="install"):
        poster_png(draw_poster(moment_of(started())))
    assert "SVG" in NO_FONTS_MESSAGE


def test_a_page_obeys_nothing_but_its_own_style() -> None:
    page = poster_html(draw_poster(full_run("<b>&")), "<b>&")
    assert "default-src &#x27;none&#x27;" in page
    assert "script-src" not in page
    assert f"<title>{'&lt;b&gt;&amp;'}</title>" in page


def test_control_characters_of_a_name_are_shown() -> None:
    shown = words_on(draw_poster(full_run("x", name="a\x1bb\u202ec")))
    assert safe_line("a\x1bb\u202ec") in shown


def moment_with(snapshot: RunSnapshot, **changes: object) -> RunSnapshot:
    assert snapshot.state.started is not None
    snapshot.state.started = msgspec.structs.replace(snapshot.state.started, **changes)
    return snapshot


def test_a_machine_is_called_what_its_owner_calls_it() -> None:
    assert "Gertrude" in words_on(draw_poster(full_run("Gertrude", name="x")))
    on_processor = moment_with(full_run("x"), device="cpu", device_name="")
    assert "AMD EPYC" in words_on(draw_poster(on_processor, {"cpu_model": "AMD EPYC"}))
