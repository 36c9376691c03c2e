"""Runs from a stranger under every command that reads runs: a sentence or a table, never a traceback, never a wait."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from babytrain.runs.journal import encode_event, load_state
from babytrain.runs.recorded import recorded_runs
from babytrain.tui.app.start_screen import StartReplay
from babytrain.tui.cli.commands import app
from tests.engine.tiny_runs import train
from tests.runs.builders import started, step
from tests.runs.store.test_run_list import make_run
from tests.tui.driving import driving

NAME = "ziggy-20260101-000000"
READING = [
    ["runs", "list"],
    ["runs", "list", "--json"],
    ["runs", "tree"],
    ["runs", "show", NAME],
    ["runs", "show", NAME, "--json"],
    ["runs", "checkpoints", NAME],
    ["bill"],
    ["bill", NAME, "--json"],
    ["frame", NAME, "--format", "svg"],
    ["report", NAME],
    ["sample", NAME],
    ["resume", NAME, "--headless"],
    ["fork", NAME, "--headless"],
    ["rerun", NAME],
]


def run(runs_dir: Path, arguments: list[str]) -> Result:
    out = ["--out", str(runs_dir.parent)] if arguments[0] in ("frame", "report") else []
    result = CliRunner().invoke(app, [*arguments, *out, "--runs-dir", str(runs_dir)])
    assert result.exception is None or isinstance(result.exception, SystemExit), (arguments, result.exception)
    assert "Traceback" not in result.output
    assert "Error" not in result.stderr
    return result


def make_strange(folder: Path, kind: str, name: str, target: Path) -> None:
    path = folder / name
    match kind:
        case "pipe":
            os.mkfifo(path)
        case "link":
            path.symlink_to(target)
        case "link to a device":
            path.symlink_to("/dev/zero")
        case "folder":
            path.mkdir()
        case "empty":
            path.write_bytes(b"")
        case "zeros":
            path.write_bytes(b"\0" * 100_000)
        case "deep":
            path.write_bytes(b"[" * 100_000)


@pytest.mark.parametrize("name", ["journal.jsonl", "run.toml", "tokenizer.json", "lock", "checkpoints"])
@pytest.mark.parametrize("kind", ["pipe", "link", "link to a device", "folder", "empty", "zeros", "deep"])
def test_a_file_of_another_kind_beside_good_runs(tmp_path: Path, kind: str, name: str) -> None:
    runs_dir = tmp_path / "runs"
    good = make_run(runs_dir, "good")
    folder = runs_dir / NAME
    folder.mkdir()
    letter = tmp_path / "letter.txt"
    letter.write_text("dear diary\n", encoding="utf-8")
    (folder / "journal.jsonl").write_bytes(encode_event(started(run_id=NAME)) + encode_event(step(1)))
    (folder / "journal.jsonl").unlink() if name == "journal.jsonl" else None
    make_strange(folder, kind, name, letter)
    for arguments in READING:
        result = run(runs_dir, arguments)
        if arguments[:2] == ["runs", "list"]:
            assert result.exit_code == 0
            assert good.run_id in result.output
            assert NAME in result.output
    assert letter.read_text(encoding="utf-8") == "dear diary\n"


def events_of_each_kind() -> list[dict[str, Any]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for line in recorded_runs()[0].read_bytes().splitlines():
        event = json.loads(line)
        found.setdefault(event["kind"], []).append(event)
    return [event for events in found.values() for event in events[-3:]]


EVENTS = events_of_each_kind()
# In range and out of it.
NUMBERS = [0, -1, 1e39, -1e39, 1e308, 5e-324, 10**15, 2**63 - 1, -(2**63), 2**70, 1e10, 1e11, 2.5e11, 1e300]
values = st.sampled_from(
    [*NUMBERS, "NaN", "Infinity", "-Infinity", None, True, "", "\x1b]52;c;x\x07", "a" * 3000, [], {}]
)


def changed(draw: st.DrawFn, value: Any, share: float) -> Any:
    if isinstance(value, dict):
        return {key: item if key == "kind" else changed(draw, item, share) for key, item in value.items()}
    if isinstance(value, list):
        return [changed(draw, item, share) for item in value]
    return draw(values) if draw(st.floats(0, 1)) < share else value


@given(data=st.data(), share=st.sampled_from([0.005, 0.02, 0.2]))
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
def test_a_journal_with_any_numbers(tmp_path: Path, data: st.DataObject, share: float) -> None:
    folder = tmp_path / "runs" / NAME
    folder.mkdir(parents=True, exist_ok=True)
    number = data.draw(st.integers(0, len(EVENTS) - 1))
    # One event changed much, and others a little.
    events = [
        data.draw(st.composite(lambda draw, event=event: changed(draw, event, share))())
        if index % 5 == number % 5
        else event
        for index, event in enumerate(EVENTS)
    ]
    (folder / "journal.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events), encoding="utf-8")
    for arguments in READING[:10]:
        run(tmp_path / "runs", arguments)


@pytest.mark.parametrize("wall_time", [1e300, -1e300, 2.5e11, "NaN", 1e12])
def test_an_impossible_date_takes_down_no_list(tmp_path: Path, wall_time: Any) -> None:
    good = make_run(tmp_path / "runs", "good")
    folder = tmp_path / "runs" / NAME
    folder.mkdir()
    first = json.loads(encode_event(started(run_id=NAME))) | {"wall_time": wall_time}
    (folder / "journal.jsonl").write_text(json.dumps(first) + "\n", encoding="utf-8")
    for arguments in READING:
        result = run(tmp_path / "runs", arguments)
    result = run(tmp_path / "runs", ["runs", "list"])
    assert good.run_id in result.output
    assert NAME in result.output


EXTREMES = (0.0, 1e39, -1e39, 5e-324)


@pytest.mark.parametrize("extreme", EXTREMES)
async def test_a_replay_draws_numbers_at_the_ends_of_their_ranges(tmp_path: Path, extreme: float) -> None:
    def stretched(value: Any, key: str = "") -> Any:
        if isinstance(value, dict):
            return {name: stretched(item, name) for name, item in value.items()}
        if isinstance(value, list):
            return [stretched(item) for item in value]
        return extreme if isinstance(value, float) and key not in ("t", "wall_time") else value

    first, *others = EVENTS
    last = {"kind": "log", "t": 1e11, "step": 10**15, "level": "info", "text": "the end of time"}
    events = [first, *map(stretched, others), last]
    journal = tmp_path / "journal.jsonl"
    journal.write_text("".join(json.dumps(event) + "\n" for event in events), encoding="utf-8")
    state = load_state(journal)
    assert state.started is not None
    async with driving(StartReplay(state, "ziggy", playing=False), tmp_path) as driver:
        await driver.press("home", "right", "end")
        assert driver.replay.clock.position == driver.replay.clock.duration


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(train(tmp_path_factory.mktemp("whole"), steps=10, sample_every=0).run_dir)


@pytest.mark.parametrize(
    "line",
    [
        "paths = 5",
        "paths = [5]",
        'paths = ["/dev/zero"]',
        'paths = "abc"',
        "sha256 = [1]",
        "sha256 = 1979-05-27",
        "forked_step = {}",
        "hostname = [[]]",
        'text_name = "\\u001b]52;c;x\\u0007"',
        'tokenizer_from = "nobody"',
        f"cores = {'9' * 4000}",
        "cores = inf",
    ],
)
def test_an_origin_of_any_kind(trained: Path, tmp_path: Path, line: str) -> None:
    folder = tmp_path / "runs" / NAME
    shutil.copytree(trained, folder)
    text = (folder / "run.toml").read_text(encoding="utf-8")
    key = line.partition(" ")[0]
    kept = re.sub(rf"(?ms)^{key} = (\[.*?\]|[^\n]*)\n", "", text)
    (folder / "run.toml").write_text(kept + line + "\n", encoding="utf-8")
    for arguments in READING:
        run(tmp_path / "runs", arguments)
