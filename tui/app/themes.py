"""Our two themes, read from `styles/themes.toml`."""

from __future__ import annotations

import tomllib
from pathlib import Path

from textual.theme import Theme

_DOCUMENT = (Path(__file__).parent.parent / "styles" / "themes.toml").read_text(encoding="utf-8")
DARK_THEME, LIGHT_THEME = (Theme(**table) for table in tomllib.loads(_DOCUMENT)["theme"])
