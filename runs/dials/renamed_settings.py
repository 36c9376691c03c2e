"""Names of settings and dials up to version 0.2, and their present names. Old files are never rewritten."""

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
    """The present name of a setting or dial."""
    return RENAMED_SETTINGS.get(name, name)


def present_value(name: str, value: Value) -> Value | str:
    """The present name of a value of the setting `name` (its present name)."""
    return RENAMED_VALUES.get(name, {}).get(value, value) if isinstance(value, str) else value


def present_settings(settings: Mapping[str, Value]) -> dict[str, Value | str]:
    """Settings, or positions of dials, by their present names; the later one counts if a setting occurs twice."""
    named = ((present_name(name), value) for name, value in settings.items())
    return {name: present_value(name, value) for name, value in named}


def renaming_notes(settings: Mapping[str, object]) -> list[str]:
    """A sentence for the user on each old name among `settings`."""
    notes = []
    for name, value in settings.items():
        new_name = present_name(name)
        new_value = present_value(new_name, value)
        if new_name != name:
            notes.append(f"{name} is called {new_name} now.")
        if new_value != value:
            notes.append(f"{new_name}={value} is called {new_name}={new_value} now.")
    return notes
