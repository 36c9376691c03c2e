"""`babytrain-tui doctor` and `babytrain-tui settings`."""

from __future__ import annotations

import os


def doctor() -> None:
    """What was found on this machine, and why something is missing."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from babytrain.tui.engine_client.validation import examine_machine
    from babytrain.tui.terminal.safe_text import safe_text

    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(width=1)
    table.add_column(no_wrap=True, style="bold")
    table.add_column()
    for result in examine_machine():
        symbol, style = {True: ("✓", "green"), False: ("✗", "red"), None: ("·", "yellow")}[result.ok]
        words = Text(safe_text(result.what))
        if result.why and not result.ok:
            words.append(f"\n{safe_text(result.why)}", style="dim")
        table.add_row(Text(symbol, style=style), Text(result.topic), words)
    Console().print(table)


def settings() -> None:
    """Every setting that --set and a TOML file take, with its default."""
    from rich.console import Console
    from rich.text import Text

    from babytrain.tui.cli.output import list_table
    from babytrain.tui.engine_client.machine_settings import machine_settings_path
    from babytrain.tui.engine_client.validation import MACHINE_GROUPS, describe_settings
    from babytrain.tui.terminal.safe_text import safe_text

    rows: list[tuple[str, str, str]] = []
    for group, settings_of_group in describe_settings().items():
        rows += [("", "", ""), (f"[{group}]", "", ""), *settings_of_group]
    console = Console()
    console.print(list_table(("setting", "default", "what it is"), rows))
    path = safe_text(str(machine_settings_path(os.environ)[0]))
    own = f"{', '.join(MACHINE_GROUPS)} and for kept_text_megabytes"
    console.print(Text(f"\nYour own defaults for {own} stand in {path}, as lines of TOML."))
