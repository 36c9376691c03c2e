"""The recorded runs that ship with the program."""

from __future__ import annotations

from importlib import resources
from pathlib import Path


def recorded_runs(folder: Path | None = None) -> list[Path]:
    """The journals (`*.jsonl`) in `folder`, by default those of this package, sorted by name."""
    if folder is None:
        folder = Path(str(resources.files(__name__)))
    return sorted(path for path in folder.glob("*.jsonl") if path.is_file())
