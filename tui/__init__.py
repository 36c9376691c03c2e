"""The top floor: Textual screens and widgets, the key map and the `babytrain-tui` command line.

Knows events and run state (`babytrain.runs`); reaches the engine only through `session.py`. Never imports torch.
"""
