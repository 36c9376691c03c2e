"""The base class of every event, and the version of the journal's schema."""

from __future__ import annotations

import msgspec


class Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind"):
    """Fields of every event: `t` seconds of running time and the `step` it happened at."""

    t: float
    step: int


SCHEMA_VERSION = 2
