"""`python -m babytrain` is `babytrain-tui`."""

import sys


def main() -> None:
    """Load the program and run it; Ctrl-C ends it quietly also while it is loaded."""
    try:
        from babytrain.tui.cli.commands import main as run
    except KeyboardInterrupt:
        sys.exit(130)
    run()


if __name__ == "__main__":
    main()
