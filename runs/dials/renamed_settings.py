"""Names of settings up to version 0.2, and what they are called now.

Dials are named like settings, so this is also how old journals and checkpoints name them. Files of old runs are read
through `present_settings` and never rewritten; a person who writes an old name is told by `renaming_notes`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

Value = TypeVar("Value")

RENAMED_SETTINGS = {
    "jitter": "window_shift",
    "noise": "token_noise",
    "products": "matmul_backend",
    "temperature_ceiling": "temperature_ceiling_celsius",
    "power_budget": "power_budget_watts",
    "electricity_price": "electricity_price_per_kwh",
    "nickname": "gpu_nickname",
    "more_prompts": "extra_prompts",
    "favourite": "tracked_letter",
    "keep": "keep_checkpoints",
    "guard_patience": "guard_patience_steps",
    "rescues": "max_rollbacks",
    "overfitting": "on_overfitting",
    "decay": "wsd_decay_fraction",
    "min_lr": "min_lr_ratio",
    "range_test": "lr_range_test",
}
# By the present name of the setting.
RENAMED_VALUES: Mapping[str, Mapping[str, str]] = {"on_overfitting": {"say": "report", "go_back": "rollback"}}


def present_name(name: str) -> str:
    """What a setting or dial is called now."""
    return RENAMED_SETTINGS.get(name, name)


def present_value(name: str, value: Value) -> Value | str:
    """What a value is called now; `name` is the setting's present one."""
    return RENAMED_VALUES.get(name, {}).get(value, value) if isinstance(value, str) else value


def present_settings(settings: Mapping[str, Value]) -> dict[str, Value | str]:
    """Settings, or positions of dials, by their present names. Of two names of one setting the later one counts."""
    named = ((present_name(name), value) for name, value in settings.items())
    return {name: present_value(name, value) for name, value in named}


def renaming_notes(settings: Mapping[str, object]) -> list[str]:
    """A sentence on each old name, for the person who wrote it."""
    notes = []
    for name, value in settings.items():
        new_name = present_name(name)
        new_value = present_value(new_name, value)
        if new_name != name:
            notes.append(f"{name} is called {new_name} now.")
        if new_value != value:
            notes.append(f"{new_name}={value} is called {new_name}={new_value} now.")
    return notes
