"""The electricity bill, as the till prints it."""

from __future__ import annotations

from babytrain.runs.bill import BillFacts
from babytrain.tui.bill_words import MADE_UP
from babytrain.tui.poster.markup import Markup, element, joined, path, text
from babytrain.tui.poster.measure import MONO_WIDTH, shortened, wrapped
from babytrain.tui.poster.style import CARD, HAIR, INK, MONO, SOFT, Box
from babytrain.tui.widgets.units import format_seconds

NOT_MEASURED = "not measured"
_SIGNS = {"EUR": "€", "USD": "$", "GBP": "£", "INR": "₹", "JPY": "¥", "CNY": "¥", "KRW": "₩", "UAH": "₴", "TRY": "₺"}
_PAD, _TOOTH = 48.0, 26.0
_SIZE, _LEADING = 33.0, 1.62


def money_words(money: float, currency: str) -> str:
    """An amount at the digits it needs: `€0.004`, `$12.30`, `SEK 0.05`."""
    digits = 2 if abs(money) >= 1 or money == 0 else 3 if abs(money) >= 0.001 else 6
    sign = _SIGNS.get(currency.upper())
    return f"{sign}{money:.{digits}f}" if sign else f"{currency} {money:.{digits}f}".strip()


def kwh_words(kwh: float) -> str:
    """An energy at three significant digits: `0.012 kWh`, `1.4 Wh`."""
    return f"{kwh:.3g} kWh" if kwh >= 0.001 else f"{kwh * 1000:.3g} Wh"


def bill_sentence(bill: BillFacts) -> str:
    """The bill in one line: `it cost 0.012 kWh, €0.004, 0.1 kettles`."""
    if bill.kwh is None:
        return f"its electricity was {NOT_MEASURED}"
    if bill.made_up:
        return f"its electricity is {MADE_UP}"
    parts = [kwh_words(bill.kwh)]
    if bill.money is not None:
        parts.append(money_words(bill.money, bill.currency))
    if bill.units is not None:
        parts.append(f"{bill.units.kettles:.2g} kettles")
    return "it cost " + ", ".join(parts)


def bill_rows(bill: BillFacts) -> list[tuple[str, str]]:
    """The lines of the bill above its total."""
    if bill.kwh is None:
        return []
    rows = [("electricity", kwh_words(bill.kwh))]
    if bill.idle_joules > 0:
        rows.append(("idle, not billed", kwh_words(bill.idle_joules / 3.6e6)))
    if bill.co2_grams is not None:
        rows.append(("CO2", f"{bill.co2_grams:.3g} g"))
    if bill.units is not None:
        rows.append(("kettles boiled", f"{bill.units.kettles:.2g}"))
        if bill.units.watt_hours_per_million_tokens is not None:
            rows.append(("a million tokens", f"{bill.units.watt_hours_per_million_tokens:.3g} Wh"))
    if bill.unmeasured_seconds >= 1:
        rows.append(("unmeasured", format_seconds(bill.unmeasured_seconds)))
    how = ", ".join(dict.fromkeys(f"{source.name} ({source.quality})" for source in bill.counted))
    return [*rows, *([("meter", how)] if how else [])]


def total_of(bill: BillFacts) -> str:
    """What stands at the bottom: money, energy where there is no price, or that it was not measured or is made up."""
    if bill.kwh is None:
        return NOT_MEASURED
    if bill.made_up:
        return MADE_UP
    return kwh_words(bill.kwh) if bill.money is None else money_words(bill.money, bill.currency)


def receipt_height(bill: BillFacts, width: float) -> float:
    """How tall the slip is."""
    rows = len(bill_rows(bill)) + 3.3 + (0.75 * len(_reason(bill, width - 2 * _PAD)) if bill.kwh is None else 0.0)
    return 2 * _PAD + _SIZE * _LEADING * rows


