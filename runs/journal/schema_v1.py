"""Journals of schema 1 (versions up to 0.2), rewritten line by line to the present schema before they are decoded.

Only lines of kinds that have changed are parsed; steps and sensor readings pass as they are. A line of the present
schema is never changed, so a journal that was begun under schema 1 and resumed by a newer version is read by the same
rule throughout. The file on disk stays as it is.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

KINDS = {"reading": "text_metrics", "restraint": "policy", "rescue": "guard", "exam": "final_evaluation", "note": "log"}
# By the kind of schema 1.
FIELDS = {
    "reading": {"parrot_index": "memorisation"},
    "restraint": {"deed": "action", "duty": "duty_cycle"},
    "rescue": {"deed": "action"},
    "exam": {"never_paired": "unseen_pairs"},
    "verdict": {"again": "repeated"},
    "resumed": {"within": "rollback"},
    "sample": {"asked": "requested"},
    "letters": {"guessed": "predicted"},  # of its confusions
}
# By the kind of schema 1 and the field of the present one.
VALUES = {
    ("restraint", "action"): {"overruled": "overridden"},
    ("command", "action"): {"go_back": "rollback"},
    ("checkpoint", "reason"): {"asked": "requested"},
    ("phase", "phase"): {"resting": "policy_pause"},
    ("energy", "quality"): {"typed": "manual"},  # of its sources
    ("verdict", "action"): {"go_back": "rollback"},  # of its advice
}

_CHANGED = tuple(f'{{"kind":"{kind}"'.encode() for kind in {*KINDS, *FIELDS, *(kind for kind, _ in VALUES)})
_SCHEMA = re.compile(rb'\{"kind":"started",.{0,200}?"schema":(\d+)')


def is_schema_1(head: bytes) -> bool:
    """Whether the beginning of a journal says schema 1. Also when it says nothing: newer lines are not changed."""
    match = _SCHEMA.match(head)
    return match is None or int(match[1]) < 2


def upgrade_lines(data: bytes) -> bytes:
    """Some whole lines in the present schema. What cannot be parsed stays as it is, for the decoder to count."""
    lines = data.split(b"\n")
    for number, line in enumerate(lines):
        if line.startswith(_CHANGED):
            lines[number] = _upgraded(line)
    return b"\n".join(lines)


def _upgraded(line: bytes) -> bytes:
    try:
        event = msgspec.json.decode(line)
    except (ValueError, RecursionError):
        return line
    kind = event["kind"]
    parts = [event]
    for name in ("confusions", "sources", "advice", "alternative"):
        value = event.get(name)
        parts.extend(part for part in (value if isinstance(value, list) else [value]) if isinstance(part, dict))
    fields = FIELDS.get(kind, {})
    values = {field: renamed for (of, field), renamed in VALUES.items() if of == kind}
    upgraded = [_renamed(part, fields, values) for part in parts]
    if len(parts) == 1 and upgraded[0] == event and kind not in KINDS:
        return line
    for part, new in zip(parts, upgraded, strict=True):
        part.clear()
        part.update(new)
    event["kind"] = KINDS.get(kind, kind)
    return msgspec.json.encode(event)


def _renamed(part: dict[str, Any], fields: dict[str, str], values: dict[str, dict[str, str]]) -> dict[str, Any]:
    """A JSON object with renamed keys and values. The order stays: readers look for `kind` at the beginning."""
    renamed = {fields.get(name, name): value for name, value in part.items()}
    for name, words in values.items():
        if isinstance(renamed.get(name), str):
            renamed[name] = words.get(renamed[name], renamed[name])
    return renamed
