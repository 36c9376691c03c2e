"""Text from models, files and file names, made safe to show.

Control characters, direction overrides and invisible characters are replaced by visible symbols.

- What belongs to a word or an emoji stays: joiners between two letters that are not ASCII or two emoji, a variation
  selector after a character that can have one.
- Markup such as `[bold]` is never parsed. A carriage return and line feed are one line break.
- A letter keeps at most three combining marks, the start of a line none, where they would combine with what is drawn to
  the left.
- The result can be encoded in UTF-8, also when the text is a file name that cannot.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from rich.cells import get_character_cell_size
from textual.content import Content, Span

TAB_SPACES = "    "
LINE_BREAK_SIGN = "⏎"
ELLIPSIS = "…"
SYMBOL_STYLE = "$warning"
_LONGEST_STACK = 3  # as Hebrew has with points and accents
# Invisible characters and direction controls by their Unicode abbreviations.
# fmt: off
_NAMES = {
    0x00AD: "SHY", 0x034F: "CGJ", 0x061C: "ALM", 0x180E: "MVS", 0x200B: "ZWSP", 0x200C: "ZWNJ", 0x200D: "ZWJ",
    0x200E: "LRM", 0x200F: "RLM", 0x2028: "LS", 0x2029: "PS", 0x202A: "LRE", 0x202B: "RLE", 0x202C: "PDF",
    0x202D: "LRO", 0x202E: "RLO", 0x2060: "WJ", 0x2066: "LRI", 0x2067: "RLI", 0x2068: "FSI", 0x2069: "PDI",
    0xFE0E: "VS15", 0xFE0F: "VS16", 0xFEFF: "BOM",
}
# fmt: on
# Letters by category, but invisible.
_INVISIBLE_LETTERS = frozenset({0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0})
_HIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
JOINERS = "\u200c\u200d"
_JOINED_CATEGORIES = frozenset({"Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "So", "Sk"})
_MARKS = frozenset({"Mn", "Mc", "Me"})


def safe_text(text: str, tab: str = TAB_SPACES) -> str:
    """`text` with unsafe characters replaced by visible symbols, tabs by `tab`; line breaks stay."""
    return "".join(piece for piece, _ in _pieces(text, tab))


def safe_line(text: str, limit: int | None = None) -> str:
    """`text` as safe text on one line, cut to `limit` characters."""
    if limit is not None and len(text) > limit:
        text = text[: max(0, limit - 1)] + ELLIPSIS
    return safe_text(text).replace("\n", LINE_BREAK_SIGN)


def safe_content(text: str, style: str = "", *, one_line: bool = False) -> Content:
    """`safe_text` for a widget, with the symbols in another colour."""
    plain: list[str] = []
    spans: list[Span] = []
    position = 0
    if one_line:
        text = text.replace("\r\n", "\n").replace("\n", LINE_BREAK_SIGN)
    for piece, is_symbol in _pieces(text):
        plain.append(piece)
        if is_symbol:
            spans.append(Span(position, position + len(piece), SYMBOL_STYLE))
        position += len(piece)
    if style:
        spans.insert(0, Span(0, position, style))
    return Content("".join(plain), spans)


@dataclass(frozen=True)
class TextHighlight:
    """Characters `start` to `end` of a text to highlight by a style, and by signs around them."""

    start: int
    end: int
    style: str
    before: str = ""
    after: str = ""


def safe_highlighted(text: str, marks: Sequence[TextHighlight], style: str = "") -> Content:
    """`safe_content` of `text` with highlights. `marks` are in order and do not overlap."""
    begins: dict[int, list[TextHighlight]] = {}
    for mark in marks:
        if 0 <= mark.start < mark.end:
            # In the result a carriage return and line feed are one character.
            start = mark.start - text.count("\r\n", 0, mark.start)
            begins.setdefault(start, []).append(
                replace(mark, start=start, end=mark.end - text.count("\r\n", 0, mark.end))
            )
    plain: list[str] = []
    spans: list[Span] = []
    position = 0
    inside: tuple[TextHighlight, int] | None = None

    def put(piece: str, piece_style: str = "") -> None:
        nonlocal position
        plain.append(piece)
        if piece_style:
            spans.append(Span(position, position + len(piece), piece_style))
        position += len(piece)

    def close() -> None:
        nonlocal inside
        if inside is not None:
            mark, began = inside
            put(mark.after)
            spans.append(Span(began, position, mark.style))
            inside = None

    pieces = [(char, False) for char in text] if _is_plain(text) else _pieces(text)
    for index, (piece, is_symbol) in enumerate(pieces):
        if inside is not None and index >= inside[0].end:
            close()
        for mark in begins.get(index, ()):
            close()
            inside = (mark, position)
            put(mark.before)
        put(piece, SYMBOL_STYLE if is_symbol else "")
    close()
    if style:
        spans.insert(0, Span(0, position, style))
    return Content("".join(plain), spans)


def _is_plain(text: str) -> bool:
    return text.isascii() and text.replace("\n", "").isprintable()


def _pieces(text: str, tab: str = TAB_SPACES) -> list[tuple[str, bool]]:
    """The safe text in pieces, and whether each is a replacement symbol."""
    if _is_plain(text):
        return [(text, False)]
    pieces: list[tuple[str, bool]] = []
    stacked = _LONGEST_STACK  # no letter to combine with at the start of a line
    text = text.replace("\r\n", "\n")
    for index, char in enumerate(text):
        if char in JOINERS or _is_variation_selector(char):
            inside = index > 0 and _belongs_to_word(text[index - 1], char, text[index + 1 : index + 2])
            pieces.append((char, False) if inside else (_symbol(char) or char, not inside))
        elif char == "\n":
            pieces.append((char, False))
            stacked = _LONGEST_STACK
        elif char == "\t":
            pieces.append((tab, False))
            stacked = 0
        elif (symbol := _symbol(char)) is not None:
            pieces.append((symbol, True))
            stacked = 0
        elif char.isascii() or get_character_cell_size(char) > 0:
            pieces.append((char, False))
            stacked = 0
        elif stacked < _LONGEST_STACK:
            pieces.append((char, False))
            stacked += 1
        else:
            pieces.append((f"‹U+{ord(char):04X}›", True))
    return pieces


def _is_variation_selector(char: str) -> bool:
    return "\ufe00" <= char <= "\ufe0f" or "\U000e0100" <= char <= "\U000e01ef" or "\u180b" <= char <= "\u180d"


def _belongs_to_word(before: str, char: str, after: str) -> bool:
    """Whether a joiner or variation selector between two characters is part of a word or an emoji."""
    if char in JOINERS:
        return (
            _can_be_joined(before) and after != "" and _can_be_joined(after) and unicodedata.category(after)[0] != "M"
        )
    if before in "0123456789#*":
        return char == "\ufe0f" and after == "\u20e3"  # a keycap
    return not before.isascii() and unicodedata.category(before)[0] in "LSP" and _symbol(before) is None


@lru_cache(maxsize=4096)
def _can_be_joined(char: str) -> bool:
    """A letter that is not ASCII, a mark on one, or an emoji."""
    if _is_variation_selector(char):
        return True
    return char > "\x7f" and unicodedata.category(char) in _JOINED_CATEGORIES and _symbol(char) is None


@lru_cache(maxsize=4096)
def _symbol(char: str) -> str | None:
    """The replacement of an unsafe character, None for a safe one."""
    code = ord(char)
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "␡"
    if code in _NAMES:
        return f"‹{_NAMES[code]}›"
    category = unicodedata.category(char)
    hidden = (
        category in _HIDDEN_CATEGORIES
        or code in _INVISIBLE_LETTERS
        or (
            get_character_cell_size(char) == 0
            and category not in _MARKS
            and not 0x1F3FB <= code <= 0x1F3FF  # skin tones
            and not (0x1160 < code <= 0x11FF or 0xD7B0 <= code <= 0xD7FB)  # of Hangul syllables written in parts
        )
        or 0xFE00 <= code <= 0xFE0F
        or 0xE0100 <= code <= 0xE01EF
        or 0x180B <= code <= 0x180F
    )
    return f"‹U+{code:04X}›" if hidden else None
