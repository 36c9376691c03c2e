"""The letter board: which letters a model knows, as a keyboard, as bars, or by its most common tokens."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from rich.cells import cell_len
from textual import events, on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content
from textual.widgets import Static

from babytrain.runs.events import Letters
from babytrain.runs.formatting import format_count
from babytrain.runs.state.run_state import RunSnapshot
from babytrain.tui.keys.keymap import SCOPES_BY_MODE, KeyMode, bindings_in
from babytrain.tui.screens.base import OverlayScreen
from babytrain.tui.terminal.charset import CharsetName
from babytrain.tui.terminal.safe_text import safe_content, safe_line
from babytrain.tui.text.styled_lines import shorten_to_columns
from babytrain.tui.widgets.common.full_text import FullText
from babytrain.tui.widgets.common.key_bar import KeyBar
from babytrain.tui.widgets.letters.letter_board import BoardView, LetterBoard, LetterDetails
from babytrain.tui.widgets.letters.letter_statistics import (
    accuracy_line,
    detail_lines,
    letter_scores,
    token_scores,
    tracked_letter_line,
)

_MAX_NAME = 30
NO_LETTERS_YET = "Nobody has asked for the letters yet. The first full evaluation does, and then they stand here."
LETTERS_NEVER_COUNTED = "In this run the letters were never counted. Runs of today count them at each full evaluation."


class LettersScreen(OverlayScreen):
    """Shows the letters of `snapshot`; `folder` is the run's folder, if known."""

    mode: ClassVar[KeyMode] = "letters"
    required_widgets: ClassVar[tuple[str, ...]] = ("LetterBoard", "LetterDetails", "#position")
    BINDINGS: ClassVar[list[BindingType]] = list(bindings_in(*SCOPES_BY_MODE["letters"]))

    def __init__(self, snapshot: RunSnapshot, charset: CharsetName, *, folder: Path | None = None) -> None:
        super().__init__(charset, lambda: folder)
        self._snapshot = snapshot
        self._evaluations: list[Letters] = snapshot.letters
        self._chosen_index: int | None = None  # None: always the newest evaluation
        self._shown: object = None
        self.view: BoardView = "keyboard"
        self.selected = ""

    def compose(self) -> ComposeResult:
        """Two title lines, the board, details of one letter, key bar."""
        yield Static(id="position")
        yield LetterBoard(self.charset)
        yield LetterDetails(self.charset)
        yield KeyBar()

    def on_mount(self) -> None:
        """Draw the board."""
        self._show()

    def on_resize(self, event: events.Resize) -> None:
        """Draw the board at the new size."""
        self._shown = None
        self.call_after_refresh(self._show)

    @property
    def evaluations(self) -> Sequence[Letters]:
        """The evaluations so far, oldest first."""
        return self._evaluations

    @property
    def index(self) -> int:
        """Index of the evaluation that is shown, -1 if there is none."""
        newest = len(self._evaluations) - 1
        return newest if self._chosen_index is None else min(self._chosen_index, newest)

    def follow(self, snapshot: RunSnapshot) -> None:
        """Update from the run below, which may also have been rewound."""
        count = snapshot.state.letters.count_until(snapshot.t)
        newest = snapshot.state.letters.events[count - 1] if count else None
        before = self._evaluations[-1] if self._evaluations else None
        self._snapshot = snapshot
        if count != len(self._evaluations) or newest is not before:
            shown = self._evaluations[self.index] if self._chosen_index is not None else None
            self._evaluations = snapshot.letters
            self._chosen_index = self._index_of(shown) if shown is not None else None
            if self.can_draw:
                self._show()

    def _index_of(self, shown: Letters) -> int | None:
        """The index of an evaluation or of the last one before it, since evaluations may be thinned out; None (the
        newest) after a rewind or rollback beyond it."""
        if not self._evaluations or self._evaluations[-1].t < shown.t:
            return None
        return max((index for index, event in enumerate(self._evaluations) if event.t <= shown.t), default=0)

    def _show(self) -> None:
        if not self.can_draw:
            return
        index, is_tokens = self.index, self.view == "tokens"
        scores = (token_scores if is_tokens else letter_scores)(self._evaluations, index) if index >= 0 else ()
        symbols = [score.symbol for score in scores]
        tracked = self._evaluations[index].tracked_letter if index >= 0 else ""
        if self.selected not in symbols:
            self.selected = tracked if tracked in symbols else symbols[0] if symbols else ""
        key = (id(self._evaluations), len(self._evaluations), index, self.view, self.selected, self.size)
        if key == self._shown:
            return
        self._shown = key
        board, details = self.query_one(LetterBoard), self.query_one(LetterDetails)
        board.border_title = self._board_title()
        board.show(scores, self.view, self.selected, "" if is_tokens else tracked, self._no_letters())
        details.border_title = "this token" if is_tokens else "this letter"
        score = next((score for score in scores if score.symbol == self.selected), None)
        about = detail_lines(self._evaluations, index, score, self.charset, token=is_tokens)
        details.show(about, tracked_letter_line(self._evaluations, index, self.charset) if index >= 0 else Content())
        details.display = bool(scores)
        self._show_position()
        self.refresh_bindings()

    def _no_letters(self) -> str:
        state = self._snapshot.state
        missing_for_good = not len(state.letters) and state.at().ended is not None
        return LETTERS_NEVER_COUNTED if missing_for_good else NO_LETTERS_YET

    def _board_title(self) -> str:
        """The board's title; for large vocabularies letters are the first characters of tokens."""
        if self.view == "tokens":
            return "the most common tokens"
        return "what tokens begin with" if self._has_tokens else "letters"

    @property
    def _has_tokens(self) -> bool:
        return self.index >= 0 and bool(self._evaluations[self.index].tokens)

    def _show_position(self) -> None:
        width, index, ellipsis = max(1, self.size.width), self.index, self.glyphs.ellipsis
        started = self._snapshot.started
        name = safe_line(started.name, _MAX_NAME) if started is not None else "this run"
        dot = f" {self.glyphs.dot} "
        right, accuracy = "", Content()
        if index >= 0:
            right = f"step {format_count(self._evaluations[index].step)}{dot}{index + 1} of {len(self._evaluations)}"
            right = shorten_to_columns(right, width - 2, ellipsis)
            accuracy = accuracy_line(self._evaluations, index, width, self.charset)
        room = max(0, width - cell_len(right) - 3)
        name = shorten_to_columns(name, room, ellipsis)
        rest = shorten_to_columns(f"{dot}letters", room - cell_len(name), ellipsis)
        gap = " " * max(1, width - 2 - cell_len(name) - cell_len(rest) - cell_len(right))
        style = "bold $warning" if self._chosen_index is not None else "$foreground 60%"
        first = Content.assemble(" ", (name, "bold $primary"), (rest, "$foreground 80%"), gap, (right, style), " ")
        self.query_one("#position", Static).update(Content("\n").join([first, accuracy]), layout=False)

    def full_texts(self) -> list[FullText]:
        """The run, and everything about the symbol under the cursor."""
        started, details = self._snapshot.started, self.query_one(LetterDetails)
        lines = [] if started is None else [safe_content(started.name, one_line=True)]
        if self.index >= 0:
            lines.append(accuracy_line(self._evaluations, self.index, 1000, self.charset))
        return [FullText("board", "the run", lines), FullText("letter-details", "this letter", details.in_full())]

    def action_move(self, dx: int, dy: int) -> None:
        """Move the cursor to the neighbouring symbol."""
        self.selected = self.query_one(LetterBoard).neighbour(self.selected, dx, dy)
        self._show()

    @on(LetterBoard.Chosen)
    def _clicked(self, message: LetterBoard.Chosen) -> None:
        self.selected = message.symbol
        self._show()

    def action_walk(self, count: int) -> None:
        """Show an earlier (-1) or later (1) evaluation; later than the newest follows new ones."""
        newest = len(self._evaluations) - 1
        index = min(newest, max(0, self.index + count))
        self._chosen_index = None if index == newest else index
        self._show()

    def action_walk_to(self, end: int) -> None:
        """Show the first (0) or the newest (-1) evaluation."""
        self._chosen_index = 0 if end == 0 and len(self._evaluations) > 1 else None
        self._show()

    def action_change_view(self) -> None:
        """Cycle through keyboard, bars and, if any, tokens."""
        views: list[BoardView] = ["keyboard", "bars", "tokens"] if self._has_tokens else ["keyboard", "bars"]
        self.view = views[(views.index(self.view) + 1) % len(views)] if self.view in views else views[0]
        self._show()

    def action_scroll_board(self, pages: int) -> None:
        """Scroll the board by pages."""
        self.query_one(LetterBoard).action_scroll_pages(pages)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Enable the commands that apply."""
        if action in ("walk", "walk_to"):
            return len(self._evaluations) > 1
        if action in ("change_view", "move", "scroll_board"):
            return bool(self._evaluations)
        return super().check_action(action, parameters)

    def action_close(self) -> None:
        """Close the board."""
        self.dismiss(None)
