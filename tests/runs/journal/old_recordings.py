"""Two recordings as version 0.2 wrote them, with fewer steps and readings, and the same in the present schema."""

from __future__ import annotations

from pathlib import Path

OLD_RECORDINGS = sorted((Path(__file__).parent / "schema_v1").glob("*.jsonl"))


def in_present_schema(old: Path) -> Path:
    """The same recording in the present schema."""
    return old.parent.parent / "schema_v2" / old.name
