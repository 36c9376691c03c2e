"""Journals of schema 1 (versions up to 0.2), rewritten line by line to the present schema before they are decoded.

Only lines of kinds that have changed are parsed. A line of the present schema is never changed, so a journal begun
under schema 1 and resumed by a newer version is read by the same rule. Schema 1 has no `plan` and no dial positions in
a `command`: `DialHistory` makes both, because that takes the whole run.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from babytrain.runs.dials.renamed_settings import RENAMED_SETTINGS, present_settings

KINDS = {"reading": "text_metrics", "restraint": "policy", "rescue": "guard", "exam": "final_evaluation", "note": "log"}
# By the kind of schema 1: fields, also of the objects within.
FIELDS = {
    "reading": {"parrot_index": "memorisation"},
    "restraint": {"deed": "action", "duty": "duty_cycle"},
    "rescue": {"deed": "action"},
    "exam": {"never_paired": "unseen_pairs"},
    "verdict": {"again": "repeated"},
    "resumed": {"within": "rollback"},
    "sample": {"asked": "requested"},
    "letters": {"guessed": "predicted", "favourite": "tracked_letter", "favourite_recall": "tracked_letter_recall"},
}
# By the kind of schema 1 and the field of the present one, also of the objects within.
VALUES: Mapping[str, Mapping[str, Mapping[str, str]]] = {
    "restraint": {"action": {"overruled": "overridden"}},
    "command": {"action": {"go_back": "rollback"}, "dial": RENAMED_SETTINGS},
    "verdict": {"action": {"go_back": "rollback"}, "dial": RENAMED_SETTINGS},
    "checkpoint": {"reason": {"asked": "requested"}},
    "phase": {"phase": {"resting": "policy_pause"}},
    "energy": {"quality": {"typed": "manual"}},
}
_OBJECTS = ("confusions", "sources", "advice", "alternative")  # fields whose objects are renamed as well
_SETTINGS_FIELDS = {"started": "config", "resumed": "changes"}

_CHANGED = re.compile(b'{"kind":"(%s)"' % "|".join({*KINDS, *FIELDS, *VALUES, *_SETTINGS_FIELDS}).encode())
_SCHEMA = re.compile(rb'\{"kind":"started",.{0,200}?"schema":(\d+)')


def is_schema_1(head: bytes) -> bool:
    """Whether the first lines of a journal say schema 1, or nothing: lines of the present schema are not changed."""
    match = _SCHEMA.match(head)
    return match is None or int(match[1]) < 2


def upgrade_lines(data: bytes) -> bytes:
    """Some whole lines in the present schema; what cannot be parsed is left for the decoder to count."""
    lines = data.split(b"\n")
    for number, line in enumerate(lines):
        if match := _CHANGED.match(line):
            lines[number] = _upgraded(line, match[1].decode())
    return b"\n".join(lines)


def _upgraded(line: bytes, kind: str) -> bytes:
    try:
        event = msgspec.json.decode(line)
        upgraded = _renamed(event, FIELDS.get(kind, {}), VALUES.get(kind, {}))
        settings = upgraded.get(_SETTINGS_FIELDS.get(kind, ""))
        if isinstance(settings, dict):
            upgraded[_SETTINGS_FIELDS[kind]] = present_settings(settings)
        if kind in KINDS:
            upgraded["kind"] = KINDS[kind]
        return line if upgraded == event else msgspec.json.encode(upgraded)
    except (ValueError, OverflowError, RecursionError):
        return line


def _renamed(part: Any, fields: Mapping[str, str], values: Mapping[str, Mapping[str, str]]) -> Any:
    """A JSON value with renamed keys and values, in the same order: readers look for `kind` at the beginning."""
    if isinstance(part, list):
        return [_renamed(item, fields, values) for item in part]
    if not isinstance(part, dict):
        return part
    renamed = {}
    for old_name, value in part.items():
        name = fields.get(old_name, old_name)
        if name in _OBJECTS:
            renamed[name] = _renamed(value, fields, values)
        else:
            renamed[name] = values.get(name, {}).get(value, value) if isinstance(value, str) else value
    return renamed
