"""A fork as a person types it: `best lr 1e-3, steps 3000`. Pure functions.

First the checkpoint (`best`, `last`, its name or its step; nothing means best), then settings with their new values,
separated by commas. A setting's name may be cut short as long as it means one. A part that begins with a digit goes on
with the value before it (`quiet_hours 22:00-06:00, 12:00-13:00`). Everything that is wrong is found at once, one
sentence each, with the range that is allowed.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from babytrain.runs.errors import ProblemsError
from babytrain.tui.dials.dial_input import DialRule, continues_value, without_thousands
from babytrain.tui.terminal.safe_text import safe_line

DEFAULT_CHECKPOINT = "best"
_MAX_SHOWN_WORD = 40
_SETTING = re.compile(r"\s*(?P<name>[^\s=:]*)\s*[=:]?\s*(?P<value>.*?)\s*", re.DOTALL)


class ForkInputError(ProblemsError):
    """What was typed is no fork that can be made."""


@dataclass(frozen=True)
class ForkRequest:
    """Where a fork begins, and its settings by their full names, as typed."""

    at: str
    changes: Mapping[str, str]


def parse_fork(typed: str, rules: Sequence[DialRule], places: Collection[str] = ()) -> ForkRequest:
    """The fork in a line; `places` are the names of the checkpoints there are. Raises ForkInputError."""
    problems: list[str] = []
    at, parts = _split_parts(typed, rules, places, problems)
    changes: dict[str, str] = {}
    for part in parts:
        try:
            name, value = _setting(part, rules)
        except ForkInputError as error:
            problems += error.problems
            continue
        if name in changes:
            problems.append(f"{name} stands there twice.")
        changes[name] = value
    if problems:
        raise ForkInputError(problems)
    return ForkRequest(at, changes)


def setting_in_progress(typed: str, rules: Sequence[DialRule], places: Collection[str] = ()) -> DialRule | None:
    """The setting that is being typed at the end of a line, if it is known yet."""
    _, parts = _split_parts(typed, rules, places, [])
    if not parts or typed.rstrip().endswith(","):
        return None
    match = _SETTING.fullmatch(parts[-1])
    try:
        return find_fork_setting(match["name"], rules) if match is not None and match["name"] else None
    except ForkInputError:
        return None


def find_fork_setting(word: str, rules: Sequence[DialRule]) -> DialRule:
    """The setting that a name or the beginning of one means. Raises ForkInputError."""
    name = word.lower().replace("-", "_")
    found = [rule for rule in rules if rule.name == name] or [rule for rule in rules if rule.name.startswith(name)]
    if len(found) == 1:
        return found[0]
    shown = safe_line(word, _MAX_SHOWN_WORD)
    if found:
        raise ForkInputError([f"{shown} may mean {' or '.join(rule.name for rule in found)}: type more of it."])
    near = difflib.get_close_matches(name, [rule.name for rule in rules], n=1, cutoff=0.5)
    guess = f" (did you mean {near[0]}?)" if near else ""
    raise ForkInputError([f"A fork has no setting {shown} of its own{guess}."])


def _split_parts(
    typed: str, rules: Sequence[DialRule], places: Collection[str], problems: list[str]
) -> tuple[str, list[str]]:
    """The checkpoint at the start of a line, and what stands there for each setting."""
    first, *others = without_thousands(typed).split(",")
    at, rest = _split_checkpoint(first, rules, places, problems)
    parts = [rest] if rest.strip() else []
    for part in others:
        if parts and continues_value(part):
            parts[-1] = f"{parts[-1].rstrip()}, {part.strip()}"
        elif part.strip():
            parts.append(part)
    return at, parts


def _split_checkpoint(
    part: str, rules: Sequence[DialRule], places: Collection[str], problems: list[str]
) -> tuple[str, str]:
    """The checkpoint at the start of a line, and what follows it."""
    word, _, rest = part.strip().partition(" ")
    if not word:
        return DEFAULT_CHECKPOINT, ""
    if word in (DEFAULT_CHECKPOINT, "last") or word in places or word.isdigit():
        return word, rest
    if _names_setting(part, rules):
        return DEFAULT_CHECKPOINT, part
    if "=" in word or len(rest.split()) == 1:  # a name and a value, but of what?
        shown = safe_line(word.partition("=")[0], _MAX_SHOWN_WORD)
        problems.append(f"There is neither a checkpoint nor a setting {shown}.")
        return DEFAULT_CHECKPOINT, ""
    return word, rest


def _names_setting(part: str, rules: Sequence[DialRule]) -> bool:
    match = _SETTING.fullmatch(part)
    try:
        return match is not None and bool(find_fork_setting(match["name"], rules))
    except ForkInputError as error:
        return " may mean " in error.problems[0]


def _setting(part: str, rules: Sequence[DialRule]) -> tuple[str, str]:
    """One setting and its value. Raises ForkInputError."""
    match = _SETTING.fullmatch(part)
    rule = find_fork_setting(match["name"] if match is not None else part, rules)
    value = match["value"] if match is not None else ""
    if not value:
        raise ForkInputError([f"{rule.name} needs a value: {rule.allowed}."])
    if not rule.is_word and len(value.split()) > 1:
        raise ForkInputError([f"{rule.name} takes one value, {rule.allowed}; put a comma between two settings."])
    problem = rule.problem(value)
    if problem is not None:
        raise ForkInputError([safe_line(problem)])
    return rule.name, value
