"""The `babytrain-tui` command line. `commands.py` holds the typer app."""
