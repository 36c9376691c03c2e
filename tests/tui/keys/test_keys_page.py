"""docs/keys.md is made from the key map, so it cannot say anything else (`pytest --update-golden` writes it)."""

from pathlib import Path

import pytest

from babytrain.tui.keys.keymap import KEY_COMMANDS, SCOPE_TITLES

PAGE = Path(__file__).parents[3] / "docs" / "keys.md"
INTRODUCTION = """# Keys

`?` shows these in the program, with what every number on the screen means. Every command is also in the palette
(`ctrl+p`), and most in the footer, where they can be clicked.

Keys can be changed: put `id = "keys"` lines into `keys.toml` in the user's configuration folder (`?` names the file;
`BABYTRAIN_KEYS` may name another). Several keys are separated by commas. What is wrong in it is said at the start.

```toml
"live.lr_up" = "plus,k"
"live.sample" = "o"
```
"""


def keys_page() -> str:
    lines = [INTRODUCTION.rstrip()]
    for scope, title in SCOPE_TITLES.items():
        commands = [command for command in KEY_COMMANDS if command.scope == scope]
        if not commands:
            continue
        lines += ["", f"## {title}", "", "| key | id | what it does |", "| --- | --- | --- |"]
        for command in commands:
            keys = " ".join(f"`{key}`" for key in (command.display or command.keys).split(","))
            lines.append(f"| {keys} | `{command.id}` | {command.help} |".replace("`|`", "`\\|`"))
    return "\n".join(lines) + "\n"


def test_the_page_lists_every_key(request: pytest.FixtureRequest) -> None:
    if request.config.getoption("--update-golden", default=False):
        PAGE.write_text(keys_page(), encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == keys_page()
