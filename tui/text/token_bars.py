"""The likeliest next tokens as bars in plain text, one a line:

hell -> o 81% ████████
        e  6% ▋
"""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len, set_cell_size

from babytrain.tui.terminal.charset import CharsetName, fold_to_charset
from babytrain.tui.terminal.safe_text import safe_line
from babytrain.tui.text.styled_lines import shorten_to_columns

_EIGHTHS = {"braille": " ▏▎▍▌▋▊▉", "blocks": "    ▌▌▌▌", "ascii": "    ####"}
_FULL = {"braille": "█", "blocks": "█", "ascii": "#"}
_ARROW = " -> "
_WIDEST_TOKEN = 16
_WIDEST_BAR = 50


def next_token_lines(
    text: str, likeliest: Sequence[tuple[str, float]], width: int, charset: CharsetName = "braille"
) -> list[str]:
    """The next tokens after `text` in lines of at most `width` columns, as safe text."""
    names = [token_label(token, charset) for token, _ in likeliest]
    name_width = max((cell_len(name) for name in names), default=0)
    asked = end_of_text(safe_line(text), max(4, width // 3))
    beside = cell_len(asked) + len(_ARROW) + name_width + len(" 100% ")
    room = max(0, min(_WIDEST_BAR, width - beside))
    lines = []
    for number, (name, (_, share)) in enumerate(zip(names, likeliest, strict=True)):
        begin = asked + _ARROW if number == 0 else " " * (cell_len(asked) + len(_ARROW))
        facts = f"{short_percent(share):>4} {probability_bar(share, room, charset)}"
        line = f"{begin}{set_cell_size(name, name_width)} {facts}".rstrip()
        lines.append(set_cell_size(line, width) if cell_len(line) > width else line)
    return [fold_to_charset(line, charset) for line in lines]


def token_label(token: str, charset: CharsetName) -> str:
    """A token with visible spaces."""
    space = "␣" if charset == "braille" else "_"
    return shorten_to_columns(safe_line(token).replace(" ", space), _WIDEST_TOKEN)


def end_of_text(text: str, width: int) -> str:
    """The end of `text` in at most `width` columns."""
    if cell_len(text) <= width:
        return text
    while cell_len(text) > width - 1:
        text = text[max(1, len(text) - width) :]
    return "…" + text


def short_percent(share: float) -> str:
    """A share in at most four characters: `81%`, `<1%`."""
    return "<1%" if 0.0 < share < 0.005 else f"{share:.0%}"


def probability_bar(share: float, room: int, charset: CharsetName) -> str:
    """A bar of `room` columns for a share of 1."""
    eighths = round(share * room * 8)
    return (_FULL[charset] * (eighths // 8) + _EIGHTHS[charset][eighths % 8]).rstrip()
