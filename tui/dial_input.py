"""Turns of dials as a person types them: `dropout 0.1, weight_decay 0.2`. Pure functions.

A name may be cut short as long as it means one dial (`drop`, `wd` does not). What is typed is checked by the dial's own
rule before anything is sent, so a slip is answered at once and with the range that is allowed.

Commas stand between turns. No dial's name begins with a digit, so a piece that does belongs to the turn before it:
`quiet_hours 23:00-07:00, 12:00-13:00` is one turn.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from babytrain.runs.events import CommandAction
from babytrain.tui.launcher import DialRule
from babytrain.tui.safe_text import safe_line

LONGEST_WORD = 40
_PIECE = re.compile(r"\s*(?P<name>[^\s=:]*)[\s=:]*(?P<position>.*)", re.DOTALL)


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
    wishes: list[tuple[str, list[str]]] = []
    for piece in typed.split(","):
        if not piece.strip():
            continue
        if wishes and piece.strip()[0].isdigit():
            wishes[-1][1].append(piece)
            continue
        name, position = _split(piece)
        wishes.append((name, [position]))
    if not wishes:
        raise DialInputError("Type the name of a dial and its new position, such as: dropout 0.1")
    return [_turn(name, positions, rules) for name, positions in wishes]


def problem_in(typed: str, rules: Sequence[DialRule]) -> str | None:
    """What is wrong with a line, None when it will do."""
    try:
        parse_turns(typed, rules)
    except DialInputError as error:
        return str(error)
    return None


def rule_in_progress(typed: str, rules: Sequence[DialRule]) -> DialRule | None:
    """The dial that is being typed at the end of a line, if it is known yet."""
    pieces = [piece for piece in typed.split(",") if not piece.strip()[:1].isdigit()]
    name = _split(pieces[-1])[0] if pieces else ""
    if not name:
        return None
    try:
        return find_rule(name, rules)
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


def _split(piece: str) -> tuple[str, str]:
    """The name and the position in a turn; a sign of equality or a colon between them is as good as a space."""
    match = _PIECE.fullmatch(piece)
    assert match is not None  # it takes anything
    return match["name"], match["position"]


def _turn(name: str, positions: Sequence[str], rules: Sequence[DialRule]) -> DialTurn:
    rule = find_rule(name, rules)
    words = [word for position in positions for word in position.split()]
    if not words or (len(words) != 1 and not rule.is_word):
        what = "takes one position" if words else "needs a position"
        raise DialInputError(f"{rule.name} {what}: {rule.allowed}.")
    position = ", ".join(" ".join(position.split()) for position in positions).lower()
    problem = rule.problem(position)
    if problem is not None:
        raise DialInputError(safe_line(problem))
    if rule.is_word:
        return DialTurn(rule.action, rule.name, None, position)
    return DialTurn(rule.action, "" if rule.action != "set" else rule.name, float(position.replace("_", "")), "")
