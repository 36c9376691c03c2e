"""One command, one place: what the key map promises to bindings, footer, palette and help."""

from __future__ import annotations

import pytest

from babytrain.tui.keys.keymap import (
    COMMANDS_BY_ID,
    KEY_COMMANDS,
    SCOPES_BY_MODE,
    KeyMode,
    bindings_in,
    commands_for,
    commands_in,
    find_clashes,
    refusal_bindings,
    split_keys,
)
from babytrain.tui.keys.user_keys import key_name
from babytrain.tui.widgets.common.key_bar import collect_hints, fit_hints


def test_every_command_has_its_own_id() -> None:
    assert len(COMMANDS_BY_ID) == len(KEY_COMMANDS)


def test_no_key_stands_for_two_commands_on_one_screen() -> None:
    assert find_clashes({}) == []


def test_every_command_is_explained() -> None:
    assert [command.id for command in KEY_COMMANDS if not command.help.endswith(".")] == []


def test_every_command_belongs_to_a_screen() -> None:
    offered = {command.id for mode in SCOPES_BY_MODE for command in commands_for(mode)}
    assert offered == set(COMMANDS_BY_ID)


def test_what_is_in_the_footer_is_in_the_palette_too() -> None:
    assert [command.id for command in KEY_COMMANDS if command.label and not command.title] == []


@pytest.mark.parametrize("command", KEY_COMMANDS, ids=lambda command: command.id)
def test_keys_are_written_as_textual_knows_them(command: object) -> None:
    keys = split_keys(command.keys)  # type: ignore[attr-defined]
    assert [key_name(key) for key in keys] == keys


@pytest.mark.parametrize("mode", ["replay", "watch"])
def test_live_keys_explain_themselves_where_nothing_can_be_steered(mode: KeyMode) -> None:
    taken = {key for command in commands_for(mode) for key in split_keys(command.keys)}
    free = {key for command in commands_in("live") for key in split_keys(command.keys)} - taken
    assert {binding.key for binding in refusal_bindings(mode)} == free
    assert not any(binding.show for binding in refusal_bindings(mode))


@pytest.mark.parametrize("mode", ["samples", "chat", "letters"])
def test_the_way_out_of_a_full_screen_stands_in_the_narrowest_footer(mode: KeyMode) -> None:
    hints = collect_hints(
        [binding for binding in bindings_in(*SCOPES_BY_MODE[mode]) if binding.show],
        lambda binding: binding.key_display or binding.key,
    )
    line, _ = fit_hints(hints, None, 40)
    assert "esc " in line.plain
