"""People's own keys: right lines count, wrong ones are said in a sentence."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from babytrain.tui.keys.keymap import find_clashes
from babytrain.tui.keys.user_keys import key_name, keys_path, load_user_keys, parse_user_keys


def keys_file(tmp_path: Path, text: str) -> dict[str, str]:
    path = tmp_path / "mine.toml"
    path.write_text(text, encoding="utf-8")
    return {"BABYTRAIN_KEYS": str(path)}


def test_keys_may_be_written_as_they_are_typed(tmp_path: Path) -> None:
    environ = keys_file(tmp_path, '"live.pause" = "p"\n[replay]\nfaster = ["f", "ctrl+up"]\nslower = "."\n')
    keys = load_user_keys(environ)
    assert keys.problems == ()
    assert keys.keymap == {"live.pause": "p", "replay.faster": "f,ctrl+up", "replay.slower": "full_stop"}


def test_a_command_by_its_old_name_has_its_keys_and_the_new_name_is_told() -> None:
    keys = parse_user_keys({"live": {"go_back": "f9"}, "live.back_to": "f10"})
    assert keys.keymap == {"live.rollback": "f9", "live.rollback_to": "f10"}
    assert keys.problems == (
        "keys.toml: live.go_back is called live.rollback now.",
        "keys.toml: live.back_to is called live.rollback_to now.",
    )
    assert parse_user_keys({"talk.go_on": "f9", "home.talk": "f10"}).keymap == {"chat.go_on": "f9", "home.chat": "f10"}


def test_without_a_file_nothing_is_said() -> None:
    assert load_user_keys({"HOME": "/nonexistent", "BABYTRAIN_KEYS": ""}).keymap == {}


def test_a_named_file_that_is_missing_is_said(tmp_path: Path) -> None:
    keys = load_user_keys({"BABYTRAIN_KEYS": str(tmp_path / "none.toml")})
    assert keys.keymap == {}
    assert "does not exist" in keys.problems[0]


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("live.pause = p", "not valid TOML"),
        ('"live.puase" = "p"', "Did you mean live.pause?"),
        ('"live.pause" = 3', "wants a key"),
        ('"live.pause" = []', "wants a key"),
        ('"live.pause" = "qq"', "is not a key"),
        ('"live.pause" = "meta+ultra+p"', "is not a key"),
        ('"live.pause" = "s"', "it is live.sample already"),
    ],
)
def test_each_mistake_is_a_sentence(tmp_path: Path, text: str, word: str) -> None:
    keys = load_user_keys(keys_file(tmp_path, text))
    assert keys.keymap == {}
    assert len(keys.problems) == 1
    assert word in keys.problems[0]


def test_a_file_that_is_not_text_is_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_bytes(b"\xff\xfe")
    assert len(load_user_keys({"BABYTRAIN_KEYS": str(path)}).problems) == 1


def test_right_lines_count_beside_wrong_ones(tmp_path: Path) -> None:
    keys = load_user_keys(keys_file(tmp_path, '"live.pause" = "p"\n"nothing" = "x"\n'))
    assert keys.keymap == {"live.pause": "p"}
    assert len(keys.problems) == 1


def test_two_commands_may_change_places() -> None:
    keys = parse_user_keys({"live.pause": "s", "live.sample": "space"})
    assert keys.problems == ()
    assert keys.keymap == {"live.pause": "s", "live.sample": "space"}


VALUES = st.one_of(st.text(max_size=12), st.integers(), st.lists(st.text(max_size=8), max_size=3), st.none())
IDS = st.sampled_from(["live.pause", "live.sample", "app.quit", "chart.log_y", "replay.toggle", "pane.next", "junk"])


@given(st.dictionaries(IDS, VALUES))
def test_no_file_makes_two_commands_share_a_key(document: dict[str, object]) -> None:
    assert find_clashes(parse_user_keys(document).keymap) == []


@given(st.text(max_size=20))
def test_any_text_is_a_key_or_not(text: str) -> None:
    name = key_name(text)
    assert name is None or (name and "," not in name)


def test_the_file_is_looked_for_where_settings_live(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    path, named = keys_path({})
    assert path.name == "keys.toml"
    assert not named
