"""Turns of dials as a person types them: `dropout 0.1, weight_decay 0.2`. Pure functions.

A name may be cut short as long as it means one dial (`drop`, `wd` does not). What is typed is checked by the dial's own
rule before anything is sent, so a slip is answered at once and with the range that is allowed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from babytrain.runs.events import CommandAction
from babytrain.tui.launcher import DialRule
from babytrain.tui.safe_text import safe_line

LONGEST_WORD = 40


class DialInputError(ValueError):
    """What was typed cannot be done; one sentence says why."""


@dataclass(frozen=True)
class DialTurn:
    """A command that turns one dial, ready to be sent."""

    action: CommandAction
    dial: str
    value: float | None
    text: str


def parse_turns(typed: str, rules: Sequence[DialRule]) -> list[DialTurn]:
    """All turns in a line, in order. Raises DialInputError for the first thing that is wrong."""
    wishes = [wish.split() for wish in typed.replace("=", " ").replace(":", " ").split(",") if wish.strip()]
    if not wishes:
        raise DialInputError("Type the name of a dial and its new position, such as: dropout 0.1")
    return [_turn(words, rules) for words in wishes]


def problem_in(typed: str, rules: Sequence[DialRule]) -> str | None:
    """What is wrong with a line, None when it will do."""
    try:
        parse_turns(typed, rules)
    except DialInputError as error:
        return str(error)
    return None


def rule_in_progress(typed: str, rules: Sequence[DialRule]) -> DialRule | None:
    """The dial that is being typed at the end of a line, if it is known yet."""
    words = typed.rpartition(",")[2].replace("=", " ").replace(":", " ").split()
    if not words:
        return None
    try:
        return find_rule(words[0], rules)
    except DialInputError:
        return None


def find_rule(word: str, rules: Sequence[DialRule]) -> DialRule:
    """The dial that a name or the beginning of one means. Raises DialInputError."""
    name = word.lower().replace("-", "_")
    found = [rule for rule in rules if rule.name == name] or [rule for rule in rules if rule.name.startswith(name)]
    if len(found) == 1:
        return found[0]
    shown = safe_line(word, LONGEST_WORD)
    if found:
        raise DialInputError(f"{shown} may mean {' or '.join(rule.name for rule in found)}: type more of it.")
    raise DialInputError(f"There is no dial {shown}; there are {', '.join(rule.name for rule in rules)}.")


def _turn(words: Sequence[str], rules: Sequence[DialRule]) -> DialTurn:
    rule = find_rule(words[0], rules)
    if len(words) != 2:
        what = "needs a position" if len(words) == 1 else "takes one position"
        raise DialInputError(f"{rule.name} {what}: {rule.allowed}.")
    position = words[1].lower()
    problem = rule.problem(position)
    if problem is not None:
        raise DialInputError(safe_line(problem))
    if rule.is_word:
        return DialTurn(rule.action, rule.name, None, position)
    return DialTurn(rule.action, "" if rule.action != "set" else rule.name, float(position.replace("_", "")), "")
