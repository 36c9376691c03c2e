"""`fork`, `rerun`, `runs checkpoints` and `runs tree` as real processes; and a handful of kills."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.cli.test_train_command import babytrain, environment
from tests.engine.tiny_runs import SteeredFeed, train
from tests.timeouts import LONGEST_WAIT_SECONDS

STEERING: dict[int, list[dict[str, Any]]] = {
    3: [{"action": "lr_scale", "value": 0.5}, {"action": "checkpoint", "text": "mine"}],
    8: [{"action": "rollback", "text": "mine"}],
}


def telling(file: Path) -> str:
    """A command for `--on-event` that writes down what it is told of."""
    program = "import pathlib, sys; pathlib.Path(sys.argv[1]).open('a').write(sys.argv[2])"
    return shlex.join([sys.executable, "-c", program, str(file)])


def read_if_there(file: Path) -> str:
    return file.read_text() if file.exists() else ""


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + LONGEST_WAIT_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "nobody was told"
        time.sleep(0.02)


def test_a_run_is_repeated_forked_and_both_stand_under_it(tmp_path: Path) -> None:
    result = train(tmp_path, SteeredFeed(STEERING), name="ziggy")
    again = babytrain(tmp_path, "rerun", "ziggy", "--json", "--on-event", telling(tmp_path / "rerun-told"))
    assert again.returncode == 0, again.stderr.decode()
    facts = json.loads(again.stdout)
    assert (facts["same"], facts["differing_bits"], facts["rerun_of"]) == (True, 0, result.run_id)
    assert facts["commands"] == 3
    assert b"same to the bit" in again.stderr
    forked = babytrain(
        tmp_path,
        "fork",
        result.run_id,
        "--at",
        "mine",
        "--set",
        "dropout=0.2",
        "--steps",
        "12",
        "--name",
        "bold",
        "--json",
        "--on-event",
        telling(tmp_path / "fork-told"),
    )
    assert forked.returncode == 0, forked.stderr.decode()
    assert json.loads(forked.stdout)["steps"] == 12

    for told in ("rerun-told", "fork-told"):
        wait_until(lambda told=told: "end" in read_if_there(tmp_path / told))  # type: ignore[misc]

    tree = json.loads(babytrain(tmp_path, "runs", "tree", "--json").stdout)
    kin = {one["run_id"][:-16]: (one["depth"], one["relation"], one["parent_run"]) for one in tree}
    assert kin == {
        "ziggy": (0, "", ""),
        "ziggy-rerun": (1, "rerun", result.run_id),
        "bold": (1, "fork", result.run_id),
    }
    shown = babytrain(tmp_path, "runs", "tree").stdout.decode().splitlines()
    assert [line[:2] for line in shown] == [shown[0][:2], "├─", "└─"]
    assert any("fork at step 3" in line for line in shown)

    diary = tmp_path / "diary.txt"
    diary.write_text("Zoë has a new diary.\n" * 50, encoding="utf-8")
    nested = babytrain(
        tmp_path, "fork", "bold", "--at", "last", "--text", str(diary), "--steps", "14", "--name", "bolder", "--json"
    )
    assert nested.returncode == 0, nested.stderr.decode()
    assert "another text, diary" in nested.stderr.decode()
    drawn = babytrain(tmp_path, "runs", "tree").stdout.decode().splitlines()
    after = next(index for index, line in enumerate(drawn) if " bold-" in line)
    assert "└─ bolder-" in drawn[after + 1]
    assert "fork at step 12, with the text diary" in drawn[after + 1]
    more = babytrain(tmp_path, "resume", "bolder", "--steps", "16", "--set", "sample_tokens=7", "--json")
    assert more.returncode == 0, more.stderr.decode()
    settings = json.loads(babytrain(tmp_path, "runs", "show", "bolder", "--json").stdout)["config"]
    assert (settings["steps"], settings["sample_tokens"]) == (16, 7)

    places = json.loads(babytrain(tmp_path, "runs", "checkpoints", "bold", "--json").stdout)
    assert (places[0]["name"], places[0]["step"]) in {("start", 3), ("", 3)}
    assert sum(place["is_last"] for place in places) == 1
    assert all(place["size_bytes"] > 1000 for place in places)
    listed = babytrain(tmp_path, "runs", "checkpoints", result.run_id).stdout.decode()
    assert "mine" in listed
    assert "best" in listed

    # Another outcome than the one on record: said, and the exit code says it too.
    journal = Path(result.run_dir) / "journal.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    which = next(index for index, line in enumerate(lines) if b'"kind":"step"' in line and b'"step":5,' in line)
    event = json.loads(lines[which])
    lines[which] = json.dumps(event | {"loss": event["loss"] + 0.25}, separators=(",", ":")).encode() + b"\n"
    journal.write_bytes(b"".join(lines))
    differs = babytrain(tmp_path, "rerun", result.run_id)
    assert differs.returncode == 1
    assert b"differs first at step 5 by 0.25" in differs.stderr
    assert b"Traceback" not in differs.stderr


def test_what_cannot_be_forked_or_repeated_is_a_sentence(tmp_path: Path) -> None:
    result = train(tmp_path, name="ziggy")
    for arguments, code, said in (
        (("fork", "ziggy", "--set", "layers=3", "--headless"), 1, b"layers"),
        (("fork", "ziggy", "--at", "nowhere", "--headless"), 1, b"no checkpoint 'nowhere'"),
        (("fork", "ziggy", "--set", "lr=1e9", "--headless"), 2, b"between"),
        (("rerun", "nobody"), 2, b"no run 'nobody'"),
    ):
        done = babytrain(tmp_path, *arguments)
        assert done.returncode == code, done.stderr.decode()
        assert said in done.stderr
        assert b"Traceback" not in done.stderr
    assert [path.name for path in (tmp_path / "runs").iterdir()] == [result.run_id]


def test_a_handful_of_kills_does_no_harm(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bench.machine.kill", "--kills", "6", "--steps", "60", "--seed", "5"],
        env=environment(tmp_path),
        capture_output=True,
        timeout=3 * LONGEST_WAIT_SECONDS,  # seven runs and more, one after the other
        cwd=Path(__file__).parents[2],
    )
    assert done.returncode == 0, (done.stdout + done.stderr).decode()
    assert json.loads(done.stdout)["kills"] == 6
