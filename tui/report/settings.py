"""The settings of a run, what differs from the defaults first; of several runs, what differs between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from babytrain.runs.state import Moment
from babytrain.tui.poster.markup import Markup, joined
from babytrain.tui.report.hypertext import table, tag, words
from babytrain.tui.report.side_by_side import names_of


def settings_in_force(moment: Moment) -> dict[str, str]:
    """The settings as text, with what a resume changed by the way."""
    return {key: as_text(value) for key, value in moment.settings.items()}


def as_text(value: object) -> str:
    """A setting as one types it."""
    if isinstance(value, bool):
        return "on" if value else "off"
    return f"{value:g}" if isinstance(value, float) and abs(value) < 1e6 else str(value)


def _default_text(default: str) -> str:
    """A default, as Python writes it, in the words of `as_text`."""
    if default in ("True", "False"):
        return as_text(default == "True")
    try:
        return as_text(float(default)) if not default.lstrip("-").isdigit() else default
    except ValueError:
        return default


def settings_of_one(moment: Moment, defaults: Mapping[str, str]) -> Markup:
    """Two tables: what was chosen, and, folded up, what was left alone. `defaults` are texts by key."""
    settings = settings_in_force(moment)
    usual = {key: _default_text(default) for key, default in defaults.items()}
    chosen = [(key, value, usual.get(key, "")) for key, value in settings.items() if value != usual.get(key)]
    rest = [(key, value) for key, value in settings.items() if value == usual.get(key)]
    parts = [table(("setting", "value", "default"), chosen) if chosen else tag("p", words("All at their defaults."))]
    if rest:
        said = "1 setting at its default" if len(rest) == 1 else f"{len(rest)} settings at their defaults"
        summary = tag("summary", words(said))
        parts.append(tag("details", summary, table(("setting", "value"), rest)))
    return joined(*parts)


def settings_of_several(moments: Sequence[Moment], defaults: Mapping[str, str]) -> Markup:
    """One table with a column a run, and only the settings in which they differ.

    A run from before a setting existed shows a dash, and differs from those that have it at anything but its default.
    """
    settings = [settings_in_force(moment) for moment in moments]
    usual = {key: _default_text(default) for key, default in defaults.items()}
    keys = dict.fromkeys(key for one in settings for key in one)
    rows = [
        (key, *(one.get(key, "–") for one in settings))
        for key in keys
        if len({one.get(key, usual.get(key)) for one in settings}) > 1
    ]
    if not rows:
        return tag("p", words("The runs have the same settings."))
    return table(("setting", *names_of(moments)), rows)
