"""A run on disk with the settings' names of version 0.2: it goes on, and is repeated, to the same bits."""

from __future__ import annotations

import json
import shutil
import tomllib
from pathlib import Path
from typing import Any

import pytest
import tomli_w

from babytrain.engine.checkpoints.format import load_checkpoint
from babytrain.engine.sessions.rerun import compare_checkpoints, plan_rerun, train_rerun
from babytrain.engine.sessions.start_and_resume import train_resumed
from babytrain.runs.dials.renamed_settings import RENAMED_SETTINGS, RENAMED_VALUES
from babytrain.runs.events import Started
from babytrain.runs.journal import load_state, read_journal
from babytrain.runs.state.live_feed import LiveFeed
from babytrain.runs.store.folder import RunFolder
from tests.engine.tiny_runs import SteeredFeed, train

OLD_NAMES = {new: old for old, new in RENAMED_SETTINGS.items()}
OLD_VALUES = {name: {new: old for old, new in words.items()} for name, words in RENAMED_VALUES.items()}
SETTINGS: dict[str, Any] = {
    "window_shift": 0.5,
    "token_noise": 0.1,
    "schedule": "wsd",
    "wsd_decay_fraction": 0.6,
    "min_lr_ratio": 0.2,
    "on_overfitting": "rollback",
    "guard_patience_steps": 4,
    "max_rollbacks": 3,
    "tracked_letter": "s",
    "extra_prompts": "the",
    "gpu_nickname": "Ember",
}
COMMANDS: dict[int, list[dict[str, Any]]] = {
    4: [{"action": "set", "dial": "token_noise", "value": 0.3}],
    7: [{"action": "set", "dial": "window_shift", "value": 0.9}],
    13: [{"action": "undo"}],
}


def old_settings(settings: dict[str, Any]) -> dict[str, Any]:
    return {OLD_NAMES.get(name, name): OLD_VALUES.get(name, {}).get(value, value) for name, value in settings.items()}


def old_event(line: bytes) -> dict[str, Any] | None:
    """A line of a journal as version 0.2 wrote it; None for one that it did not write."""
    event: dict[str, Any] = json.loads(line)
    match event["kind"]:
        case "plan":
            return None
        case "started":
            event |= {"schema": 1, "config": old_settings(event["config"])}
        case "command":
            event.pop("dials", None)
            if "dial" in event:
                event["dial"] = OLD_NAMES.get(event["dial"], event["dial"])
    return event


def write_as_version_0_2(folder: RunFolder) -> None:
    document = tomllib.loads(folder.config_file.read_text())
    document["config"] = old_settings(document["config"])
    folder.config_file.write_text(tomli_w.dumps(document))
    events = [event for line in folder.journal.read_bytes().splitlines() if (event := old_event(line)) is not None]
    folder.journal.write_text("".join(f"{json.dumps(event, separators=(',', ':'))}\n" for event in events))
    for file in folder.checkpoints.glob("*/trainer.json"):
        trainer = json.loads(file.read_text())
        trainer["dials"] = old_settings(trainer["dials"])
        for undo in trainer["undos"]:
            undo |= {"dial": OLD_NAMES.get(undo["dial"], undo["dial"]), "fields": old_settings(undo["fields"])}
        file.write_text(json.dumps(trainer))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    result = train(tmp_path_factory.mktemp("whole"), SteeredFeed(COMMANDS), **SETTINGS)
    return RunFolder(Path(result.run_dir))


@pytest.fixture
def old(whole: RunFolder, tmp_path: Path) -> RunFolder:
    folder = RunFolder(tmp_path / "old-20260101-000000")
    shutil.copytree(whole.path, folder.path)
    write_as_version_0_2(folder)
    return folder


def test_it_is_resumed_to_the_same_bits_and_its_settings_stay_as_they_are(whole: RunFolder, old: RunFolder) -> None:
    for step in (15, 20):
        shutil.rmtree(old.checkpoints / f"step-{step:09d}")
    written = {file: file.read_bytes() for file in (old.config_file, *old.checkpoints.glob("*/trainer.json"))}
    begun = old.journal.read_bytes()
    train_resumed(old.path, {}, SteeredFeed({13: COMMANDS[13]}))
    expected, found = (load_checkpoint(run.checkpoints / "step-000000020") for run in (whole, old))
    assert compare_checkpoints(expected, found)[0] == 0
    assert found.trainer["dials"]["token_noise"] == 0.3
    assert found.trainer["dials"]["window_shift"] == 0.5  # the undo found the old name of the dial
    assert {file: file.read_bytes() for file in written} == written
    assert old.journal.read_bytes().startswith(begun)


def test_it_is_repeated_to_the_same_bits(old: RunFolder, tmp_path: Path) -> None:
    plan = plan_rerun(old, runs_dir=tmp_path / "again")
    outcome = train_rerun(plan, LiveFeed())
    assert outcome.same, outcome.sentence()


def test_it_is_replayed_as_if_it_were_new(whole: RunFolder, old: RunFolder) -> None:
    new_state, old_state = load_state(whole.journal), load_state(old.journal)
    for t in (event.t for event in read_journal(whole.journal).events if not isinstance(event, Started)):
        expected, found = new_state.at(t), old_state.at(t)
        assert found.dials.positions() == expected.dials.positions()
        assert found.settings == expected.settings
    plans = [state.dials.plan_at(state.last_t) for state in (new_state, old_state)]
    assert plans[0] is not None
    assert plans[1] is not None
    assert plans[1].rate == plans[0].rate
