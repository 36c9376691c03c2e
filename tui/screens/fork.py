"""The dialog of a fork: which checkpoint, and what is to be different. Nothing starts before all of it will do."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from babytrain.runs.places import PlaceSummary
from babytrain.tui.dial_input import DialRule
from babytrain.tui.fork_input import ForkInputError, ForkRequest, parse_fork, setting_in_progress
from babytrain.tui.glyphs import Glyphs
from babytrain.tui.screens.ask import AskScreen
from babytrain.tui.widgets.units import format_count, format_loss

LONGEST_NAME = 40
MOST_PLACES = 8
MOST_SETTINGS = 14


class ForkScreen(AskScreen):
    """Asks for a line such as `best lr 1e-3, steps 3000`; its answer is read again with `request`.

    `check` says what else is wrong with a request, one sentence each.
    """

    def __init__(
        self,
        name: str,
        rules: Sequence[DialRule],
        places: Sequence[PlaceSummary],
        check: Callable[[ForkRequest], Sequence[str]],
        glyphs: Glyphs,
    ) -> None:
        self._rules = tuple(rules)
        self._places = frozenset(word for place in places for word in (place.name, place.directory) if word)
        self._further_problems = check
        dot = f" {glyphs.dot} "
        saved = dot.join(_place(place, glyphs) for place in places[-MOST_PLACES:])
        settings = dot.join(rule.name for rule in rules[:MOST_SETTINGS])
        super().__init__(
            f"Fork {name} from which checkpoint, and how?",
            detail="best, last, a name or a step; then what is to be different. The original stays as it is.",
            placeholder="best lr 1e-3, steps 3000",
            check=self._problem,
            hint=self._setting_hint,
            below="\n".join([f"Saved: {saved or 'nothing yet'}", f"Settings: {settings}{dot}{glyphs.ellipsis}"]),
        )

    def request(self, typed: str) -> ForkRequest:
        """What a line says. Raises ForkInputError."""
        return parse_fork(typed, self._rules, self._places)

    def _problem(self, typed: str) -> str | None:
        try:
            problems = self._further_problems(self.request(typed))
        except ForkInputError as error:
            problems = error.problems
        return "\n".join(problems) or None

    def _setting_hint(self, typed: str) -> str:
        """What is known about the setting that is being typed."""
        rule = setting_in_progress(typed, self._rules, self._places)
        return " " if rule is None else f"{rule.name}: {rule.explanation}. {rule.allowed}."


def _place(place: PlaceSummary, glyphs: Glyphs) -> str:
    """A checkpoint as it may be typed, and how good it was."""
    loss = "" if place.val_loss is None else f" (val {format_loss(place.val_loss)})"
    mark = f"{glyphs.best} " if place.is_best else ""
    return f"{mark}{place.name or format_count(place.step)}{loss}"
