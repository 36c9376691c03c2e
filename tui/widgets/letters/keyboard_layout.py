"""Positions of symbols on a small keyboard, in units of one key.

Lower-case Latin letters are laid out as on a QWERTY keyboard if there are enough of them; capitals have a second board
below. A wide space key shares a row with the most common other symbols, the rest fill rows of ten. Letters not in the
text keep an empty key. Without enough Latin letters all symbols are in rows of ten, most common first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

KEYS_PER_ROW = 10
FEWEST_LATIN = 8
FEWEST_DIGITS = 5
WIDEST_SPACE, NARROWEST_SPACE = 4, 3
_LETTER_ROWS = (("qwertyuiop", 0.0), ("asdfghjkl", 0.5), ("zxcvbnm", 1.5))
_DIGITS = "1234567890"
_SMALL = frozenset("".join(keys for keys, _ in _LETTER_ROWS))
_BEFORE_SPACE = 3


@dataclass(frozen=True)
class KeyboardKey:
    """A key from `left` on, `width` units wide; if not `present` it is an empty key."""

    symbol: str
    left: float
    width: float = 1.0
    present: bool = True


KeyboardRow = tuple[KeyboardKey, ...]


def keyboard_rows(symbols: Sequence[str]) -> tuple[KeyboardRow, ...]:
    """The rows of keys for some symbols, most common first; every symbol has exactly one key."""
    left = list(dict.fromkeys(symbols))
    rows: list[KeyboardRow] = []

    def take(wanted: Sequence[tuple[str, float]], fewest: int) -> list[KeyboardRow]:
        """The rows of a board, if at least `fewest` of its keys are present."""
        there = {symbol for keys, _ in wanted for symbol in keys if symbol in left}
        if len(there) < fewest:
            return []
        left[:] = [symbol for symbol in left if symbol not in there]
        return [
            tuple(KeyboardKey(symbol, start + number, present=symbol in there) for number, symbol in enumerate(keys))
            for keys, start in wanted
        ]

    rows += take([(_DIGITS, 0.0)], FEWEST_DIGITS) if _has_latin(left) else []
    small = take(_LETTER_ROWS, FEWEST_LATIN)
    rows += small
    capitals = take([(keys.upper(), start) for keys, start in _LETTER_ROWS], FEWEST_LATIN)
    if small and " " in left:
        left.remove(" ")
        rows.append(_space_row(left))
    rows += [_plain_row(left[first : first + KEYS_PER_ROW]) for first in range(0, len(left), KEYS_PER_ROW)]
    return tuple(rows + capitals)


def _has_latin(symbols: Sequence[str]) -> bool:
    return len(_SMALL.intersection(symbols)) >= FEWEST_LATIN


def _space_row(others: list[str]) -> KeyboardRow:
    """The space and up to seven other symbols around it, which are removed from the list."""
    units = NARROWEST_SPACE if len(others) > KEYS_PER_ROW - WIDEST_SPACE else WIDEST_SPACE
    taken = others[: KEYS_PER_ROW - units]
    del others[: len(taken)]
    before, after = taken[:_BEFORE_SPACE], taken[_BEFORE_SPACE:]
    first = float(_BEFORE_SPACE - len(before))
    return (
        *(KeyboardKey(symbol, first + number) for number, symbol in enumerate(before)),
        KeyboardKey(" ", float(_BEFORE_SPACE), float(units)),
        *(KeyboardKey(symbol, float(_BEFORE_SPACE + units + number)) for number, symbol in enumerate(after)),
    )


def _plain_row(symbols: Sequence[str]) -> KeyboardRow:
    return tuple(KeyboardKey(symbol, float(number)) for number, symbol in enumerate(symbols))


def neighbouring_symbol(rows: Sequence[KeyboardRow], symbol: str, dx: int, dy: int) -> str:
    """The symbol next to another one: along the row and on into the next, or nearest in the row above or below.
    Empty keys are skipped; at the edge of the board it is the symbol itself."""
    present = [[key for key in row if key.present] for row in rows]
    present = [row for row in present if row]
    where = [(number, key) for number, row in enumerate(present) for key in row if key.symbol == symbol]
    if not where:
        return present[0][0].symbol if present else symbol
    number, here = where[0]
    if dx:
        order = [key.symbol for row in present for key in row]
        return order[min(len(order) - 1, max(0, order.index(symbol) + dx))]
    target = min(len(present) - 1, max(0, number + dy))
    if target == number:
        return symbol
    middle = here.left + here.width / 2
    return min(present[target], key=lambda key: abs(key.left + key.width / 2 - middle)).symbol
