"""The structure holds: floors and rooms in order, no circles, light imports, nothing that has grown too large."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FLOORS = ("tui", "engine", "runs")
MAX_FLOOR_ENTRIES = 14
MAX_FOLDER_MODULES = 16
MAX_FOLDER_TEST_FILES = 18
MAX_MODULE_LINES = 400
MAX_FUNCTION_LINES = 75
MAX_PRODUCT_LINES = 46_000  # a ceiling, raised on purpose only: what is added has to replace something

PATHS = {
    ".".join(("babytrain", *path.relative_to(ROOT).with_suffix("").parts)).removesuffix(".__init__"): path
    for floor in FLOORS
    for path in sorted((ROOT / floor).rglob("*.py"))
}
TREES = {module: ast.parse(path.read_text(encoding="utf-8")) for module, path in PATHS.items()}


def imported_modules(tree: ast.Module) -> Iterator[str]:
    """Our own modules that a module imports anywhere: at the top, inside functions, for type checkers alone."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module in PATHS:
            for name in node.names:
                full = f"{node.module}.{name.name}"
                yield full if full in PATHS else node.module
        elif isinstance(node, ast.Import):
            yield from (name.name for name in node.names if name.name in PATHS)


IMPORTS = {module: set(imported_modules(tree)) for module, tree in TREES.items()}


def circle_in(arrows: dict[str, set[str]]) -> list[str]:
    try:
        TopologicalSorter(arrows).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def arrows_between_children(package: str) -> dict[str, set[str]]:
    """Which of the modules and folders in `package` imports which other, with all that stands in the folders."""
    arrows: dict[str, set[str]] = defaultdict(set)
    depth = package.count(".") + 2

    def child(module: str) -> str:
        return ".".join(module.split(".")[:depth])

    for module, imported in IMPORTS.items():
        if module.startswith(f"{package}."):
            arrows[child(module)] |= {child(name) for name in imported if name.startswith(f"{package}.")}
            arrows[child(module)].discard(child(module))
    return arrows


def test_the_import_contracts_hold() -> None:
    """In pyproject.toml: floors and rooms in order, one door to the engine, no torch or screen where none belongs."""
    finished = subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-cache"], cwd=ROOT, capture_output=True, text=True
    )
    assert finished.returncode == 0, finished.stdout


@pytest.mark.parametrize(
    "line",
    [
        "from babytrain.engine.config.settings import SETTINGS",
        "def late():\n    import torch",
        "import babytrain.engine",
    ],
)
def test_a_second_door_to_the_engine_breaks_the_contract(line: str, tmp_path: Path) -> None:
    """Also one inside a function: the contract counts those, and imports for type checkers, as well."""
    sources = {
        "tui/notifications.py": "",
        "tui/engine_client/client.py": "import babytrain.engine.config.settings\n",
        "engine/config/settings.py": "import torch\nSETTINGS = 1\n",
    }
    for name, source in sources.items():
        module = tmp_path / "babytrain" / name
        module.parent.mkdir(parents=True, exist_ok=True)
        module.write_text(source, encoding="utf-8")
        for folder in module.relative_to(tmp_path).parents[:-1]:
            (tmp_path / folder / "__init__.py").touch()
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    assert one_door(tmp_path) == 0
    with (tmp_path / "babytrain/tui/notifications.py").open("a") as notifications:
        notifications.write(f"\n{line}\n")
    assert one_door(tmp_path) == 1


def one_door(root: Path) -> int:
    """The exit code of the linter, asked about this contract alone."""
    lint = Path(sys.executable).parent / "lint-imports"
    environ = {**os.environ, "PYTHONPATH": str(root)}
    finished = subprocess.run(
        [lint, "--no-cache", "--contract", "one-door"], cwd=root, env=environ, capture_output=True, check=False
    )
    return finished.returncode


def test_only_one_room_of_the_screen_imports_the_engine() -> None:
    importers = {
        module for module, imported in IMPORTS.items() if any(name.startswith("babytrain.engine") for name in imported)
    }
    rooms = {".".join(module.split(".")[:3]) for module in importers if module.startswith("babytrain.tui.")}
    assert rooms == {"babytrain.tui.engine_client"}


def test_no_modules_import_each_other_in_a_circle() -> None:
    assert circle_in(IMPORTS) == []


