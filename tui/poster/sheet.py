"""The whole sheet: who gets which part of the paper.

From the top: a line of small print, the name, the curve, the sample, the letters, the figures with the bill beside
them, a line about where it all came from. What a run does not have leaves its room to the others.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from babytrain.runs.bill import BillFacts, bill_facts
from babytrain.runs.events import Sample
from babytrain.runs.state import Moment
from babytrain.tui.poster.choice import best_sample
from babytrain.tui.poster.curve import draw_curve
from babytrain.tui.poster.facts import (
    EXAM,
    GUESSED,
    day_of,
    drawn_how,
    ending,
    facts_of,
    judged,
    loss_unit,
    run_name,
    subtitle,
)
from babytrain.tui.poster.figures import draw_figures, label
from babytrain.tui.poster.letters import columns_and_rows, draw_letters, tile_count
from babytrain.tui.poster.markup import Markup, element, joined, number, text, written
from babytrain.tui.poster.measure import fitting_size, shortened, width_of, wrapped
from babytrain.tui.poster.receipt import draw_receipt, receipt_height
from babytrain.tui.poster.style import (
    ACCENT,
    GUTTER,
    HEIGHT,
    INK,
    LABEL_SIZE,
    LABEL_SPACING,
    MARGIN,
    NOTE_SIZE,
    PAPER,
    SANS,
    SERIF,
    SOFT,
    WIDTH,
    Box,
)
from babytrain.tui.poster.verse import set_sample, shown_prompt
from babytrain.tui.safe_text import safe_line
from babytrain.tui.widgets.units import format_count, format_percent

_INNER = WIDTH - 2 * MARGIN
_TITLE_BOTTOM = 790.0
_FOOT = HEIGHT - MARGIN
_HEADING = 70.0  # a section's name and the air below it
_BETWEEN = 120.0
_SLIP_WIDTH = 820.0


def draw_poster(moment: Moment, provenance: Mapping[str, Any] | None = None, sample: Sample | None = None) -> str:
    """The poster of a run as it stood at a moment: a whole SVG document, A3 portrait.

    `provenance` is that table of its `run.toml`; `sample` stands in for the best one.
    """
    provenance = provenance or {}
    chosen, bill = sample or best_sample(moment), bill_facts(moment)
    letters = moment.letters[-1] if moment.letters and tile_count(moment.letters[-1]) else None
    bottom_height = max(560.0, receipt_height(bill, _SLIP_WIDTH) + 30)
    bottom = Box(MARGIN, _FOOT - 110 - bottom_height, _INNER, bottom_height)
    above = bottom.y - _BETWEEN
    parts = [_title(moment)]
    if letters is not None:
        _, rows = columns_and_rows(tile_count(letters))
        board = Box(MARGIN, above - 190 * rows, _INNER, 190.0 * rows)
        parts += [_heading("letters it guesses", [_letters_remark(moment)], board.y), draw_letters(letters, board)]
        above = board.y - _HEADING - _BETWEEN
    if chosen is not None:
        setting = set_sample(chosen, _INNER, 0.34 * (above - _TITLE_BOTTOM))
        top = above - setting.height
        parts += [_heading(_sample_name(chosen), _sample_remarks(moment, chosen), top), setting.draw(MARGIN, top)]
        above = top - _HEADING - _BETWEEN
    curve = Box(MARGIN, _TITLE_BOTTOM + _HEADING + 60, _INNER, above - _TITLE_BOTTOM - _HEADING - 60)
    parts += [
        _heading(
            "learning",
            [f"loss in nats per {loss_unit(moment)}, in training and on text it never saw; steps by their square root"],
            curve.y,
        ),
        draw_curve(moment, curve),
        _bottom(moment, provenance, bill, bottom),
        _colophon(moment),
    ]
    return _document(joined(*parts), f"babytrain: {run_name(moment)}")


def _document(content: Markup, title: str) -> str:
    paper = element("rect", x=0, y=0, width=WIDTH, height=HEIGHT, fill=PAPER)
    named = Markup(f"<title>{written(title)}</title>")
    return element("svg", named, paper, content, xmlns="http://www.w3.org/2000/svg", width="297mm", height="420mm",
                   viewBox=f"0 0 {WIDTH:g} {HEIGHT:g}", role="img")  # fmt: skip


def _title(moment: Moment) -> Markup:
    name = safe_line(run_name(moment))
    end = ending(moment)
    parts = [
        label("babytrain", MARGIN, MARGIN + 30),
        label(day_of(moment), WIDTH - MARGIN, MARGIN + 30, anchor="end"),
        element("line", x1=MARGIN, x2=WIDTH - MARGIN, y1=MARGIN + 66, y2=MARGIN + 66, stroke=INK, stroke_width=5),
        *_name(name),
        text(MARGIN, 755, shortened(safe_line(subtitle(moment)), _INNER, 58), font_family=SERIF, font_style="italic",
             font_size=58, fill=SOFT),
    ]  # fmt: skip
    if end:
        shown = shortened(safe_line(end), _INNER * 0.6, 36)
        parts.append(text(WIDTH / 2, MARGIN + 30, shown, font_family=SANS, font_size=36, fill=ACCENT,
                          text_anchor="middle"))  # fmt: skip
    return joined(*parts)


def _name(name: str) -> list[Markup]:
    """The name on one line, or on two when it would be too small; the last baseline is always the same."""
    size = fitting_size(name, _INNER, 330.0, 0.0)
    lines = [name]
    if size < 190:
        size = 148.0
        lines = wrapped(name, _INNER, size, 2)
    below = 590 if size > 190 else 640
    return [
        text(MARGIN - size * 0.03, below - size * 1.12 * (len(lines) - 1 - row), words, font_family=SERIF,
             font_size=size, fill=INK)
        for row, words in enumerate(lines)
    ]  # fmt: skip


def _heading(name: str, remarks: Sequence[str], y: float) -> Markup:
    """A section's name at the left and, at the right, as many of the remarks as there is room for, above `y`."""
    said, size = [safe_line(remark) for remark in remarks], NOTE_SIZE - 3
    room = _INNER - width_of(name.upper(), LABEL_SIZE) - LABEL_SPACING * len(name) - GUTTER
    while len(said) > 1 and width_of(", ".join(said), size) > room:
        said.pop()
    shown = shortened(", ".join(said), room, size)
    return joined(
        label(name, MARGIN, y - _HEADING + 18),
        text(WIDTH - MARGIN, y - _HEADING + 18, shown, font_family=SANS, font_size=size, fill=SOFT, text_anchor="end"),
    )  # fmt: skip


