"""The letter board: which letters a model knows, as a small keyboard, as bars, or by its most common tokens.

It shows what was known up to the moment the run below has reached, so that a replay that plays on fills the board. An
earlier evaluation that was chosen stays.
"""

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
from babytrain.runs.state.run_state import RunSnapshot
from babytrain.tui.keys.keymap import SCOPES_BY_MODE, KeyMode, bindings_in
from babytrain.tui.screens.base import OverlayScreen
from babytrain.tui.terminal.charset import CharsetName
from babytrain.tui.terminal.safe_text import safe_line
from babytrain.tui.text.formatting import format_count
from babytrain.tui.text.styled_lines import shorten_to_columns
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
    """Shows the letters of `snapshot`. `folder` is where the run is kept, if that is known."""

    mode: ClassVar[KeyMode] = "letters"
    required_widgets: ClassVar[tuple[str, ...]] = ("LetterBoard", "LetterDetails", "#position")
    BINDINGS: ClassVar[list[BindingType]] = list(bindings_in(*SCOPES_BY_MODE["letters"]))

    def __init__(self, snapshot: RunSnapshot, charset: CharsetName, *, folder: Path | None = None) -> None:
        super().__init__(charset, lambda: folder)
        self._snapshot = snapshot
        self._evaluations: list[Letters] = snapshot.letters
        self._chosen_index: int | None = None  # None: the newest evaluation, also when others follow
        self._shown: object = None
        self.view: BoardView = "keyboard"
        self.selected = ""

    def compose(self) -> ComposeResult:
        """Two lines on the run and the evaluation, the board, what is known of one letter, footer."""
        yield Static(id="position")
        yield LetterBoard(self.charset)
        yield LetterDetails(self.charset)
        yield KeyBar()

    def on_mount(self) -> None:
        """Everything is known already."""
        self._show()

    def on_resize(self, event: events.Resize) -> None:
        """Other lines fit."""
        self._shown = None
        self.call_after_refresh(self._show)

    @property
    def evaluations(self) -> Sequence[Letters]:
        """The evaluations so far, oldest first."""
        return self._evaluations

    @property
    def index(self) -> int:
        """The evaluation that is shown, -1 when there is none."""
        newest = len(self._evaluations) - 1
        return newest if self._chosen_index is None else min(self._chosen_index, newest)

    def follow(self, snapshot: RunSnapshot) -> None:
        """The run below went on, or a replay was wound back."""
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
        """Where an evaluation is now, or the last one before it: others may have been thinned out before it. None, for
        the newest, when a replay was wound back or the run went back beyond it."""
        if not self._evaluations or self._evaluations[-1].t < shown.t:
            return None
        return max((index for index, event in enumerate(self._evaluations) if event.t <= shown.t), default=0)

    # what is shown

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
        """Why the board is empty: for good where the run is over, or a replay of one that is, and had none."""
        state = self._snapshot.state
        missing_for_good = not len(state.letters) and state.at().ended is not None
        return LETTERS_NEVER_COUNTED if missing_for_good else NO_LETTERS_YET

    def _board_title(self) -> str:
        """What the board shows; letters of a large vocabulary are what its tokens begin with."""
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

    # keys

    def action_move(self, dx: int, dy: int) -> None:
        """The cursor to the symbol beside, above or below."""
        self.selected = self.query_one(LetterBoard).neighbour(self.selected, dx, dy)
        self._show()

    @on(LetterBoard.Chosen)
    def _clicked(self, message: LetterBoard.Chosen) -> None:
        self.selected = message.symbol
        self._show()

    def action_walk(self, count: int) -> None:
        """To an earlier (-1) or later (1) evaluation; from the newest one goes on to those to come."""
        newest = len(self._evaluations) - 1
        index = min(newest, max(0, self.index + count))
        self._chosen_index = None if index == newest else index
        self._show()

    def action_walk_to(self, end: int) -> None:
        """To the first (0) or the newest (-1) evaluation."""
        self._chosen_index = 0 if end == 0 and len(self._evaluations) > 1 else None
        self._show()

    def action_change_view(self) -> None:
        """Keyboard, bars, and tokens where there are any."""
        views: list[BoardView] = ["keyboard", "bars", "tokens"] if self._has_tokens else ["keyboard", "bars"]
        self.view = views[(views.index(self.view) + 1) % len(views)] if self.view in views else views[0]
        self._show()

    def action_scroll_board(self, pages: int) -> None:
        """A page up or down."""
        self.query_one(LetterBoard).action_scroll_pages(pages)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer what makes sense."""
        if action in ("walk", "walk_to"):
            return len(self._evaluations) > 1
        if action in ("change_view", "move", "scroll_board"):
            return bool(self._evaluations)
        return super().check_action(action, parameters)

    def action_close(self) -> None:
        """Back."""
        self.dismiss(None)
