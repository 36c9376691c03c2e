"""TOML out, for flat tables of plain values; Python's own `tomllib` reads it back.

Small enough to be worth less than a dependency. Every control character is escaped, so a hostile name can neither
break the file nor speak to a terminal that prints it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
# Quotes, backslashes, the C0 and C1 controls, and the two Unicode line separators.
_TO_ESCAPE = re.compile(r'["\\\x00-\x1f\x7f-\x9f\u2028\u2029]')


def toml_document(tables: Mapping[str, Mapping[str, object]]) -> str:
    """A TOML document of named tables. Values are str, int, float, bool or lists of str; others raise TypeError."""
    parts: list[str] = []
    for name, table in tables.items():
        lines = [f"{_key(key)} = {_value(key, value)}\n" for key, value in table.items()]
        parts.append(f"[{_key(name)}]\n" + "".join(lines))
    return "\n".join(parts)


def _key(key: str) -> str:
    return key if _BARE_KEY.fullmatch(key) else _string(key)


def _value(key: str, value: object) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case int():
            return str(int(value))
        case float():
            return repr(float(value)) if math.isfinite(value) else str(float(value))
        case str():
            return _string(value)
        case list() | tuple() if all(isinstance(item, str) for item in value):
            return "[" + ", ".join(_string(item) for item in value) + "]"
    raise TypeError(f"{key} cannot stand in a TOML table: {type(value).__name__}")


def _string(text: str) -> str:
    # Arguments that were no UTF-8 arrive with lone surrogates, which TOML cannot hold: spell them out.
    text = text.encode("utf-8", "backslashreplace").decode("utf-8")
    return '"' + _TO_ESCAPE.sub(_escape, text) + '"'


def _escape(match: re.Match[str]) -> str:
    character = match.group()
    return f"\\{character}" if character in '"\\' else f"\\u{ord(character):04X}"
