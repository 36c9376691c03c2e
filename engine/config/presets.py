"""The presets of `presets.toml`; imports no torch, so that the command line can list them quickly."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

DEFAULT_PRESET = "baby"


@dataclass(frozen=True)
class Preset:
    """A named set of settings on top of the defaults, with one line on what it is for."""

    summary: str
    values: Mapping[str, Any]


def _read_presets() -> dict[str, Preset]:
    document = tomllib.loads(files(__package__).joinpath("presets.toml").read_text(encoding="utf-8"))
    return {name: Preset(values.pop("summary"), values) for name, values in document.items()}


PRESETS = _read_presets()
