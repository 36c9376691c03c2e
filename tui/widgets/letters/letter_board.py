"""The letter board widget: tiles or bars with a cursor, and a pane about the symbol under it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, TypeAlias

from textual import events
from textual.binding import BindingType
from textual.content import Content
from textual.message import Message

from babytrain.tui.terminal.charset import CharsetName
from babytrain.tui.widgets.common.text_pane import TextPane
from babytrain.tui.widgets.letters.keyboard_layout import KeyboardRow, keyboard_rows, neighbouring_symbol
from babytrain.tui.widgets.letters.letter_statistics import LetterScore
from babytrain.tui.widgets.letters.letter_tiles import BoardDrawing, BoardStyle, bar_board, key_board

BoardView: TypeAlias = Literal["keyboard", "bars", "tokens"]


class LetterBoard(TextPane, inherit_bindings=False):
    """Draws the board; the screen moves the cursor and binds the keys."""

    BINDINGS: ClassVar[list[BindingType]] = []

    @dataclass
    class Chosen(Message):
        """A symbol was clicked."""

        symbol: str

    def __init__(self, charset: CharsetName = "braille", hint: str = "") -> None:
        self._charset = charset
        self._facts: tuple[LetterScore, ...] = ()
        self._rows: tuple[KeyboardRow, ...] = ()
        self._board_style = BoardStyle(charset)
        self._view: BoardView = "keyboard"
        self._hint = hint
        self._board = BoardDrawing((), ())
        self._built_height = -1
        super().__init__("letters", id="board", charset=charset, classes="pane")

    def show(
        self, facts: Sequence[LetterScore], view: BoardView, selected: str, tracked_letter: str, hint: str = ""
    ) -> None:
        """Show these scores with the cursor on `selected`."""
        self._facts, self._view, self._hint = tuple(facts), view, hint
        self._board_style = BoardStyle(self._charset, selected, tracked_letter)
        if view == "keyboard":
            self._rows = keyboard_rows([fact.symbol for fact in self._facts])
        self.rebuild()
        self._keep_in_view(selected)

    def neighbour(self, symbol: str, dx: int, dy: int) -> str:
        """The symbol beside, above or below another one, as the board is drawn now."""
        if self._view == "keyboard" and self._board.positions and self._board.positions[0].width < self.size.width:
            return neighbouring_symbol(self._rows, symbol, dx, dy)
        symbols = [fact.symbol for fact in self._facts]
        if symbol not in symbols:
            return symbols[0] if symbols else symbol
        return symbols[min(len(symbols) - 1, max(0, symbols.index(symbol) + dx + dy))]

    def build(self, width: int) -> list[Content]:
        """The board at this width and the present height."""
        height = self.scrollable_content_region.height
        self._built_height = height
        if not self._facts:
            self._board = BoardDrawing((), ())
            return Content.assemble((self._hint, "$foreground 60% italic")).wrap(width)
        if self._view == "keyboard":
            self._board = key_board(self._facts, self._rows, width, height, self._board_style)
        else:
            longest = 20 if self._view == "tokens" else 8
            self._board = bar_board(self._facts, width, self._board_style, longest_label=longest)
        return list(self._board.lines)

    def on_resize(self, event: events.Resize) -> None:
        """Build the board again."""
        super().on_resize(event)
        self._keep_in_view(self._board_style.selected)

    def on_click(self, event: events.Click) -> None:
        """Select the clicked symbol."""
        offset = event.get_content_offset(self)
        if offset is not None:
            symbol = self._board.at(offset.x, offset.y + self.scroll_offset.y)
            if symbol is not None:
                self.post_message(self.Chosen(symbol))

    def _keep_in_view(self, symbol: str) -> None:
        position, height = self._board.position_of(symbol), self.scrollable_content_region.height
        if position is None or height <= 0:
            return
        top = self.scroll_offset.y
        first = 0 if position.y <= 1 else position.y  # the heading is scrolled in with the first line
        if first < top:
            self.scroll_to(y=first, animate=False, immediate=True)
        elif position.y + position.height > top + height:
            self.scroll_to(y=position.y + position.height - height, animate=False, immediate=True)


class LetterDetails(TextPane, inherit_bindings=False):
    """Lines about one symbol and about the tracked letter; lines that do not fit are dropped from the end."""

    BINDINGS: ClassVar[list[BindingType]] = []

    def __init__(self, charset: CharsetName = "braille") -> None:
        self._about: tuple[Content, ...] = ()
        self._tracked_letter = Content()
        super().__init__("this letter", id="letter-details", charset=charset, classes="pane")

    def show(self, about: Sequence[Content], tracked_letter: Content) -> None:
        """Show these lines."""
        self._about, self._tracked_letter = tuple(about), tracked_letter
        self.rebuild()

    def in_full(self) -> list[Content]:
        """Every line, uncut."""
        return [line for line in (*self._about, self._tracked_letter) if line]

    def build(self, width: int) -> list[Content]:
        """The tracked letter has the last lines, if there are enough for the others."""
        height = self.scrollable_content_region.height
        tracked_letter = self._tracked_letter.wrap(width) if self._tracked_letter else []
        about = [line for words in self._about for line in words.wrap(width)]
        if len(about) + len(tracked_letter) > height:
            about = [words.truncate(width, ellipsis=True) for words in self._about]
            tracked_letter = [self._tracked_letter.truncate(width, ellipsis=True)] if self._tracked_letter else []
        kept = about[: max(1, height - len(tracked_letter))]
        return [*kept, *[Content("")] * (height - len(kept) - len(tracked_letter)), *tracked_letter][: max(1, height)]