def _sample_name(sample: Sample) -> str:
    return f"what it wrote at step {format_count(sample.step)}"


def _sample_remarks(moment: Moment, sample: Sample) -> list[str]:
    """What the judges said of it, what it was given, how it was drawn: the least important last."""
    given = shown_prompt(sample)
    prompt = [f"prompt {given!r}"] if given.strip() else []
    if sample.prompt and not given:
        prompt = [f"after a prompt of {format_count(len(sample.prompt))} characters"]
    return [*judged(moment.reading_of(sample)), *prompt, *drawn_how(sample).split(", ")]


def _letters_remark(moment: Moment) -> str:
    newest = moment.letters[-1]
    words = "of a hundred of each in text it never saw"
    if newest.favourite and newest.favourite_recall is not None:
        words += f"; its {newest.favourite}: {format_percent(100 * newest.favourite_recall)}"
    if math.isfinite(newest.accuracy):
        words += f"; of all together: {format_percent(100 * newest.accuracy)}"
    return words


def _bottom(moment: Moment, provenance: Mapping[str, Any], bill: BillFacts, box: Box) -> Markup:
    slip = Box(box.right - _SLIP_WIDTH, box.y, _SLIP_WIDTH, box.height)
    facts = Box(box.x, box.y, box.width - _SLIP_WIDTH - 1.6 * GUTTER, box.height)
    shown = facts_of(moment, provenance)
    if any(fact.label == EXAM for fact in shown):  # what it guesses right is said above the letters as well
        shown = [fact for fact in shown if fact.label != GUESSED]
    return joined(draw_figures(shown, facts), _tilted(draw_receipt(bill, day_of(moment), slip), slip))


def _tilted(slip: Markup, box: Box) -> Markup:
    """A slip of paper never lies quite straight."""
    return element("g", slip, transform=f"rotate(1.4 {number(box.right)} {number(box.y)})")


def _colophon(moment: Moment) -> Markup:
    started = moment.started
    if started is None:
        return joined()
    words = f"run {started.run_id}, text sha256 {started.corpus.sha256[:12]}, babytrain {started.program_version}"
    shown = shortened(safe_line(words), _INNER, 28)
    return joined(
        element("line", x1=MARGIN, x2=WIDTH - MARGIN, y1=_FOOT - 48, y2=_FOOT - 48, stroke=INK, stroke_width=2),
        text(MARGIN, _FOOT, shown, font_family=SANS, font_size=28, fill=SOFT),
    )
