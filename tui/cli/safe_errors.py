"""Errors about what was typed, made safe to show: an argument may hold what a terminal would obey."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from typer.core import TyperGroup
from typer.exceptions import TyperException


class SafeErrorsGroup(TyperGroup):
    """The program, whose errors about what was typed are safe to show."""

    def make_context(self, *arguments: Any, **options: Any) -> Any:
        """Parse the options of the program."""
        with _safe_messages():
            return super().make_context(*arguments, **options)

    def invoke(self, ctx: Any) -> Any:
        """Parse and run a command."""
        with _safe_messages():
            return super().invoke(ctx)


@contextmanager
def _safe_messages() -> Iterator[None]:
    try:
        yield
    except TyperException as error:
        if isinstance(message := getattr(error, "message", None), str):
            from babytrain.tui.terminal.safe_text import safe_line

            error.message = safe_line(message)
        raise
