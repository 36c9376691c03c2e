"""`python -m babytrain` is `babytrain-tui`."""

from babytrain.tui.cli.commands import main

if __name__ == "__main__":
    main()
