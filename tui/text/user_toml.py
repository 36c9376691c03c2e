"""Reads a TOML file that the user wrote: their keys or their machine settings."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from babytrain.runs.errors import error_reason
from babytrain.runs.files.regular_files import read_toml_file


@dataclass(frozen=True)
class UserToml:
    """A document and a sentence about what is wrong with it, or ""; `is_absent`: there is no file that can be read."""

    document: dict[str, Any] = field(default_factory=dict)
    problem: str = ""
    is_absent: bool = False


def read_user_toml(path: Path, what: str, missing: str = "") -> UserToml:
    """The document in `path`, empty where it cannot be read; `missing` is the problem where there is no file.

    `what` names the contents in the sentence of a problem, in the plural. Never raises.
    """
    try:
        return UserToml(read_toml_file(path, follow_links=True))
    except FileNotFoundError:
        return UserToml(problem=missing, is_absent=True)
    except OSError as error:
        sentence = f"Cannot read the {what} in {path} ({error_reason(error)}): the usual ones are used."
        return UserToml(problem=missing or sentence, is_absent=True)
    except ValueError as error:  # not TOML, or not UTF-8
        return UserToml(problem=f"The {what} in {path} are not valid TOML: {error_reason(error)}.")
