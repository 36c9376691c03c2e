"""How to see that each command does what its help says: the modules register a check a command when imported."""

from tests.tui.every_key import chart, everywhere, letters, panes, recording, run_list, samples, talk, training

__all__ = ["chart", "everywhere", "letters", "panes", "recording", "run_list", "samples", "talk", "training"]
