"""The letter board: which letters a model knows, as a small keyboard, as bars, or by its most common tokens.

It stands on the screen of a run, or on the list of runs. It shows what was known up to the moment the run below has
reached, so that a replay that plays on fills the board; whoever walked back to an earlier evaluation stays there.
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
from textual.widget import Widget

from babytrain.runs.events import Letters
from babytrain.runs.state.run_state import RunSnapshot
from babytrain.tui.keys.keymap import SCOPES_BY_MODE, KeyMode, bindings_in
from babytrain.tui.screens.base import OverlayScreen
from babytrain.tui.terminal.charset import CharsetName
from babytrain.tui.terminal.glyphs import GLYPHS
from babytrain.tui.terminal.safe_text import safe_line
from babytrain.tui.text.formatting import format_count
from babytrain.tui.text.styled_lines import shorten_to_columns
from babytrain.tui.widgets.common.key_bar import KeyBar
from babytrain.tui.widgets.letters.letter_board import BoardView, LetterBoard, LetterDetails
from babytrain.tui.widgets.letters.letter_statistics import (
    LetterScore,
    accuracy_line,
    detail_lines,
    letter_scores,
    token_scores,
    tracked_letter_line,
)

_MAX_NAME = 30
NO_LETTERS_YET = "Nobody has asked for the letters yet. The first full evaluation does, and then they stand here."
LETTERS_NEVER_COUNTED = "In this run the letters were never counted. Runs of today count them at each full evaluation."


class LetterTitleBar(Widget):
    """Two lines: whose letters, when, and how well all of them are known."""

    DEFAULT_CSS = "LetterTitleBar { height: 2; width: 1fr; background: $surface; }"
    ALLOW_SELECT = False

    def __init__(self) -> None:
        super().__init__(id="position")
        self._lines: tuple[Content, ...] = ()

    def show(self, *lines: Content) -> None:
        """Show these lines."""
        same = len(lines) == len(self._lines) and all(
            line.is_same(before) for line, before in zip(lines, self._lines, strict=True)
        )
        if not same:
            self._lines = lines
            self.refresh()

    def render(self) -> Content:
        """As many lines as there is room for."""
        return Content("\n").join(self._lines[: max(1, self.size.height)])


class LettersScreen(OverlayScreen):
    """Shows the letters of `moment`. `folder` is where the run is kept, if that is known."""

    mode: ClassVar[KeyMode] = "letters"
    required_widgets: ClassVar[tuple[str, ...]] = ("LetterBoard", "LetterDetails", "LetterTitleBar")
    BINDINGS: ClassVar[list[BindingType]] = list(bindings_in(*SCOPES_BY_MODE["letters"]))

    def __init__(self, snapshot: RunSnapshot, charset: CharsetName, *, folder: Path | None = None) -> None:
        super().__init__(classes="letters")
        self._snapshot = snapshot
        self._evaluations: list[Letters] = snapshot.letters
        self._charset = charset
        self._glyphs = GLYPHS[charset]
        self._folder = folder
        self._at: int | None = None  # None: the newest, and along with it
        self._shown: object = None
        self.view: BoardView = "keyboard"
        self.selected = ""

    @property
    def run_folder(self) -> Path | None:
        """Where the run is kept."""
        return self._folder

    def compose(self) -> ComposeResult:
        """A rail, the board, what is known of one letter, footer."""
        yield LetterTitleBar()
        yield LetterBoard(self._charset)
        yield LetterDetails(self._charset)
        yield KeyBar()

    def on_mount(self) -> None:
        """Everything is known already."""
        self.apply_breakpoints()
        self._show()

    def on_resize(self, event: events.Resize) -> None:
        """Other lines fit."""
        self._shown = None
        self.call_after_refresh(self._show)

    # what there is

    @property
    def evaluations(self) -> Sequence[Letters]:
        """The evaluations so far, oldest first."""
        return self._evaluations

    @property
    def at(self) -> int:
        """The number of the evaluation one stands at, -1 when there is none."""
        newest = len(self._evaluations) - 1
        return newest if self._at is None else min(self._at, newest)

    @property
    def facts(self) -> tuple[LetterScore, ...]:
        """What is on the board."""
        if self.at < 0:
            return ()
        of = token_scores if self.view == "tokens" else letter_scores
        return of(self._evaluations, self.at)

    def follow(self, snapshot: RunSnapshot) -> None:
        """The run below went on, or a replay was wound back."""
        count = snapshot.state.letters.count_until(snapshot.t)
        newest = snapshot.state.letters.events[count - 1] if count else None
        before = self._evaluations[-1] if self._evaluations else None
        self._snapshot = snapshot
        if count != len(self._evaluations) or newest is not before:
            standing = self._evaluations[self.at] if self._at is not None else None
            self._evaluations = snapshot.letters
            self._at = self._place_of(standing) if standing is not None else None
            if self.can_draw:
                self._show()

    def _place_of(self, standing: Letters) -> int | None:
        """Where the evaluation one stood at is now, or the last one before it: others may have been thinned out before
        it. None, to go along with the newest, when a replay was wound back or the run went back beyond it."""
        if not self._evaluations or self._evaluations[-1].t < standing.t:
            return None
        return max((place for place, event in enumerate(self._evaluations) if event.t <= standing.t), default=0)

    # what is shown

    @property
    def _never_counted(self) -> bool:
        """Whether the letters are missing for good: the run is over, or a replay of one that is, and had none."""
        state = self._snapshot.state
        return not len(state.letters) and state.at().ended is not None

    def _show(self) -> None:
        if not self.can_draw:
            return
        at, facts = self.at, self.facts
        symbols = [fact.symbol for fact in facts]
        tracked_letter = self._evaluations[at].tracked_letter if at >= 0 else ""
        if self.selected not in symbols:
            self.selected = tracked_letter if tracked_letter in symbols else symbols[0] if symbols else ""
        key = (id(self._evaluations), len(self._evaluations), at, self.view, self.selected, self.size)
        if key == self._shown:
            return
        self._shown = key
        board, details = self.query_one(LetterBoard), self.query_one(LetterDetails)
        board.border_title = self._title()
        details.border_title = "this token" if self.view == "tokens" else "this letter"
        marked = tracked_letter if self.view != "tokens" else ""
        board.show(
            facts, self.view, self.selected, marked, LETTERS_NEVER_COUNTED if self._never_counted else NO_LETTERS_YET
        )
        fact = next((one for one in facts if one.symbol == self.selected), None)
        about = detail_lines(self._evaluations, at, fact, self._charset, token=self.view == "tokens")
        details.show(about, tracked_letter_line(self._evaluations, at, self._charset) if at >= 0 else Content())
        details.display = bool(facts)
        self._show_rail()
        self.refresh_bindings()

    def _title(self) -> str:
        """What the board shows; letters of a large vocabulary are what its tokens begin with."""
        longer = self.at >= 0 and bool(self._evaluations[self.at].tokens)
        if self.view == "tokens":
            return "the most common tokens"
        return "what tokens begin with" if longer else "letters"

    def _show_rail(self) -> None:
        width, at = max(1, self.size.width), self.at
        started = self._snapshot.started
        name = safe_line(started.name, _MAX_NAME) if started is not None else "this run"
        dot = f" {self._glyphs.dot} "
        if at < 0:
            right = ""
        else:
            right = f"step {format_count(self._evaluations[at].step)}{dot}{at + 1} of {len(self._evaluations)}"
        right = shorten_to_columns(right, width - 2, self._glyphs.ellipsis)
        room = max(0, width - cell_len(right) - 3)
        name = shorten_to_columns(name, room, self._glyphs.ellipsis)
        rest = shorten_to_columns(f"{dot}letters", room - cell_len(name), self._glyphs.ellipsis)
        gap = " " * max(1, width - 2 - cell_len(name) - cell_len(rest) - cell_len(right))
        style = "bold $warning" if self._at is not None else _DIM
        first = Content.assemble(" ", (name, "bold $primary"), (rest, "$foreground 80%"), gap, (right, style), " ")
        second = accuracy_line(self._evaluations, at, width, self._charset) if at >= 0 else Content()
        self.query_one(LetterTitleBar).show(first, second)

    # walking

    def action_move(self, dx: int, dy: int) -> None:
        """The cursor to the symbol beside, above or below."""
        self.selected = self.query_one(LetterBoard).neighbour(self.selected, dx, dy)
        self._show()

    @on(LetterBoard.Chosen)
    def _clicked(self, message: LetterBoard.Chosen) -> None:
        self.selected = message.symbol
        self._show()

    def action_walk(self, count: int) -> None:
        """To an earlier (-1) or later (1) evaluation; at the newest one goes along with those to come."""
        newest = len(self._evaluations) - 1
        if newest < 0:
            return
        at = min(newest, max(0, self.at + count))
        self._at = None if at == newest else at
        self._show()

    def action_walk_to(self, end: int) -> None:
        """To the first (0) or the newest (-1) evaluation."""
        self._at = 0 if end == 0 and len(self._evaluations) > 1 else None
        self._show()

    def action_change_view(self) -> None:
        """Keyboard, bars, and tokens where there are any."""
        views: list[BoardView] = ["keyboard", "bars"]
        if self.at >= 0 and self._evaluations[self.at].tokens:
            views.append("tokens")
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


_DIM = "$foreground 60%"
