"""The checks of commands: one a command, found by its id."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeAlias

from tests.tui.driving import Driver

Check: TypeAlias = Callable[[Driver, str], Awaitable[None]]
CHECKS: dict[str, Check] = {}
# Checks that end the app or leave the screen get an app to themselves.
ALONE: set[str] = set()


def check(*ids: str, alone: bool = False) -> Callable[[Check], Check]:
    """This is how to see that these commands work: the check is handed each of their keys in turn."""

    def register(function: Check) -> Check:
        for command_id in ids:
            assert command_id not in CHECKS, f"two checks of {command_id}"
            CHECKS[command_id] = function
            if alone:
                ALONE.add(command_id)
        return function

    return register
