"""The electricity bill, drawn as a receipt."""

from __future__ import annotations

from babytrain.runs.energy.bill import BillAmounts
from babytrain.tui.export.markup import Markup, join_markup, path_data, svg_element
from babytrain.tui.export.poster.typography import (
    HAIRLINE,
    INK,
    MONO,
    MONO_WIDTH,
    RECEIPT_PAPER,
    SOFT_INK,
    PageBox,
    draw_line,
    draw_text,
    shorten_to_width,
    wrap_to_width,
)
from babytrain.tui.export.run_facts import bill_rows, bill_total

_PAD, _TOOTH = 48.0, 26.0
_SIZE, _LEADING = 33.0, 1.62


def receipt_height(bill: BillAmounts, width: float) -> float:
    """The height of the receipt."""
    rows = len(bill_rows(bill)) + 3.3 + (0.75 * len(_reason_lines(bill, width - 2 * _PAD)) if bill.kwh is None else 0.0)
    return 2 * _PAD + _SIZE * _LEADING * rows


def draw_receipt(bill: BillAmounts, day: str, box: PageBox) -> Markup:
    """The receipt at the top of `box`, as wide as the box."""
    height = receipt_height(bill, box.width)
    left, right, y = box.x + _PAD, box.right - _PAD, box.y + _PAD + _SIZE
    step = _SIZE * _LEADING
    parts = [
        _receipt_paper(PageBox(box.x, box.y, box.width, height)),
        _mono("ELECTRICITY", left, y, _SIZE, font_weight="bold"),
        _mono(day, right, y, _SIZE * 0.78, anchor="end", fill=SOFT_INK),
        _rule(left, right, y + step * 0.5),
    ]
    y += step * 1.45
    for name, value in bill_rows(bill):
        parts.append(_row(name, value, left, right, y))
        y += step
    if bill.kwh is not None:
        parts.append(_rule(left, right, y - step * 0.45))
        y += step * 0.6
    total = bill_total(bill)
    room = right - left - (MONO_WIDTH * 7 * _SIZE if bill.kwh is not None else 0)
    size = min(76.0, room / max(1, len(total)) / MONO_WIDTH)
    if bill.kwh is None:
        parts.append(_mono(total, left, y + size * 0.4, min(size, 52.0), font_weight="bold"))
        y += size * 0.4 + step
        for row, words in enumerate(_reason_lines(bill, right - left)):
            parts.append(_mono(words, left, y + row * step * 0.75, _SIZE * 0.75, fill=SOFT_INK))
    else:
        parts.append(_mono("total", left, y + size * 0.2, _SIZE))
        parts.append(_mono(total, right, y + size * 0.2, size, anchor="end", font_weight="bold"))
    return join_markup(*parts)


def _reason_lines(bill: BillAmounts, width: float) -> list[str]:
    """Why nothing was measured, in at most three lines."""
    # `wrap_to_width` assumes a proportional font with an average width of 0.54 em.
    return wrap_to_width(bill.missing_reason, width * 0.54 / MONO_WIDTH / 1.1, _SIZE * 0.75, 3)


def _receipt_paper(box: PageBox) -> Markup:
    count = max(1, round(box.width / (2 * _TOOTH)))
    half = box.width / count / 2
    teeth = []
    for tooth in range(count):
        x = box.right - 2 * half * tooth
        teeth += [(x, box.bottom), (x - half, box.bottom + _TOOTH)]
    outline = [(box.x, box.y), (box.right, box.y), *teeth, (box.x, box.bottom)]
    shadow = [(x + 7, y + 9) for x, y in outline]
    return join_markup(
        svg_element("path", d=path_data(shadow, closed=True), fill=HAIRLINE, fill_opacity=0.7),
        svg_element("path", d=path_data(outline, closed=True), fill=RECEIPT_PAPER, stroke=HAIRLINE, stroke_width=2),
    )


def _row(name: str, value: str, left: float, right: float, y: float) -> Markup:
    room = (right - left) / (MONO_WIDTH * _SIZE) - len(name) - 4
    shown = shorten_to_width(value, max(6.0, room) * 0.54, 1.0) if len(value) > room else value
    start = left + (len(name) + 1) * MONO_WIDTH * _SIZE
    end = right - (len(shown) + 1) * MONO_WIDTH * _SIZE
    dotted = {"stroke_dasharray": "0.1 14", "stroke_linecap": "round"}
    dots = draw_line((start, y - 4), (end, y - 4), 3, SOFT_INK, **dotted)
    return join_markup(
        _mono(name, left, y, _SIZE), *([dots] if end > start else []), _mono(shown, right, y, _SIZE, anchor="end")
    )


def _rule(left: float, right: float, y: float) -> Markup:
    return draw_line((left, y), (right, y), 3, stroke_dasharray="12 10")


def _mono(words: str, x: float, y: float, size: float, *, fill: str = INK, **attributes: str) -> Markup:
    return draw_text(words, x, y, size, MONO, fill=fill, **attributes)
