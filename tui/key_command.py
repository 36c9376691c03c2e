"""What a command is: where it belongs, the keys that mean it and the words that explain it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from textual.binding import Binding

Scope: TypeAlias = Literal[
    "everywhere",
    "home",
    "live",
    "replay",
    "panes",
    "cycle",
    "chart",
    "arrows",
    "scroll",
    "letters",
    "quit",
    "dialog",
    "picture",
    "samples",
    "talk",
]


@dataclass(frozen=True)
class KeyCommand:
    """One thing a person can do. `action` is a Textual action, looked up on the screen (or the app, with `app.`)."""

    id: str
    scope: Scope
    keys: str
    action: str
    label: str  # footer
    title: str  # palette
    help: str
    group: Binding.Group | None = None
    display: str | None = None  # how the footer shows the key, where Textual's own name is long
    priority: bool = False

    def binding(self) -> Binding:
        """The Textual binding; its id is what people's own keys refer to."""
        return Binding(
            self.keys,
            self.action,
            self.label or self.title,
            show=bool(self.label),
            key_display=self.display,
            priority=self.priority,
            tooltip=self.help,
            id=self.id,
            group=self.group,
        )
