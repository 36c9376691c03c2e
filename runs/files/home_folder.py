"""The home folder in paths that a person wrote."""

from __future__ import annotations

import os
from pathlib import Path


def expand_home(path: str | Path) -> Path:
    """`path` with the home folder for a leading `~` or `~user`; of an unknown user the name stays, as in a shell."""
    return Path(os.path.expanduser(path))
