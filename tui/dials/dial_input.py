"""Parses typed changes of dials: `dropout 0.1, weight_decay 0.2`. Pure functions.

A name may be cut to a unique beginning (`drop`). All problems are reported at once, each with the allowed range.
Commas separate changes, and may be in a number of steps (`steps 4,000`). No dial's name begins with a digit, so a
piece that does belongs to the change before it: `quiet_hours 23:00-07:00, 12:00-13:00` is one change.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from babytrain.runs.dials.renamed_settings import present_name, renaming_notes
from babytrain.runs.errors import ProblemsError
from babytrain.runs.events import CommandAction, Request
from babytrain.tui.terminal.safe_text import safe_line

MAX_SHOWN_WORD = 40
MAX_RUN_STEPS = 1_000_000_000  # steps in one go
_PIECE = re.compile(r"\s*([^\s=:]*)[\s=:]*(.*?)\s*", re.DOTALL)
# 4,000 is a number, 0,001 is not.
_THOUSANDS = re.compile(r"(?<![\d.,])[1-9]\d{0,2}(?:,\d{3})+(?![\d.])")


@dataclass(frozen=True)
class DialRule:
    """A dial that can be changed while a run trains. `problem` returns what is wrong with a typed position, or None.

    `limits` are the lowest and highest position of a number, `choices` all positions of a choice.
    """

    name: str
    explanation: str
    allowed: str  # `0 to 0.9`, `linear, cosine`
    problem: Callable[[str], str | None]
    action: CommandAction = "set"
    is_word: bool = False  # positions are words, not numbers
    limits: tuple[float, float] | None = None
    choices: tuple[str, ...] = ()


class DialInputError(ProblemsError):
    """The typed change or fork is wrong."""


def parse_changes(typed: str, rules: Sequence[DialRule]) -> list[Request]:
    """All changes in a line, in order, as requests. Raises DialInputError with all problems."""
    pieces = split_pieces(without_thousands(typed))
    if not pieces:
        raise DialInputError(["Type the name of a dial and its new position, such as: dropout 0.1"])
    changes: list[Request] = []
    problems: dict[str, None] = {}  # ordered set
    for piece in pieces:
        try:
            changes.append(_change(*split_name(piece), rules))
        except DialInputError as error:
            problems.update(dict.fromkeys(error.problems))
    if problems:
        raise DialInputError(list(problems))
    return changes


def problem_in(typed: str, rules: Sequence[DialRule]) -> str | None:
    """What is wrong with a line, a sentence on each line; None when it is right."""
    try:
        parse_changes(typed, rules)
    except DialInputError as error:
        return str(error)
    return None


def rule_in_progress(typed: str, rules: Sequence[DialRule]) -> DialRule | None:
    """The dial being typed at the end of a line, None if not known yet."""
    pieces = split_pieces(without_thousands(typed))
    found = matching_rules(split_name(pieces[-1])[0], rules) if pieces and not typed.rstrip().endswith(",") else []
    return found[0] if len(found) == 1 else None


def old_names_typed(typed: str) -> list[str]:
    """A sentence for each dial in a line that was renamed."""
    return renaming_notes({name_typed(split_name(piece)[0]): "" for piece in split_pieces(without_thousands(typed))})


def without_thousands(typed: str) -> str:
    """A line without the commas between thousands."""
    return _THOUSANDS.sub(lambda match: match[0].replace(",", ""), typed)


def split_pieces(line: str) -> list[str]:
    """The parts of a line between commas; a part that begins with a digit belongs to the part before."""
    pieces: list[str] = []
    for piece in filter(None, map(str.strip, line.split(","))):
        if pieces and piece[0].isdigit():
            pieces[-1] += f", {piece}"
        else:
            pieces.append(piece)
    return pieces


def split_name(piece: str) -> tuple[str, str]:
    """The name and the value in a piece, separated by a space, an equals sign or a colon."""
    match = _PIECE.fullmatch(piece)
    assert match is not None  # the pattern matches anything
    return match[1], match[2]


def name_typed(word: str) -> str:
    """The setting's name for a word: `Weight-Decay` is `weight_decay`."""
    return word.lower().replace("-", "_")


def matching_rules(word: str, rules: Sequence[DialRule]) -> list[DialRule]:
    """The dials with this name or old name; otherwise all whose names begin with it."""
    name = present_name(name_typed(word))
    return [rule for rule in rules if rule.name == name] or [rule for rule in rules if rule.name.startswith(name)]


def find_rule(
    word: str,
    rules: Sequence[DialRule],
    unknown: str = "There is no dial {}",
    otherwise: str = " (all there are stand below)",
) -> DialRule:
    """The dial with this name or unique beginning of a name.

    Raises DialInputError; for an unknown name with the text `unknown` and a similar name, or `otherwise`.
    """
    if not word:
        raise DialInputError(["The name of a dial comes first, such as: dropout 0.1"])
    found = matching_rules(word, rules)
    if len(found) == 1:
        return found[0]
    shown = safe_line(word, MAX_SHOWN_WORD)
    if found:
        raise DialInputError([f"{shown} may mean {' or '.join(rule.name for rule in found)}: type more of it."])
    names = [rule.name for rule in rules]
    near = difflib.get_close_matches(name_typed(word), names, n=1, cutoff=0.5)
    raise DialInputError([f"{unknown.format(shown)}{f' (did you mean {near[0]}?)' if near else otherwise}."])


def steps_typed(text: str) -> int | None:
    """A typed number of steps (`2000`, `2,000`, `2k`), None when it is not from 1 to `MAX_RUN_STEPS`."""
    digits = text.strip().lower().replace(",", "").replace("_", "")
    factor = {"k": 1000, "m": 1_000_000}.get(digits[-1:], 1)
    digits = digits[:-1] if factor > 1 else digits
    steps = factor * int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= 12 else 0
    return steps if 1 <= steps <= MAX_RUN_STEPS else None


def _change(name: str, typed: str, rules: Sequence[DialRule]) -> Request:
    rule = find_rule(name, rules)
    words = typed.split()
    if not words or (len(words) != 1 and not rule.is_word):
        what = "takes one position" if words else "needs a position"
        raise DialInputError([f"{rule.name} {what}: {rule.allowed}."])
    position = " ".join(words).lower()
    problem = rule.problem(position)
    if problem is not None:
        raise DialInputError([safe_line(problem)])
    if rule.is_word:
        return Request(command_id=0, action=rule.action, dial=rule.name, text=position)
    dial = rule.name if rule.action == "set" else ""
    return Request(command_id=0, action=rule.action, dial=dial, value=float(position.replace("_", "")))
