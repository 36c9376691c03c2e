"""The page about a run's files names every kind and field of the journal, and none that is not there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import msgspec
import pytest

from babytrain.runs.events import AnyEvent, Event, Predicted, SamplePiece

PAGE = Path(__file__).parents[2] / "docs" / "run-log.md"
LIVE_ONLY = (SamplePiece, Predicted)
KINDS: list[type[Event]] = [kind for kind in AnyEvent.__args__ if kind not in LIVE_ONLY]


def rows() -> dict[str, set[str]]:
    """What is written in code in the second column of the tables, by what is written so in the first."""
    found: dict[str, set[str]] = {}
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        cells = [re.findall(r"`([^`]+)`", cell) for cell in line.strip("|").split(" | ", 1)]
        if line.startswith("| `") and len(cells) == 2:
            for name in cells[0]:
                found.setdefault(name, set()).update(cells[1])
    return found


def parts(annotation: Any) -> Iterator[Any]:
    """A type and the types it is made of."""
    yield annotation
    if get_origin(annotation) is not Literal:
        for part in get_args(annotation):
            yield from parts(part)


def structs_within(kind: type[msgspec.Struct]) -> dict[str, type[msgspec.Struct]]:
    """The structs that a struct holds, by the field, at any depth."""
    found: dict[str, type[msgspec.Struct]] = {}
    for name, annotation in get_type_hints(kind).items():
        for part in parts(annotation):
            if isinstance(part, type) and issubclass(part, msgspec.Struct):
                found |= {name: part} | structs_within(part)
    return found


def names_of(kind: type[msgspec.Struct]) -> set[str]:
    return {field.encode_name for field in msgspec.structs.fields(kind)} - {"t", "step"}


def values_of(kind: type[msgspec.Struct]) -> set[str]:
    """The words that fields of a struct may be."""
    found: set[str] = set()
    for annotation in get_type_hints(kind).values():
        for part in parts(annotation):
            if get_origin(part) is Literal:
                found.update(get_args(part))
    return found


STRUCTS: dict[str, type[msgspec.Struct]] = {str(kind.__struct_config__.tag): kind for kind in KINDS}
NESTED = {name: part for kind in KINDS for name, part in structs_within(kind).items()}


@pytest.mark.parametrize("name", sorted(STRUCTS.keys() | NESTED.keys()))
def test_every_kind_and_field_is_on_the_page(name: str) -> None:
    described = [struct for struct in (STRUCTS.get(name), NESTED.get(name)) if struct is not None]
    fields = set().union(*map(names_of, described))
    written = rows().get(name, set())
    assert fields - written == set()
    assert written - fields - set().union(*map(values_of, described)) <= {"t", "step", "started", "sample"}


def test_the_page_names_no_kind_that_is_not_there() -> None:
    assert rows().keys() == STRUCTS.keys() | NESTED.keys()
