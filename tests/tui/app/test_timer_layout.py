"""On the paths of the timer nothing may ask for a new layout of the whole screen."""

from __future__ import annotations

import ast
from pathlib import Path

import babytrain.tui.app.babytrain_app as app_module

TUI = Path(app_module.__file__).parent.parent
# Everything a tick calls; the dialogs, the home screen and the quit question only answer to keys.
TIMER_FILES = [*(TUI / "widgets").rglob("*.py"), *(TUI / "screens" / "run").glob("*.py")]


def calls(source: str, name: str) -> list[ast.Call]:
    found = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    return [node for node in found if isinstance(node.func, ast.Attribute) and node.func.attr == name]


def careless_updates(source: str) -> list[int]:
    """Lines that update a widget and have the screen laid out again. A file without Textual's widgets has none."""
    tree = ast.parse(source)
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module is not None]
    if not any(node.module.startswith("textual.widgets") for node in imports if node.module):
        return []
    kept = {"layout": False}
    return [
        call.lineno
        for call in calls(source, "update")
        if not any(
            keyword.arg in kept and isinstance(keyword.value, ast.Constant) and keyword.value.value is kept[keyword.arg]
            for keyword in call.keywords
        )
    ]


def test_updates_on_timer_paths_keep_the_layout() -> None:
    found = {path.name: careless_updates(path.read_text(encoding="utf-8")) for path in TIMER_FILES}
    assert {name: lines for name, lines in found.items() if lines} == {}


def test_a_careless_update_would_be_found() -> None:
    careless = "from textual.widgets import Static\nself.query_one(Static).update('x')\n"
    assert careless_updates(careless) == [2]
    assert careless_updates(careless.replace("'x'", "'x', layout=True")) == [2]
    assert careless_updates(careless.replace("'x'", "'x', layout=False")) == []


def test_refreshes_on_timer_paths_keep_the_layout() -> None:
    offenders = [
        f"{path.name}:{call.lineno}"
        for path in TIMER_FILES
        for call in calls(path.read_text(encoding="utf-8"), "refresh")
        if any(keyword.arg == "layout" for keyword in call.keywords)
    ]
    assert offenders == []


def test_nothing_animates_by_itself() -> None:
    banned = {"ProgressBar", "LoadingIndicator", "RichLog"}
    offenders = [
        f"{path.name}: {node.id}"
        for path in TUI.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Name) and node.id in banned
    ]
    assert offenders == []


def test_there_is_one_timer_a_screen() -> None:
    """That of a run draws; that of the list of runs looks whether the folder has changed."""
    intervals = [
        path.name for path in TUI.rglob("*.py") for _ in calls(path.read_text(encoding="utf-8"), "set_interval")
    ]
    assert sorted(intervals) == ["home.py", "run_screen.py"]
