"""Old names of settings: each leads to one that exists, and whoever wrote it is told."""

from __future__ import annotations

import pytest

from babytrain.engine.config.build import build_config, check_value
from babytrain.engine.config.errors import ConfigError
from babytrain.engine.config.settings import SETTINGS
from babytrain.runs.dials.renamed_settings import RENAMED_SETTINGS, RENAMED_VALUES, present_settings, renaming_notes


def test_every_old_name_leads_to_a_setting_and_is_none_itself() -> None:
    assert set(RENAMED_SETTINGS.values()) | set(RENAMED_VALUES) <= set(SETTINGS)
    assert not set(RENAMED_SETTINGS) & set(SETTINGS)
    for name, words in RENAMED_VALUES.items():
        assert all(check_value(name, word) is None for word in words.values())
        assert all(check_value(name, word) for word in words)


def test_settings_by_old_names_are_those_by_new_ones() -> None:
    old = {"jitter": 0.5, "noise": "0.1", "overfitting": "go_back", "rescues": 2, "lr": 0.01}
    new = {"window_shift": 0.5, "token_noise": "0.1", "on_overfitting": "rollback", "max_rollbacks": 2, "lr": 0.01}
    assert present_settings(old) == present_settings(new) == new
    assert build_config("baby", old) == build_config("baby", new)
    assert renaming_notes(new) == []
    assert renaming_notes(old) == [
        "jitter is called window_shift now.",
        "noise is called token_noise now.",
        "overfitting is called on_overfitting now.",
        "on_overfitting=go_back is called on_overfitting=rollback now.",
        "rescues is called max_rollbacks now.",
    ]


def test_what_is_wrong_with_an_old_setting_names_the_new_one() -> None:
    with pytest.raises(ConfigError, match=r"token_noise must lie between 0 and 0\.5; it is 2\."):
        build_config("baby", {"noise": "2"})


def test_values_of_any_kind_pass() -> None:
    settings = {"on_overfitting": ["say"], "lr": None}
    assert present_settings(settings) == settings
