"""How to see that each command does what its help says: the modules register a check a command when imported."""

from tests.tui.keys.every_key import (
    chart,
    chat,
    everywhere,
    letters,
    panes,
    reading,
    recording,
    run_list,
    samples,
    training,
)

__all__ = ["chart", "chat", "everywhere", "letters", "panes", "reading", "recording", "run_list", "samples", "training"]
