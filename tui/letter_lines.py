"""What the letter board says in words: how the model stands, and everything known of one symbol. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content

from babytrain.runs.events import Letters
from babytrain.tui.charset import CharsetName
from babytrain.tui.glyphs import GLYPHS
from babytrain.tui.letter_facts import (
    LetterFact,
    change_words,
    favourite_history,
    favourite_words,
    history_words,
    known_share,
    precision_history,
    recall_history,
    recall_style,
    stands_in_for,
    symbol_label,
    taken_for,
)
from babytrain.tui.widgets.canvas import CHARSETS
from babytrain.tui.widgets.sparkline import spark
from babytrain.tui.widgets.units import format_percent

_DIM = "$foreground 60%"
MOST_STATIONS = 24


def accuracy_line(evaluations: Sequence[Letters], at: int, width: int, charset: CharsetName) -> Content:
    """How many of all tokens the model expects, and how that came about."""
    now = known_share(evaluations[at].accuracy)
    before = known_share(evaluations[at - 1].accuracy) if at else None
    change = "" if now is None or before is None else _arrow(now - before, charset)
    tokens = "tokens" if evaluations[at].tokens else "letters"
    parts: list[Content | str | tuple[str, str]] = [
        (f" {_percent(now)}", f"bold {recall_style(now)}"),
        (f"{change} of all {tokens} seen coming", _DIM),
    ]
    history = [known_share(event.accuracy) for event in evaluations[: at + 1]]
    room = width - Content.assemble(*parts).cell_length - 3
    if len(history) > 1 and room >= 4:
        parts.append((f"  {spark(history, min(room, len(history), MOST_STATIONS), 0, 1, charset)}", recall_style(now)))
    return Content.assemble(*parts).truncate(width)


def favourite_line(evaluations: Sequence[Letters], at: int, charset: CharsetName) -> Content:
    """The favourite letter: its way so far and a kind word. Empty where there is none."""
    now = evaluations[at]
    if not now.favourite:
        return Content()
    glyphs = GLYPHS[charset]
    way = history_words(favourite_history(evaluations[: at + 1]), glyphs)
    letter = symbol_label(now.favourite, charset)
    return Content.assemble(
        (f"{glyphs.best} {letter}", "bold $warning"),
        (f": {way}  " if way else "  ", "bold"),
        (favourite_words(now, charset), "italic"),
    )


def detail_lines(
    evaluations: Sequence[Letters], at: int, fact: LetterFact | None, charset: CharsetName, *, token: bool = False
) -> list[Content]:
    """What is known of the symbol under the cursor, the most important first; each line to be wrapped or cut."""
    if fact is None:
        return []
    glyphs, signs = GLYPHS[charset], CHARSETS[charset]
    style = recall_style(fact.recall)
    change = change_words(fact.change, signs.up, signs.down)
    dot = (f" {glyphs.dot} ", _DIM)
    first: list[Content | str | tuple[str, str]] = [
        (symbol_label(fact.symbol, charset), f"bold reverse {style}"),
        ("  recall ", _DIM),
        (_percent(fact.recall), f"bold {style}"),
        (f" {change}" if change else "", _DIM),
    ]
    if not token:
        first += [dot, ("precision ", _DIM), _percent(fact.precision)]
    first += [dot, (f"{_percent(fact.share)} of the text", _DIM)]
    lines = [Content.assemble(*first)]
    now = evaluations[at]
    if not token:
        lines += _confusions(now, fact.symbol, charset)
    past = evaluations[: at + 1]
    if len(past) > 1:
        history = _history("recall", recall_history(past, fact.symbol, tokens=token), style, charset)
        if not token:
            history += [("   ", ""), *_history("precision", precision_history(past, fact.symbol), _DIM, charset)]
        lines.append(Content.assemble(*history))
    return lines


def _confusions(letters: Letters, symbol: str, charset: CharsetName) -> list[Content]:
    """What it is taken for and what it stands in for, in one line or none."""
    parts: list[Content | str | tuple[str, str]] = []
    for words, pairs in (("taken for", taken_for(letters, symbol)), ("stands in for", stands_in_for(letters, symbol))):
        if pairs:
            parts += [("   " if parts else "", ""), (f"{words} ", _DIM), _pairs(pairs, charset)]
    return [Content.assemble(*parts)] if parts else []


def _pairs(pairs: Sequence[tuple[str, float]], charset: CharsetName) -> Content:
    """`a 3%, i 2%`."""
    return Content(", ").join(
        Content.assemble((symbol_label(symbol, charset), "bold"), (f" {_percent(share)}", ""))
        for symbol, share in pairs
    )


def _history(name: str, values: Sequence[float | None], style: str, charset: CharsetName) -> list[tuple[str, str]]:
    columns = min(len(values), MOST_STATIONS)
    known = [value for value in values if value is not None]
    ends = f" {_percent(known[0])} {GLYPHS[charset].arrow} {_percent(known[-1])}" if known else ""
    return [(f"{name} ", _DIM), (spark(list(values), columns, 0, 1, charset), style), (ends, "")]


def _arrow(change: float, charset: CharsetName) -> str:
    words = change_words(change, CHARSETS[charset].up, CHARSETS[charset].down)
    return f" {words}" if words else ""


def _percent(share: float | None) -> str:
    return format_percent(None if share is None else 100 * share)
