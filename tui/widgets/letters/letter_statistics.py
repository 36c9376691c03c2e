"""The statistics of each symbol on the letter board, as numbers and as lines of text.

Journals may be damaged or forged: tuples of different lengths are read up to the shortest, shares that are not finite
count as unknown, and of a duplicate symbol the first counts.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size
from textual.content import Content

from babytrain.runs.events import Letters
from babytrain.runs.formatting import format_percent
from babytrain.tui.charts.canvas import CHART_CHARSETS
from babytrain.tui.charts.sparkline import sparkline
from babytrain.tui.terminal.charset import CharsetName, fold_to_charset
from babytrain.tui.terminal.glyphs import GLYPHS, Glyphs
from babytrain.tui.terminal.safe_text import safe_line
from babytrain.tui.widgets.common.line_widget import DIM

# Labels of invisible symbols: the usual one, and one for terminals without that character.
_INVISIBLE_SYMBOL_LABELS = {" ": ("␣", "sp"), "⏎": ("⏎", "nl")}


@dataclass(frozen=True)
class LetterScore:
    """One symbol at one evaluation. Shares are between 0 and 1, None if unknown; `change` is of the recall since the
    evaluation before."""

    symbol: str  # untrusted text: shown by `symbol_label`
    share: float | None
    recall: float | None
    precision: float | None = None
    change: float | None = None


def letter_scores(evaluations: Sequence[Letters], at: int) -> tuple[LetterScore, ...]:
    """The symbols at evaluation number `at`, most common first."""
    now = evaluations[at]
    before = _by_symbol(evaluations[at - 1].symbols, evaluations[at - 1].recalls) if at > 0 else {}
    return _scores(now.symbols, now.shares, now.recalls, now.precisions, before)


def token_scores(evaluations: Sequence[Letters], at: int) -> tuple[LetterScore, ...]:
    """The most common tokens at evaluation number `at`; empty where tokens are letters."""
    now = evaluations[at]
    before = _by_symbol(evaluations[at - 1].tokens, evaluations[at - 1].token_recalls) if at > 0 else {}
    return _scores(now.tokens, now.token_shares, now.token_recalls, (), before)


def _scores(
    symbols: Sequence[str],
    shares: Sequence[float],
    recalls: Sequence[float],
    precisions: Sequence[float | None],
    before: Mapping[str, float | None],
) -> tuple[LetterScore, ...]:
    share, precision = _by_symbol(symbols, shares), _by_symbol(symbols, precisions)
    return tuple(
        LetterScore(symbol, share.get(symbol), recall, precision.get(symbol), _change(before.get(symbol), recall))
        for symbol, recall in _by_symbol(symbols, recalls).items()
    )


def recall_history(evaluations: Sequence[Letters], symbol: str, *, tokens: bool = False) -> list[float | None]:
    """The recall of a symbol (or a token) at each evaluation."""
    if tokens:
        return [_value_of(event.tokens, event.token_recalls, symbol) for event in evaluations]
    return [_value_of(event.symbols, event.recalls, symbol) for event in evaluations]


def precision_history(evaluations: Sequence[Letters], symbol: str) -> list[float | None]:
    """The precision of a symbol at each evaluation."""
    return [_value_of(event.symbols, event.precisions, symbol) for event in evaluations]


def tracked_letter_history(evaluations: Sequence[Letters]) -> list[float | None]:
    """The recall of the newest evaluation's tracked letter at each evaluation."""
    tracked_letter = evaluations[-1].tracked_letter if evaluations else ""
    return [
        known_share(event.tracked_letter_recall)
        if event.tracked_letter == tracked_letter and event.tracked_letter_recall is not None
        else _value_of(event.symbols, event.recalls, tracked_letter)
        for event in evaluations
    ]


def confused_with(letters: Letters, symbol: str) -> list[tuple[str, float]]:
    """What the model predicts in place of a symbol, with the share of its positions, most frequent first."""
    pairs = [(pair.predicted, pair.share) for pair in letters.confusions if pair.truth == symbol]
    return _most_frequent(pairs)


def predicted_instead_of(letters: Letters, symbol: str) -> list[tuple[str, float]]:
    """The symbols in whose place the model predicts `symbol`, with the share of their positions."""
    pairs = [(pair.truth, pair.share) for pair in letters.confusions if pair.predicted == symbol]
    return _most_frequent(pairs)


def _most_frequent(pairs: Sequence[tuple[str, float]]) -> list[tuple[str, float]]:
    known = [(symbol, share) for symbol, value in pairs if (share := known_share(value))]
    return sorted(known, key=lambda pair: -pair[1])[:4]


