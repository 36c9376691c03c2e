"""What the screens and the command line hand to the engine client, as plain data. Nothing here loads the engine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from babytrain.engine.config.settings import Config


@dataclass(frozen=True)
class PresetChoice:
    """One line of the new-run dialog."""

    name: str
    summary: str


@dataclass(frozen=True)
class NewRunOptions:
    """What the new-run dialog returns; the defaults are what one Enter gives."""

    preset: str = "baby"
    corpus: str = "haiku"  # a built-in corpus, or a path / glob typed by the person
    name: str = ""
    steps: int | None = None  # None: the preset's own


@dataclass(frozen=True)
class NewRunRequest:
    """A new run that was checked but not started (`validation.check_new_run`). `notes` go into its log."""

    config: Config
    paths: tuple[str, ...]
    name: str | None
    stdin: bytes | None = None
    notes: tuple[str, ...] = ()
