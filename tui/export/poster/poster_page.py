"""The layout of the poster, and the HTML page around it.

From the top: title, loss curve, sample, letters, facts beside the bill, provenance. The curve takes the room of
missing parts.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from babytrain.runs.energy.bill import BillAmounts, bill_amounts
from babytrain.runs.events import Sample
from babytrain.runs.formatting import format_count, format_percent
from babytrain.runs.state.run_state import RunSnapshot
from babytrain.tui.export.generator_mark import GENERATOR_META
from babytrain.tui.export.markup import Markup, escaped_text, format_length, html_page, join_markup, svg_element
from babytrain.tui.export.poster.loss_curve import draw_curve
from babytrain.tui.export.poster.receipt import draw_receipt, receipt_height
from babytrain.tui.export.poster.sample_text import shown_prompt, typeset_sample
from babytrain.tui.export.poster.tiles import draw_figures, draw_label, draw_letters, letter_tile_count, tile_grid
from babytrain.tui.export.poster.typography import (
    ACCENT,
    COLUMN_GAP,
    INK,
    LABEL_SIZE,
    LABEL_SPACING,
    NOTE_SIZE,
    PAGE_HEIGHT,
    PAGE_MARGIN,
    PAGE_WIDTH,
    PAPER,
    SERIF,
    PageBox,
    draw_line,
    draw_text,
    fitting_size,
    shorten_to_width,
    text_width,
    wrap_to_width,
)
from babytrain.tui.export.run_facts import (
    ACCURACY_LABEL,
    FINAL_EVALUATION_LABEL,
    best_sample,
    end_status,
    loss_unit,
    metrics_summary,
    run_facts,
    run_name,
    run_subtitle,
    sampling_summary,
    start_date,
)
from babytrain.tui.terminal.safe_text import safe_line

_INNER = PAGE_WIDTH - 2 * PAGE_MARGIN
_TITLE_BOTTOM = 790.0
_FOOT = PAGE_HEIGHT - PAGE_MARGIN
_HEADING = 70.0  # a section's name and the space below it
_BETWEEN = 120.0
_RECEIPT_WIDTH = 820.0


def draw_poster(
    snapshot: RunSnapshot, provenance: Mapping[str, Any] | None = None, sample: Sample | None = None
) -> str:
    """The poster as an SVG document, A3 portrait.

    `provenance` is that table of `run.toml`; `sample` replaces the best one.
    """
    provenance = provenance or {}
    chosen, bill = sample or best_sample(snapshot), bill_amounts(snapshot)
    letters = snapshot.letters[-1] if snapshot.letters and letter_tile_count(snapshot.letters[-1]) else None
    bottom_height = max(560.0, receipt_height(bill, _RECEIPT_WIDTH) + 30)
    bottom = PageBox(PAGE_MARGIN, _FOOT - 110 - bottom_height, _INNER, bottom_height)
    above = bottom.y - _BETWEEN
    parts = [_title(snapshot)]
    if letters is not None:
        _, rows = tile_grid(letter_tile_count(letters))
        board = PageBox(PAGE_MARGIN, above - 190 * rows, _INNER, 190.0 * rows)
        parts += [_heading("letters it guesses", [_letters_remark(snapshot)], board.y), draw_letters(letters, board)]
        above = board.y - _HEADING - _BETWEEN
    if chosen is not None:
        setting = typeset_sample(chosen, _INNER, 0.34 * (above - _TITLE_BOTTOM))
        top = above - setting.height
        name = f"what it wrote at step {format_count(chosen.step)}"
        parts += [_heading(name, _sample_remarks(snapshot, chosen), top), setting.draw(PAGE_MARGIN, top)]
        above = top - _HEADING - _BETWEEN
    curve = PageBox(PAGE_MARGIN, _TITLE_BOTTOM + _HEADING + 60, _INNER, above - _TITLE_BOTTOM - _HEADING - 60)
    axes = f"loss in nats per {loss_unit(snapshot)}, in training and on text it never saw; steps by their square root"
    parts += [
        _heading("learning", [axes], curve.y),
        draw_curve(snapshot, curve),
        _bottom(snapshot, provenance, bill, bottom),
        _provenance_line(snapshot),
    ]
    return _document(join_markup(*parts), f"babytrain: {run_name(snapshot)}")


def _document(content: Markup, title: str) -> str:
    paper = svg_element("rect", x=0, y=0, width=PAGE_WIDTH, height=PAGE_HEIGHT, fill=PAPER)
    named = Markup(f"<title>{escaped_text(title)}</title>")
    return svg_element(
        "svg",
        named,
        paper,
        content,
        xmlns="http://www.w3.org/2000/svg",
        width="297mm",
        height="420mm",
        viewBox=f"0 0 {PAGE_WIDTH:g} {PAGE_HEIGHT:g}",
        role="img",
    )


def _title(snapshot: RunSnapshot) -> Markup:
    name = safe_line(run_name(snapshot))
    subtitle = shorten_to_width(safe_line(run_subtitle(snapshot)), _INNER, 58)
    parts = [
        draw_label("babytrain", PAGE_MARGIN, PAGE_MARGIN + 30),
        draw_label(start_date(snapshot), PAGE_WIDTH - PAGE_MARGIN, PAGE_MARGIN + 30, anchor="end"),
        _rule(PAGE_MARGIN + 66, 5),
        *_name(name),
        draw_text(subtitle, PAGE_MARGIN, 755, 58, SERIF, font_style="italic"),
    ]
    if end := end_status(snapshot):
        shown = shorten_to_width(safe_line(end), _INNER * 0.6, 36)
        parts.append(draw_text(shown, PAGE_WIDTH / 2, PAGE_MARGIN + 30, 36, fill=ACCENT, anchor="middle"))
    return join_markup(*parts)


def _name(name: str) -> list[Markup]:
    """The name on one line, or on two when it would be too small."""
    size = fitting_size(name, _INNER, 330.0, 0.0)
    lines = [name]
    if size < 190:
        size = 148.0
        lines = wrap_to_width(name, _INNER, size, 2)
    below = 590 if size > 190 else 640
    return [
        draw_text(words, PAGE_MARGIN - size * 0.03, below - size * 1.12 * (len(lines) - 1 - row), size, SERIF, fill=INK)
        for row, words in enumerate(lines)
    ]


def _heading(name: str, remarks: Sequence[str], y: float) -> Markup:
    """A section's name at the left and as many remarks as fit at the right, above `y`."""
    said, size = [safe_line(remark) for remark in remarks], NOTE_SIZE - 3
    room = _INNER - text_width(name.upper(), LABEL_SIZE) - LABEL_SPACING * len(name) - COLUMN_GAP
    while len(said) > 1 and text_width(", ".join(said), size) > room:
        said.pop()
    shown = shorten_to_width(", ".join(said), room, size)
    return join_markup(
        draw_label(name, PAGE_MARGIN, y - _HEADING + 18),
        draw_text(shown, PAGE_WIDTH - PAGE_MARGIN, y - _HEADING + 18, size, anchor="end"),
    )


