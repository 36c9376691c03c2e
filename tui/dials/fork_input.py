"""Parses a typed fork: `best lr 1e-3, steps 3000`. Pure functions.

First the checkpoint (`best`, `last`, its name or its step; nothing means best), then settings as in `dial_input.py`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from babytrain.runs.dials.renamed_settings import present_value, renaming_notes
from babytrain.tui.dials.dial_input import (
    MAX_SHOWN_WORD,
    DialInputError,
    DialRule,
    find_rule,
    matching_rules,
    name_typed,
    split_name,
    split_pieces,
    without_thousands,
)
from babytrain.tui.terminal.safe_text import safe_line

DEFAULT_CHECKPOINT = "best"


@dataclass(frozen=True)
class ForkRequest:
    """The checkpoint of a fork, and its changed settings as typed, by full name."""

    at: str
    changes: Mapping[str, str]
    notes: tuple[str, ...] = ()  # about renamed settings


def parse_fork(typed: str, rules: Sequence[DialRule], checkpoints: Collection[str] = ()) -> ForkRequest:
    """The fork in a line; `checkpoints` are the known names. Raises DialInputError with all problems."""
    problems: list[str] = []
    at, parts = _split_parts(typed, rules, checkpoints, problems)
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


def setting_in_progress(typed: str, rules: Sequence[DialRule], checkpoints: Collection[str] = ()) -> DialRule | None:
    """The setting being typed at the end of a line, None if not known yet."""
    _, parts = _split_parts(typed, rules, checkpoints, [])
    found = matching_rules(split_name(parts[-1])[0], rules) if parts and not typed.rstrip().endswith(",") else []
    return found[0] if len(found) == 1 else None


def _split_parts(
    typed: str, rules: Sequence[DialRule], checkpoints: Collection[str], problems: list[str]
) -> tuple[str, list[str]]:
    first, _, others = without_thousands(typed).partition(",")
    at, rest = _split_checkpoint(first, rules, checkpoints, problems)
    return at, split_pieces(f"{rest},{others}")


def _split_checkpoint(
    part: str, rules: Sequence[DialRule], checkpoints: Collection[str], problems: list[str]
) -> tuple[str, str]:
    """The checkpoint at the start of a line, and what follows it."""
    word, _, rest = part.strip().partition(" ")
    if not word:
        return DEFAULT_CHECKPOINT, ""
    if word in (DEFAULT_CHECKPOINT, "last") or word in checkpoints or word.isdigit():
        return word, rest
    if matching_rules(split_name(part)[0], rules):
        return DEFAULT_CHECKPOINT, part
    if "=" in word or len(rest.split()) == 1:  # a value of an unknown name
        shown = safe_line(word.partition("=")[0], MAX_SHOWN_WORD)
        problems.append(f"There is neither a checkpoint nor a setting {shown}.")
        return DEFAULT_CHECKPOINT, ""
    return word, rest


def _setting(part: str, rules: Sequence[DialRule], notes: list[str]) -> tuple[str, str]:
    """A setting and its value; adds to `notes` if it was renamed. Raises DialInputError."""
    name, typed_value = split_name(part)
    rule = find_rule(name, rules, unknown="A fork has no setting {} of its own", otherwise="")
    notes += renaming_notes({name_typed(name): typed_value})
    value = present_value(rule.name, typed_value)
    if not value:
        raise DialInputError([f"{rule.name} needs a value: {rule.allowed}."])
    if not rule.is_word and len(value.split()) > 1:
        raise DialInputError([f"{rule.name} takes one value, {rule.allowed}; put a comma between two settings."])
    problem = rule.problem(value)
    if problem is not None:
        raise DialInputError([safe_line(problem)])
    return rule.name, value