def known_share(value: float | None) -> float | None:
    """A share between 0 and 1, None for any other value."""
    if value is None or not math.isfinite(value):
        return None
    return min(1.0, max(0.0, value))


def symbol_label(symbol: str, charset: CharsetName = "braille") -> str:
    """A symbol as safe, non-empty text without control characters, in characters the terminal has where possible."""
    if symbol in _INVISIBLE_SYMBOL_LABELS:
        return _INVISIBLE_SYMBOL_LABELS[symbol][0 if charset == "braille" else 1]
    space = "␣" if charset == "braille" else "_"
    begins = len(symbol) > 1 and symbol.startswith(" ")  # as the tokens do that begin a word
    label = safe_line(symbol, 24).strip()
    return fold_to_charset((space if begins or not label else "") + label, charset)


def fit_exactly(text: str, cells: int, ellipsis: str = "") -> str:
    """The text in exactly `cells` columns, padded with blanks; a wide character that does not fit is dropped."""
    if cell_len(text) > cells and ellipsis and cells > 1:
        text = set_cell_size(text, cells - len(ellipsis)).rstrip() + ellipsis
    return set_cell_size(text, max(0, cells))


def percent_digits(share: float | None) -> str:
    """A share as a whole percentage without a sign: `94`; unknown is a dash."""
    return "-" if share is None else f"{100 * share:.0f}"


def change_text(change: float | None, up: str, down: str) -> str:
    """A change of a share in percentage points: `▲3`, `▼1`; empty where it rounds to 0."""
    points = 0 if change is None else round(100 * change)
    return "" if points == 0 else f"{up if points > 0 else down}{abs(points)}"


def recall_style(recall: float | None) -> str:
    """A style from cold to warm."""
    if recall is None:
        return "$foreground 40%"
    for limit, style in ((0.1, "$foreground 50%"), (0.4, "$secondary"), (0.7, "$primary"), (0.9, "$success")):
        if recall < limit:
            return style
    return "$warning"


# Each sentence with the lower of recall and precision of the tracked letter up to which it is used.
_TRACKED_LETTER_SENTENCES = (
    (0.5, "A beginning."),
    (0.75, "More often than not it sees it coming."),
    (0.9, "It is getting a taste for it."),
    (0.94, "One could get used to this."),
    (math.inf, "This goes on the fridge door."),
)
_OFTEN = 0.05  # of recall: below it there is nothing to praise or blame


def tracked_letter_sentence(letters: Letters, charset: CharsetName = "braille") -> str:
    """The comment on the tracked letter."""
    recall = known_share(letters.tracked_letter_recall)
    if not letters.tracked_letter:
        return ""
    letter = symbol_label(letters.tracked_letter, charset)
    if recall is None:
        return f"The letter {letter} does not stand in this text. One can be fond of it all the same."
    if recall < _OFTEN:
        return f"It has not noticed the letter {letter} yet. There is time."
    precision = _tracked_letter_precision(letters)
    if precision is None:
        return f"Of the letters {letter} it finds {recall:.0%} (recall)."
    # A model that says one letter everywhere finds all of them.
    if precision < recall / 2:
        return f"It finds {recall:.0%} of the letters {letter}, by saying it too often: {precision:.0%} are right."
    comment = next(text for limit, text in _TRACKED_LETTER_SENTENCES if min(recall, precision) < limit)
    return f"Letter {letter}: recall {recall:.0%}, precision {precision:.0%}. {comment}"


def _tracked_letter_precision(letters: Letters) -> float | None:
    known = known_share(letters.tracked_letter_precision)
    return known if known is not None else _value_of(letters.symbols, letters.precisions, letters.tracked_letter)


def history_text(values: Sequence[float | None], glyphs: Glyphs, most: int = 6) -> str:
    """A few values of a history, including the first and the last: `0% -> 61% -> 94%`."""
    known = [value for value in values if value is not None]
    if len(known) > most:
        known = [known[round(position * (len(known) - 1) / (most - 1))] for position in range(most)]
    shown: list[str] = []
    for value in known:
        words = f"{100 * value:.0f}%"
        if not shown or words != shown[-1]:
            shown.append(words)
    return f" {glyphs.arrow} ".join(shown)


def _by_symbol(symbols: Sequence[str], values: Sequence[float | None]) -> dict[str, float | None]:
    found: dict[str, float | None] = {}
    for symbol, value in zip(symbols, values, strict=False):
        found.setdefault(symbol, known_share(value))
    return found


def _value_of(symbols: Sequence[str], values: Sequence[float | None], symbol: str) -> float | None:
    position = symbols.index(symbol) if symbol in symbols else len(values)
    return known_share(values[position]) if position < len(values) else None