def test_no_rooms_import_each_other_in_a_circle() -> None:
    """In no folder, however deep, do two entries need each other: neither two folders nor a folder and a module."""
    packages = [module for module, path in PATHS.items() if path.name == "__init__.py"]
    circles = {package: circle_in(arrows_between_children(package)) for package in packages}
    assert {package: circle for package, circle in circles.items() if circle} == {}


def test_imports_in_functions_and_for_type_checkers_count() -> None:
    source = """
if TYPE_CHECKING:
    from babytrain.runs.events import Step
def late():
    from babytrain.runs import errors
    import babytrain.runs.time_of_day
"""
    found = set(imported_modules(ast.parse(source)))
    assert found == {"babytrain.runs.events", "babytrain.runs.errors", "babytrain.runs.time_of_day"}
    assert circle_in({"a": {"b"}, "b": {"c"}, "c": {"a"}}) != []


@pytest.mark.parametrize("floor", FLOORS)
def test_a_floor_has_few_entries(floor: str) -> None:
    entries = [entry.name for entry in (ROOT / floor).iterdir() if entry.name not in ("__pycache__", "__init__.py")]
    assert len(entries) <= MAX_FLOOR_ENTRIES, sorted(entries)


def test_no_folder_holds_too_many_files() -> None:
    modules: dict[str, int] = defaultdict(int)
    for path in PATHS.values():
        modules[str(path.parent.relative_to(ROOT))] += path.name != "__init__.py"
    assert {folder: count for folder, count in modules.items() if count > MAX_FOLDER_MODULES} == {}
    tests: dict[str, int] = defaultdict(int)
    for path in (ROOT / "tests").rglob("*.py"):
        tests[str(path.parent.relative_to(ROOT))] += path.name != "__init__.py"
    assert {folder: count for folder, count in tests.items() if count > MAX_FOLDER_TEST_FILES} == {}


def test_the_tests_stand_in_the_rooms_of_the_program() -> None:
    folders = {path.parent.relative_to(ROOT / "tests") for path in (ROOT / "tests").rglob("test_*.py")}
    strangers = [str(folder) for folder in folders if folder.parts[:1] in [(floor,) for floor in FLOORS]]
    assert [folder for folder in strangers if not (ROOT / folder).is_dir()] == []


def test_no_module_and_no_function_is_too_long() -> None:
    lengths = {module: path.read_text(encoding="utf-8").count("\n") for module, path in PATHS.items()}
    too_long = {module: lines for module, lines in lengths.items() if lines > MAX_MODULE_LINES}
    for module, tree in TREES.items():
        functions = [node for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]
        for function in functions:
            assert function.end_lineno is not None
            if (lines := function.end_lineno - function.lineno + 1) > MAX_FUNCTION_LINES:
                too_long[f"{module}.{function.name}"] = lines
    assert too_long == {}


def test_the_floors_stay_small() -> None:
    assert sum(path.read_text(encoding="utf-8").count("\n") for path in PATHS.values()) <= MAX_PRODUCT_LINES


def test_no_public_name_means_two_things() -> None:
    modules: dict[str, list[str]] = defaultdict(list)
    for module, tree in TREES.items():
        for node in tree.body:
            if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)) and node.name[0] != "_":
                modules[node.name].append(module)
    assert {name: found for name, found in modules.items() if len(found) > 1} == {}


@pytest.mark.parametrize(
    ("code", "forbidden"),
    [
        (
            "import babytrain.tui.app.babytrain_app, babytrain.tui.engine_client.client, "
            "babytrain.tui.screens.run.run_screen, "
            "babytrain.tui.engine_client.model_access, babytrain.tui.engine_client.validation",
            ("torch", "pynvml"),
        ),
        (
            "import babytrain.runs.journal, babytrain.runs.store.run_list, babytrain.runs.playback.clock",
            ("torch", "textual", "rich"),
        ),
        ("import babytrain.engine.sessions.start_and_resume, babytrain.engine.doctor.run_checks", ("textual", "rich")),
        ("import babytrain.tui.cli.commands", ("torch", "textual", "numpy")),
    ],
)
def test_importing_stays_light(code: str, forbidden: tuple[str, ...]) -> None:
    check = f"{code}\nimport sys\nprint([name for name in {forbidden!r} if name in sys.modules])"
    finished = subprocess.run([sys.executable, "-c", check], cwd=ROOT, capture_output=True, text=True, check=True)
    assert finished.stdout.strip() == "[]"
