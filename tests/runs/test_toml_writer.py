"""What is written as TOML is what Python's own reader reads."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from babytrain.runs.toml_writer import toml_document
from tests.runs.builders import same

values = st.one_of(
    st.booleans(), st.integers(-(2**63), 2**63 - 1), st.floats(), st.text(), st.lists(st.text(), max_size=3)
)
tables = st.dictionaries(st.text(), values, max_size=6)


@given(st.dictionaries(st.text(), tables, max_size=3))
def test_every_table_comes_back(document: dict[str, dict[str, object]]) -> None:
    assert same(tomllib.loads(toml_document(document)), document)


@given(st.text(alphabet=st.characters()))
def test_no_control_character_and_no_surrogate_reaches_the_file(text: str) -> None:
    written = toml_document({"t": {"k": text, text: [text]}})
    assert not [character for character in written if ord(character) < 32 and character != "\n"]
    assert not [character for character in written if 0x7F <= ord(character) < 0xA0]
    written.encode("utf-8")
    tomllib.loads(written)


def test_numbers_keep_their_type() -> None:
    text = toml_document({"config": {"bias": True, "steps": 1, "lr": 1.0, "small": 1e-5, "big": 1e22}})
    assert same(tomllib.loads(text)["config"], {"bias": True, "steps": 1, "lr": 1.0, "small": 1e-5, "big": 1e22})


@pytest.mark.parametrize("value", [None, {"nested": 1}, [1, 2], b"bytes"])
def test_what_a_flat_table_cannot_hold_is_refused_by_name(value: object) -> None:
    with pytest.raises(TypeError, match="wrong_one"):
        toml_document({"config": {"wrong_one": value}})
