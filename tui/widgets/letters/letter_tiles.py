"""The letter board as lines of styled text: a keyboard of tiles, or a bar for each symbol."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from rich.cells import cell_len
from textual.content import Content

from babytrain.runs.formatting import format_percent
from babytrain.tui.charts.canvas import CHART_CHARSETS
from babytrain.tui.charts.sparkline import BAR_LEVELS
from babytrain.tui.terminal.charset import CharsetName
from babytrain.tui.terminal.glyphs import GLYPHS
from babytrain.tui.widgets.letters.keyboard_layout import KEYS_PER_ROW, KeyboardKey, KeyboardRow
from babytrain.tui.widgets.letters.letter_statistics import (
    LetterScore,
    change_text,
    fit_exactly,
    percent_digits,
    recall_style,
    symbol_label,
)

TilePart: TypeAlias = tuple[str, str]

TILE_GAP = 1
NARROWEST_TILE, WIDEST_TILE = 3, 14
_ROOMY = 6  # columns from which a tile has room for words beside its symbol
_TALL = 8  # columns from which a tile may have a fourth line
_EIGHTHS = " ▏▎▍▌▋▊▉"
_GROUND, _HERE, _TRACK = "on $surface", "on $primary 30%", "on $panel"
_WIDEST_BAR = 72


@dataclass(frozen=True)
class SymbolPosition:
    """Where a symbol is drawn, in columns and lines of the board."""

    symbol: str
    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True)
class BoardDrawing:
    """Finished lines, and the position of each symbol."""

    lines: tuple[Content, ...]
    positions: tuple[SymbolPosition, ...]

    def at(self, x: int, y: int) -> str | None:
        """The symbol at a column and a line."""
        return next(
            (
                position.symbol
                for position in self.positions
                if position.x <= x < position.x + position.width and position.y <= y < position.y + position.height
            ),
            None,
        )

    def position_of(self, symbol: str) -> SymbolPosition | None:
        """Where a symbol is drawn."""
        return next((position for position in self.positions if position.symbol == symbol), None)


@dataclass(frozen=True)
class BoardStyle:
    """How the board is drawn: charset, symbol under the cursor, tracked letter."""

    charset: CharsetName
    selected: str = ""
    tracked_letter: str = ""

    def star(self, symbol: str) -> str:
        """The sign of the tracked letter, empty for others."""
        return GLYPHS[self.charset].best if symbol and symbol == self.tracked_letter else ""


def key_board(
    facts: Sequence[LetterScore], rows: Sequence[KeyboardRow], width: int, height: int, board_style: BoardStyle
) -> BoardDrawing:
    """The keyboard for `width` columns, in `height` lines if possible."""
    if width < KEYS_PER_ROW * (NARROWEST_TILE + TILE_GAP) - TILE_GAP:
        return bar_board(facts, width, board_style)
    tile = min(WIDEST_TILE, (width + TILE_GAP) // KEYS_PER_ROW - TILE_GAP)
    tall, gap = _tile_height(len(rows), tile, height)
    margin = (width - KEYS_PER_ROW * (tile + TILE_GAP) + TILE_GAP) // 2
    by_symbol = {score.symbol: score for score in facts}
    spare = height - len(rows) * (tall + gap) + gap
    lines = [Content(" " * width) for _ in range(max(0, spare // 2))]
    positions: list[SymbolPosition] = []
    for number, row in enumerate(rows):
        if number and gap:
            lines.append(Content(" " * width))
        drawn = [_tile_position(key, margin, len(lines), tile, tall) for key in row]
        lines += _key_lines(row, drawn, by_symbol, width, tall, board_style)
        positions += [position for key, position in zip(row, drawn, strict=True) if key.present]
    return BoardDrawing(tuple(lines), tuple(positions))


def bar_board(
    facts: Sequence[LetterScore], width: int, board_style: BoardStyle, *, longest_label: int = 8
) -> BoardDrawing:
    """A line for each symbol, most common first."""
    labels = [symbol_label(score.symbol, board_style.charset) for score in facts]
    name = min(longest_label, max((cell_len(label) for label in labels), default=1), max(1, width // 3))
    precise = any(score.precision is not None for score in facts)
    lines = [_bar_heading(name, width, wants_precision=precise)]
    for score, label in zip(facts, labels, strict=True):
        lines.append(_bar_line(score, label, name, width, board_style, wants_precision=precise))
    positions = [SymbolPosition(score.symbol, 0, number + 1, width, 1) for number, score in enumerate(facts)]
    return BoardDrawing(tuple(lines), tuple(positions))


def recall_bar(share: float | None, width: int, charset: CharsetName) -> str:
    """A bar of exactly `width` columns, filled in proportion to the share."""
    known = 0.0 if share is None else min(1.0, max(0.0, share))
    if charset == "braille":
        eighths = round(known * width * 8)
        full, rest = divmod(eighths, 8)
        return fit_exactly("█" * full + (_EIGHTHS[rest] if rest else ""), width)
    full = round(known * width)
    sign, track = ("█", "░") if charset == "blocks" else ("#", ".")
    return sign * full + track * (width - full)


def _tile_height(rows: int, tile: int, height: int) -> tuple[int, int]:
    """Lines per tile and between tiles: the most generous that fits, the least generous if none does."""
    if tile < _ROOMY:
        return 2, 0
    generous = [(4, 1), (4, 0)] if tile >= _TALL else []
    for tall, gap in (*generous, (3, 1), (3, 0), (2, 0)):
        if rows * (tall + gap) - gap <= height:
            return tall, gap
    return (3, 0) if height >= 12 else (2, 0)


def _tile_position(key: KeyboardKey, margin: int, top: int, tile: int, tall: int) -> SymbolPosition:
    left = margin + int(key.left * (tile + TILE_GAP))
    return SymbolPosition(key.symbol, left, top, int(key.width * (tile + TILE_GAP)) - TILE_GAP, tall)


def _key_lines(
    row: KeyboardRow,
    positions: Sequence[SymbolPosition],
    facts: Mapping[str, LetterScore],
    width: int,
    tall: int,
    board_style: BoardStyle,
) -> list[Content]:
    tiles = [
        _tile(facts[key.symbol], position.width, tall, board_style)
        if key.present and key.symbol in facts
        else [[(fit_exactly(f" {key.symbol}", position.width), "$foreground 20%")]]
        + [[(" " * position.width, "")]] * (tall - 1)
        for key, position in zip(row, positions, strict=True)
    ]
    lines = []
    for number in range(tall):
        pieces: list[TilePart] = []
        column = 0
        for position, tile in zip(positions, tiles, strict=True):
            pieces += [(" " * (position.x - column), ""), *tile[number]]
            column = position.x + position.width
        pieces.append((" " * max(0, width - column), ""))
        lines.append(Content.assemble(*(piece for piece in pieces if piece[0])))
    return lines


def _tile(score: LetterScore, width: int, tall: int, board_style: BoardStyle) -> list[list[TilePart]]:
    """`tall` lines of exactly `width` columns."""
    selected = score.symbol == board_style.selected
    ground = _HERE if selected else _GROUND
    style = recall_style(score.recall)
    signs = CHART_CHARSETS[board_style.charset]
    label = symbol_label(score.symbol, board_style.charset)
    shown = percent_digits(score.recall)
    if width < _ROOMY:
        label = label if cell_len(label) <= width else label.removeprefix("\\x")  # the digits of a byte suffice
        level = BAR_LEVELS[board_style.charset][min(7, int((score.recall or 0.0) * 8))]
        head = fit_exactly(f"[{label}]" if selected else f"{label} {level}" if cell_len(label) == 1 else label, width)
        return [[(head, f"bold {style} {ground}")], [(fit_exactly(shown.rjust(width), width), f"{style} {ground}")]]
    star = board_style.star(score.symbol)
    change = change_text(score.change, signs.up, signs.down)
    changed = "$success" if (score.change or 0) > 0 else "$error"
    bar = [(recall_bar(score.recall, width, board_style.charset), f"{style} {_TRACK}")]
    name = f"[{label}]" if selected else f" {label}"
    if tall == 2:
        room = width - len(shown) - 1
        return [[(fit_exactly(name + star, room), f"bold {style} {ground}"), (f"{shown} ", f"{style} {ground}")], bar]
    room = width - cell_len(change) - 1
    if cell_len(name + star) >= room and change:
        change, room = "", width
    first = [(fit_exactly(name + star, room), f"bold {style} {ground}")]
    if room < width:
        first.append((f"{change} ", f"{changed} {ground}"))
    figures = [(fit_exactly(f" {shown}%", width), f"{style} {ground}")]
    if tall == 3:
        return [first, figures, bar]
    share = fit_exactly(f" {format_percent(None if score.share is None else 100 * score.share)}", width)
    return [first, figures, [(share, f"$foreground 45% {ground}")], bar]


def _columns(name: int, width: int, *, wants_precision: bool) -> tuple[int, bool, bool]:
    """Columns for the bar, and whether there is room for the share and for the precision."""
    rest = width - name - 12
    precision = wants_precision and rest >= 34
    share = rest >= 18
    return max(1, min(_WIDEST_BAR, rest - 7 * share - 10 * precision)), share, precision


def _bar_heading(name: int, width: int, *, wants_precision: bool) -> Content:
    bar, share, precision = _columns(name, width, wants_precision=wants_precision)
    words = " " * (name + 2) + (" share " if share else " ") + fit_exactly("recall", bar + 10)
    return Content.assemble((fit_exactly(words + (" precision" if precision else ""), width), "$foreground 50%"))


def _bar_line(
    score: LetterScore, label: str, name: int, width: int, board_style: BoardStyle, *, wants_precision: bool
) -> Content:
    selected = score.symbol == board_style.selected
    ground = _HERE if selected else ""
    style = recall_style(score.recall)
    signs = CHART_CHARSETS[board_style.charset]
    bar, share, precision = _columns(name, width, wants_precision=wants_precision)
    star = board_style.star(score.symbol) or " "
    text: list[TilePart] = [
        (">" if selected else " ", f"bold $primary {ground}"),
        (fit_exactly(label, name, GLYPHS[board_style.charset].ellipsis) + star, f"bold {style} {ground}"),
    ]
    if share:
        words = format_percent(None if score.share is None else 100 * score.share)
        text.append((f"{words:>6} ", f"$foreground 60% {ground}"))
    else:
        text.append((" ", ground))
    text.append((recall_bar(score.recall, bar, board_style.charset), f"{style} {_TRACK}"))
    changed = "$success" if (score.change or 0) > 0 else "$error"
    text.append((f" {percent_digits(score.recall) + '%':>4} ", f"{style} {ground}"))
    text.append((f"{change_text(score.change, signs.up, signs.down):<4}", f"{changed} {ground}"))
    if precision:
        known = f"{percent_digits(score.precision)}%" if score.precision is not None else signs.range
        text.append((f"{known:>10}", f"$foreground 60% {ground}"))
    line = Content.assemble(*((words, piece.strip()) for words, piece in text))
    missing = width - line.cell_length
    return line.truncate(width) if missing < 0 else Content.assemble(line, (" " * missing, ground))
