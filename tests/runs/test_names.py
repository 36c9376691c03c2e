"""Names: friendly when drawn, harmless when typed."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from babytrain.runs.names import LONGEST_SLUG, friendly_name, slug


@given(st.text(alphabet=st.characters()))
def test_any_text_is_harmless_as_a_folder_name(name: str) -> None:
    assert re.fullmatch(r"([a-z0-9]+(-[a-z0-9]+)*)?", slug(name))
    assert len(slug(name)) <= LONGEST_SLUG
    assert slug(slug(name)) == slug(name)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Ziggy", "ziggy"),
        ("my first run!", "my-first-run"),
        ("../../etc/passwd", "etc-passwd"),
        ("Grüße", "grusse"),
        ("🦦", ""),
        ("...", ""),
        ("\x1b[2J", "2j"),
        ("a" * 300, "a" * LONGEST_SLUG),
        ("a" * 39 + " b", "a" * 39),
    ],
)
def test_what_is_left_of_a_name(name: str, expected: str) -> None:
    assert slug(name) == expected


@given(st.integers(0, 10_000))
def test_a_drawn_name_is_its_own_slug_and_follows_from_the_seed(seed: int) -> None:
    assert friendly_name(seed) == slug(friendly_name(seed))
    assert friendly_name(seed)


def test_drawn_names_differ() -> None:
    names = {friendly_name(seed) for seed in range(200)}
    assert len(names) > 120
    assert any("-" in name for name in names)
    assert any("-" not in name for name in names)