def _sample_remarks(snapshot: RunSnapshot, sample: Sample) -> list[str]:
    """Text metrics, prompt and sampling settings, the least important last."""
    given = shown_prompt(sample)
    prompt = [f"prompt {given!r}"] if given.strip() else []
    if sample.prompt and not given:
        prompt = [f"after a prompt of {format_count(len(sample.prompt))} characters"]
    return [*metrics_summary(sample, snapshot.text_metrics_of(sample)), *prompt, *sampling_summary(sample).split(", ")]


def _letters_remark(snapshot: RunSnapshot) -> str:
    newest = snapshot.letters[-1]
    words = "recall of each, in percent, in text it never saw"
    if newest.tracked_letter and newest.tracked_letter_recall is not None:
        words += f"; its {newest.tracked_letter}: {format_percent(100 * newest.tracked_letter_recall)}"
    if math.isfinite(newest.accuracy):
        words += f"; accuracy over all: {format_percent(100 * newest.accuracy)}"
    return words


def _bottom(snapshot: RunSnapshot, provenance: Mapping[str, Any], bill: BillAmounts, box: PageBox) -> Markup:
    slip = PageBox(box.right - _RECEIPT_WIDTH, box.y, _RECEIPT_WIDTH, box.height)
    facts = PageBox(box.x, box.y, box.width - _RECEIPT_WIDTH - 1.6 * COLUMN_GAP, box.height)
    shown = run_facts(snapshot, provenance)
    # The accuracy is shown above the letters as well.
    if any(fact.label == FINAL_EVALUATION_LABEL for fact in shown):
        shown = [fact for fact in shown if fact.label != ACCURACY_LABEL]
    tilt = f"rotate(1.4 {format_length(slip.right)} {format_length(slip.y)})"
    receipt = svg_element("g", draw_receipt(bill, start_date(snapshot), slip), transform=tilt)
    return join_markup(draw_figures(shown, facts), receipt)


def _provenance_line(snapshot: RunSnapshot) -> Markup:
    started = snapshot.started
    if started is None:
        return join_markup()
    words = f"run {started.run_id}, text sha256 {started.corpus.sha256[:12]}, babytrain {started.program_version}"
    shown = shorten_to_width(safe_line(words), _INNER, 28)
    return join_markup(_rule(_FOOT - 48, 2), draw_text(shown, PAGE_MARGIN, _FOOT, 28))


def _rule(y: float, width: float) -> Markup:
    return draw_line((PAGE_MARGIN, y), (PAGE_WIDTH - PAGE_MARGIN, y), width)


_PAGE_STYLE = """
html{background:#cfc8bb}body{margin:0;padding:4vmin;display:flex;justify-content:center}
svg{width:min(92vw,calc(92vh*297/420));height:auto;box-shadow:0 2vmin 5vmin rgba(40,30,20,.35)}
@media(orientation:portrait){svg{width:92vw}}
@media(prefers-color-scheme:dark){html{background:#26231f}}
@page{size:A3 portrait;margin:0}
@media print{html{background:none}body{padding:0;display:block}svg{width:297mm;height:420mm;box-shadow:none}}
"""


def poster_html(svg: str, name: str) -> str:
    """A self-contained HTML file with the poster `svg`."""
    return html_page(name, svg, style=_PAGE_STYLE, head=GENERATOR_META)
