"""Finds the checkpoint a person names among folder names, without torch."""

from __future__ import annotations

import re
from collections.abc import Sequence

from babytrain.engine.config.errors import EngineError

LONGEST_NAME = 40
_LISTED = 8


class CheckpointNotFound(EngineError):
    """There is no such checkpoint: str() is half a sentence with those that exist, `problems` has the whole one."""

    def __init__(self, reason: str) -> None:
        super().__init__([f"{reason[0].upper()}{reason[1:]}."])
        self._reason = reason

    def __str__(self) -> str:
        return self._reason


def normalized_name(name: str) -> str:
    """A name as used in a folder's name: lower case letters and digits, with hyphens between them."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:LONGEST_NAME]


def name_problem(name: str) -> str:
    """Why a checkpoint cannot have this name, as half a sentence, or ""."""
    name = normalized_name(name)
    if name in ("best", "last") or name.isdigit():
        return f"{name!r} already stands for another checkpoint: choose a name other than best, last or a number"
    return ""


def find_checkpoint(folders: Sequence[str], wanted: str, *, best: str | None, last: str | None) -> str:
    """The folder that `wanted` means: itself, "best", "last", a name a person gave, or a step (`1,000` or `1000`).

    `folders` are all complete checkpoints (`step-000001000`, `step-000001000-name`), oldest first, of which `best` and
    `last` are two. Raises CheckpointNotFound.
    """
    if not folders:
        raise CheckpointNotFound("there is no checkpoint yet")
    text = wanted.strip()
    found = text if text in folders else {"best": best, "last": last}.get(text)
    if found is None and (name := normalized_name(text)):
        found = next((folder for folder in folders if _name(folder) == name), None)
    if found is None and (number := text.replace(",", "")).isdigit():
        found = next((folder for folder in folders if _step(folder) == (number.lstrip("0") or "0")), None)
    if found is None:
        known = ", ".join(_name(folder) or f"{int(_step(folder)):,}" for folder in folders[-_LISTED:])
        raise CheckpointNotFound(f"there is no checkpoint {wanted!r}; there are {known}")
    return found


def _name(folder: str) -> str:
    return folder.removeprefix("step-").partition("-")[2]


def _step(folder: str) -> str:
    """The step, in digits without leading zeros."""
    return folder.removeprefix("step-").partition("-")[0].lstrip("0") or "0"
