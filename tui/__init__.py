"""The top floor: Textual screens and widgets, the key map and the `babytrain-tui` command line.

Knows events and run state (`babytrain.runs`); reaches the engine only through `engine_client/`. Never imports torch.
"""
