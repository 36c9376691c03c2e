"""A fork as a person types it: `best lr 1e-3, steps 3000`. Pure functions.

First the checkpoint (`best`, `last`, its name or its step; nothing means best), then settings with their new values,
separated by commas. A setting's name may be cut short as long as it means one. A part that begins with a digit goes on
with the value before it (`quiet_hours 22:00-06:00, 12:00-13:00`). Everything that is wrong is found at once, one
sentence each, with the range that is allowed.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from babytrain.runs.dials.renamed_settings import present_value, renaming_notes
from babytrain.tui.dials.dial_input import (
    MAX_SHOWN_WORD,
    DialInputError,
    DialRule,
    continues_value,
    find_rule,
    name_typed,
    rules_named,
    without_thousands,
)
from babytrain.tui.terminal.safe_text import safe_line

DEFAULT_CHECKPOINT = "best"
_SETTING = re.compile(r"\s*(?P<name>[^\s=:]*)\s*[=:]?\s*(?P<value>.*?)\s*", re.DOTALL)


@dataclass(frozen=True)
class ForkRequest:
    """Where a fork begins, and its settings by their full names, as typed. `notes` tell new names."""

    at: str
    changes: Mapping[str, str]
    notes: tuple[str, ...] = ()


def parse_fork(typed: str, rules: Sequence[DialRule], places: Collection[str] = ()) -> ForkRequest:
    """The fork in a line; `places` are the names of the checkpoints there are. Raises DialInputError."""
    problems: list[str] = []
    at, parts = _split_parts(typed, rules, places, problems)
    changes: dict[str, str] = {}
    notes: list[str] = []
    for part in parts:
        try:
            name, value = _setting(part, rules, notes)
        except DialInputError as error:
            problems += error.problems
            continue
        if name in changes:
            problems.append(f"{name} stands there twice.")
        changes[name] = value
    if problems:
        raise DialInputError(problems)
    return ForkRequest(at, changes, tuple(notes))


def setting_in_progress(typed: str, rules: Sequence[DialRule], places: Collection[str] = ()) -> DialRule | None:
    """The setting that is being typed at the end of a line, if it is known yet."""
    _, parts = _split_parts(typed, rules, places, [])
    if not parts or typed.rstrip().endswith(","):
        return None
    match = _SETTING.fullmatch(parts[-1])
    found = rules_named(match["name"], rules) if match is not None and match["name"] else []
    return found[0] if len(found) == 1 else None


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
        shown = safe_line(word.partition("=")[0], MAX_SHOWN_WORD)
        problems.append(f"There is neither a checkpoint nor a setting {shown}.")
        return DEFAULT_CHECKPOINT, ""
    return word, rest


def _names_setting(part: str, rules: Sequence[DialRule]) -> bool:
    match = _SETTING.fullmatch(part)
    return match is not None and bool(rules_named(match["name"], rules))


def _setting(part: str, rules: Sequence[DialRule], notes: list[str]) -> tuple[str, str]:
    """One setting and its value; what is called otherwise now goes into `notes`. Raises DialInputError."""
    match = _SETTING.fullmatch(part)
    typed_name, typed_value = (match["name"], match["value"]) if match is not None else (part, "")
    rule = find_rule(typed_name, rules, "A fork has no setting {} of its own", "")
    notes += renaming_notes({name_typed(typed_name): typed_value})
    value = present_value(rule.name, typed_value)
    if not value:
        raise DialInputError([f"{rule.name} needs a value: {rule.allowed}."])
    if not rule.is_word and len(value.split()) > 1:
        raise DialInputError([f"{rule.name} takes one value, {rule.allowed}; put a comma between two settings."])
    problem = rule.problem(value)
    if problem is not None:
        raise DialInputError([safe_line(problem)])
    return rule.name, value
