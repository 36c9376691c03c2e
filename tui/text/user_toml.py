"""Reads a TOML file that the user wrote: their keys or their machine settings."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any


def read_user_toml(path: Path, what: str, missing: str = "") -> tuple[dict[str, Any], str]:
    """The document in `path` and "", or {} and a sentence about the problem; `missing` where there is no file.

    `what` names the contents in that sentence, in the plural. Never raises.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8")), ""
    except FileNotFoundError:
        return {}, missing
    except OSError as error:
        return {}, f"Cannot read the {what} in {path}: {error.strerror or error}."
    except ValueError as error:  # not TOML, or not UTF-8
        return {}, f"The {what} in {path} are not valid TOML: {error}."