def _change(before: float | None, now: float | None) -> float | None:
    return None if before is None or now is None else now - before


_MAX_HISTORY_POINTS = 24


def accuracy_line(evaluations: Sequence[Letters], at: int, width: int, charset: CharsetName) -> Content:
    """The accuracy over all tokens, and its history."""
    history = [known_share(event.accuracy) for event in evaluations[: at + 1]]
    signs = CHART_CHARSETS[charset]
    change = change_text(_change(history[-2] if at else None, history[-1]), signs.up, signs.down)
    tokens = "tokens" if evaluations[at].tokens else "letters"
    style = recall_style(history[-1])
    line = Content.assemble(
        (f" {_percent(history[-1])}", f"bold {style}"),
        (f"{f' {change}' if change else ''} accuracy, over all {tokens}", DIM),
    )
    room = width - line.cell_length - 3
    if len(history) > 1 and room >= 4:
        columns = min(room, len(history), _MAX_HISTORY_POINTS)
        line = Content.assemble(line, (f"  {sparkline(history, columns, 0, 1, charset)}", style))
    return line.truncate(width)


def tracked_letter_line(evaluations: Sequence[Letters], at: int, charset: CharsetName) -> Content:
    """The tracked letter: its recall so far and a comment. Empty without one."""
    now = evaluations[at]
    if not now.tracked_letter:
        return Content()
    glyphs = GLYPHS[charset]
    way = history_text(tracked_letter_history(evaluations[: at + 1]), glyphs)
    letter = symbol_label(now.tracked_letter, charset)
    return Content.assemble(
        (f"{glyphs.best} {letter}", "bold $warning"),
        (f": {way}  " if way else "  ", "bold"),
        (tracked_letter_sentence(now, charset), "italic"),
    )


def detail_lines(
    evaluations: Sequence[Letters], at: int, fact: LetterScore | None, charset: CharsetName, *, token: bool = False
) -> list[Content]:
    """What is known of the symbol under the cursor, most important first; each line to be wrapped or cut."""
    if fact is None:
        return []
    glyphs, signs = GLYPHS[charset], CHART_CHARSETS[charset]
    style = recall_style(fact.recall)
    change = change_text(fact.change, signs.up, signs.down)
    dot = (f" {glyphs.dot} ", DIM)
    first: list[Content | str | tuple[str, str]] = [
        (symbol_label(fact.symbol, charset), f"bold reverse {style}"),
        ("  recall ", DIM),
        (_percent(fact.recall), f"bold {style}"),
        (f" {change}" if change else "", DIM),
    ]
    if not token:
        first += [dot, ("precision ", DIM), _percent(fact.precision)]
    first += [dot, (f"{_percent(fact.share)} of the text", DIM)]
    lines = [Content.assemble(*first)]
    now = evaluations[at]
    if not token:
        lines += _confusions(now, fact.symbol, charset)
    past = evaluations[: at + 1]
    if len(past) > 1:
        history = _history("recall", recall_history(past, fact.symbol, tokens=token), style, charset)
        if not token:
            history += [("   ", ""), *_history("precision", precision_history(past, fact.symbol), DIM, charset)]
        lines.append(Content.assemble(*history))
    return lines


def _confusions(letters: Letters, symbol: str, charset: CharsetName) -> list[Content]:
    """The symbols predicted in its place and those in whose place it is predicted, in one line or none."""
    parts: list[Content | str | tuple[str, str]] = []
    for words, pairs in (
        ("predicted instead", confused_with(letters, symbol)),
        ("predicted in place of", predicted_instead_of(letters, symbol)),
    ):
        if pairs:
            parts += [("   " if parts else "", ""), (f"{words} ", DIM), _pairs(pairs, charset)]
    return [Content.assemble(*parts)] if parts else []


def _pairs(pairs: Sequence[tuple[str, float]], charset: CharsetName) -> Content:
    """`a 3%, i 2%`."""
    return Content(", ").join(
        Content.assemble((symbol_label(symbol, charset), "bold"), (f" {_percent(share)}", ""))
        for symbol, share in pairs
    )


def _history(name: str, values: Sequence[float | None], style: str, charset: CharsetName) -> list[tuple[str, str]]:
    columns = min(len(values), _MAX_HISTORY_POINTS)
    known = [value for value in values if value is not None]
    ends = f" {_percent(known[0])} {GLYPHS[charset].arrow} {_percent(known[-1])}" if known else ""
    return [(f"{name} ", DIM), (sparkline(list(values), columns, 0, 1, charset), style), (ends, "")]


def _percent(share: float | None) -> str:
    return format_percent(None if share is None else 100 * share)