def draw_receipt(bill: BillFacts, day: str, box: Box) -> Markup:
    """The slip at the top of `box`, as wide as it is; torn off at the bottom."""
    height = receipt_height(bill, box.width)
    left, right, y = box.x + _PAD, box.right - _PAD, box.y + _PAD + _SIZE
    step = _SIZE * _LEADING
    parts = [
        _slip(Box(box.x, box.y, box.width, height)),
        _mono("ELECTRICITY", left, y, _SIZE, weight="bold"),
        _mono(day, right, y, _SIZE * 0.78, anchor="end", fill=SOFT),
        _rule(left, right, y + step * 0.5),
    ]
    y += step * 1.45
    for name, value in bill_rows(bill):
        parts.append(_row(name, value, left, right, y))
        y += step
    if bill.kwh is not None:
        parts.append(_rule(left, right, y - step * 0.45))
        y += step * 0.6
    total = total_of(bill)
    room = right - left - (MONO_WIDTH * 7 * _SIZE if bill.kwh is not None else 0)
    size = min(76.0, room / max(1, len(total)) / MONO_WIDTH)
    if bill.kwh is None:
        parts.append(_mono(total, left, y + size * 0.4, min(size, 52.0), weight="bold"))
        y += size * 0.4 + step
        for row, words in enumerate(_reason(bill, right - left)):
            parts.append(_mono(words, left, y + row * step * 0.75, _SIZE * 0.75, fill=SOFT))
    else:
        parts.append(_mono("total", left, y + size * 0.2, _SIZE))
        parts.append(_mono(total, right, y + size * 0.2, size, anchor="end", weight="bold"))
    return joined(*parts)


def _reason(bill: BillFacts, width: float) -> list[str]:
    """Why nothing was measured, in as many lines as it takes; three at most."""
    # `wrapped` measures book faces, in which a letter takes 0.54 of its size on average.
    return wrapped(bill.why_not, width * 0.54 / MONO_WIDTH / 1.1, _SIZE * 0.75, 3)


def _slip(box: Box) -> Markup:
    count = max(1, round(box.width / (2 * _TOOTH)))
    half = box.width / count / 2
    teeth = []
    for tooth in range(count):
        x = box.right - 2 * half * tooth
        teeth += [(x, box.bottom), (x - half, box.bottom + _TOOTH)]
    outline = [(box.x, box.y), (box.right, box.y), *teeth, (box.x, box.bottom)]
    shadow = [(x + 7, y + 9) for x, y in outline]
    return joined(
        element("path", d=path(shadow, closed=True), fill=HAIR, fill_opacity=0.7),
        element("path", d=path(outline, closed=True), fill=CARD, stroke=HAIR, stroke_width=2),
    )


def _row(name: str, value: str, left: float, right: float, y: float) -> Markup:
    room = (right - left) / (MONO_WIDTH * _SIZE) - len(name) - 4
    shown = shortened(value, max(6.0, room) * 0.54, 1.0) if len(value) > room else value
    start = left + (len(name) + 1) * MONO_WIDTH * _SIZE
    end = right - (len(shown) + 1) * MONO_WIDTH * _SIZE
    dots = element("line", x1=start, x2=end, y1=y - 4, y2=y - 4, stroke=SOFT, stroke_width=3,
                   stroke_dasharray="0.1 14", stroke_linecap="round")  # fmt: skip
    return joined(
        _mono(name, left, y, _SIZE),
        *([dots] if end > start else []),
        _mono(shown, right, y, _SIZE, anchor="end"),
    )


def _rule(left: float, right: float, y: float) -> Markup:
    return element("line", x1=left, x2=right, y1=y, y2=y, stroke=INK, stroke_width=3, stroke_dasharray="12 10")


def _mono(words: str, x: float, y: float, size: float, *, fill: str = INK, anchor: str | None = None,
          weight: str | None = None) -> Markup:  # fmt: skip
    return text(x, y, words, font_family=MONO, font_size=size, fill=fill, text_anchor=anchor, font_weight=weight)
