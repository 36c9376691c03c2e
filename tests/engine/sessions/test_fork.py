"""A fork starts with another run's checkpoint to the bit, goes its own way, and leaves the original as it was."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
import torch
from safetensors.torch import load_file, save_file

from babytrain.engine.checkpoints.format import CheckpointError, last_checkpoint, load_checkpoint
from babytrain.engine.config.errors import EngineError
from babytrain.engine.sessions.fork import plan_fork
from babytrain.engine.sessions.fork_check import find_fork_problems
from babytrain.engine.sessions.rerun import plan_rerun, train_rerun
from babytrain.engine.sessions.start_and_resume import RunResult, train_new, train_resumed
from babytrain.runs.events import Checkpoint, Eval, Milestone, Started, Step
from babytrain.runs.journal import load_state
from babytrain.runs.state.live_feed import LiveFeed
from babytrain.runs.store.folder import RunFolder, read_run_toml
from tests.engine.tiny_runs import SteeredFeed, events_of, final_optimizer, final_weights, same_bits, train, write_text


def fork(result: RunResult, at: str, feed: LiveFeed | None = None, **changes: Any) -> RunResult:
    run_dir = Path(result.run_dir)
    return train_new(plan_fork(RunFolder(run_dir), at, changes, runs_dir=run_dir.parent), feed or LiveFeed())


def reach_milestone(result: RunResult, step: int) -> None:
    reached = Milestone(t=1.0, step=step, name=f"first of step {step}", text="It did.")
    with (Path(result.run_dir) / "journal.jsonl").open("ab") as journal:
        journal.write(msgspec.json.encode(reached) + b"\n")


def fingerprint(folder: Path) -> dict[str, str]:
    return {
        str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


def test_a_fork_without_changes_goes_the_way_of_the_original(tmp_path: Path) -> None:
    result = train(tmp_path, SteeredFeed({3: [{"action": "set", "dial": "dropout", "value": 0.1}]}), accumulate=2)
    before = fingerprint(Path(result.run_dir))
    forked = fork(result, "10")
    assert forked.run_id != result.run_id
    assert same_bits(final_weights(result), final_weights(forked))
    assert same_bits(final_optimizer(result), final_optimizer(forked))
    assert fingerprint(Path(result.run_dir)) == before


def test_a_fork_says_where_it_came_from(tmp_path: Path) -> None:
    result = train(tmp_path)
    forked = fork(result, "10", dropout=0.2)
    events = events_of(forked)
    started = events[0]
    assert isinstance(started, Started)
    assert (started.parent, started.step, started.config["dropout"]) == (result.run_id, 10, 0.2)
    assert started.t == 0.0
    assert [event.step for event in events if isinstance(event, Step)] == list(range(11, 21))
    first = next(event for event in events if isinstance(event, Checkpoint))
    assert first.name == "start"
    assert (Path(forked.run_dir) / first.directory / "trainer.json").is_file()
    provenance = read_run_toml(RunFolder(Path(forked.run_dir)))[1]
    assert provenance["forked_from"] == result.run_id
    assert provenance["forked_step"] == 10


def test_a_fork_knows_the_milestones_that_its_parents_reached_up_to_its_step(tmp_path: Path) -> None:
    result = train(tmp_path)
    for step in (10, 11):
        reach_milestone(result, step)
    forked = fork(result, "10", steps=30)
    grandchild = plan_fork(RunFolder(Path(forked.run_dir)), "last", {"steps": 40}, runs_dir=tmp_path / "runs")
    for plan in (plan_fork(RunFolder(Path(result.run_dir)), "10", {}, runs_dir=tmp_path / "runs"), grandchild):
        assert plan.origin is not None
        assert {name for name in plan.origin.milestones if "of step" in name} == {"first of step 10"}


def test_a_fork_starts_with_the_checkpoint_to_the_bit_and_measures_it(tmp_path: Path) -> None:
    result = train(tmp_path)
    forked = fork(result, "10", lr=1e-4, batch_size=2, accumulate=2, weight_decay=0.5, steps=26)
    assert (forked.status, forked.steps) == ("done", 26)
    ours, theirs = (Path(run.run_dir) / "checkpoints" for run in (forked, result))
    for file in ("model.safetensors", "optimizer.safetensors"):
        copy, original = (
            load_file(ours / "step-000000010-start" / file),
            load_file(theirs / "step-000000010" / file),
        )
        assert same_bits(copy, original)
    then = {event.step: event.val_loss for event in events_of(result) if isinstance(event, Eval)}
    now = {event.step: event.val_loss for event in events_of(forked) if isinstance(event, Eval)}
    assert now[10] == then[10]
    steps = [event for event in events_of(forked) if isinstance(event, Step)]
    assert steps[0].learning_rate < 1.1e-4
    assert load_state(Path(forked.run_dir) / "journal.jsonl").at(0.0).step == 10
    place = last_checkpoint(ours)
    assert place is not None
    dials = load_checkpoint(place).trainer["dials"]
    assert (dials["batch_size"], dials["accumulate"], dials["weight_decay"]) == (2, 2, 0.5)


def test_a_fork_can_be_resumed_forked_and_repeated_like_any_run(tmp_path: Path) -> None:
    result = train(tmp_path)
    forked = fork(
        result, "10", SteeredFeed({13: [{"action": "lr_scale", "value": 0.3}]}), dropout=0.1, keep_checkpoints=1
    )
    outcome = train_rerun(plan_rerun(RunFolder(Path(forked.run_dir)), runs_dir=tmp_path / "again"), LiveFeed())
    assert outcome.same, outcome.sentence()
    more = train_resumed(Path(forked.run_dir), {"steps": 24}, LiveFeed())
    assert more.steps == 24
    grandchild = fork(more, "last", steps=30)
    assert grandchild.steps == 30
    outcome = train_rerun(plan_rerun(RunFolder(Path(more.run_dir)), runs_dir=tmp_path / "again"), LiveFeed())
    assert outcome.same, outcome.sentence()


@pytest.mark.parametrize(
    "changes",
    [{"layers": 2}, {"width": 32}, {"heads": 1}, {"mlp": "gelu"}, {"tokenizer": "byte"}, {"optimizer": "muon"}],
)
def test_what_would_change_the_model_or_its_text_is_refused_in_one_sentence(
    tmp_path: Path, changes: dict[str, Any]
) -> None:
    result = train(tmp_path)
    with pytest.raises(EngineError) as caught:
        fork(result, "last", **changes)
    assert len(caught.value.problems) == 1
    assert next(iter(changes)) in caught.value.problems[0]
    assert [path.name for path in (tmp_path / "runs").iterdir()] == [result.run_id]


@pytest.mark.parametrize(
    ("at", "changes", "said"),
    [
        ("no such place", {}, "no checkpoint 'no such place'"),
        ("20", {}, "add --steps"),
        ("10", {"steps": 10}, "add --steps"),
        ("10", {"lr": 1e9}, "between"),
    ],
)
def test_a_fork_that_cannot_be_leaves_nothing_behind(tmp_path: Path, at: str, changes: dict, said: str) -> None:
    result = train(tmp_path)
    with pytest.raises(EngineError, match=said):
        fork(result, at, **changes)
    assert [path.name for path in (tmp_path / "runs").iterdir()] == [result.run_id]


def damaged(place: Path, how: str) -> None:
    """Damage the tensors of a checkpoint."""
    if how == "torn":
        file = place / "model.safetensors"
        file.write_bytes(file.read_bytes()[:-100])
        return
    file = place / f"{how}.safetensors"
    tensors = load_file(file)
    save_file({name: torch.cat([tensor.flatten()] * 2) for name, tensor in tensors.items()}, file)


@pytest.mark.parametrize("how", ["torn", "model", "optimizer"])
def test_a_fork_of_a_damaged_checkpoint_leaves_nothing_behind(tmp_path: Path, how: str) -> None:
    result = train(tmp_path)
    damaged(Path(result.run_dir) / "checkpoints" / "step-000000010", how)
    with pytest.raises(EngineError) as caught:
        fork(result, "10")
    assert len(caught.value.problems) == 1
    assert "step-000000010" in caught.value.problems[0]
    assert [path.name for path in (tmp_path / "runs").iterdir()] == [result.run_id]


@pytest.mark.parametrize("state", [{"guard": 3}, {"guard": {"spikes": []}}, {"optimizer": None}, {"dials": 5}])
def test_a_fork_of_a_damaged_trainer_state_leaves_nothing_behind(tmp_path: Path, state: dict[str, Any]) -> None:
    result = train(tmp_path)
    file = Path(result.run_dir) / "checkpoints" / "step-000000010" / "trainer.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | state))
    with pytest.raises(EngineError, match="step-000000010"):
        fork(result, "10")
    assert [path.name for path in (tmp_path / "runs").iterdir()] == [result.run_id]


def test_a_fork_whose_folder_cannot_be_filled_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = train(tmp_path)

    def full(*_: object, **__: object) -> None:
        raise CheckpointError("The checkpoint at step 10 could not be written: No space left on device.")

    monkeypatch.setattr("babytrain.engine.sessions.fork_origin.save_checkpoint", full)
    with pytest.raises(EngineError, match="No space left"):
        fork(result, "10")
    assert [path.name for path in (tmp_path / "runs").iterdir()] == [result.run_id]


def test_a_fork_of_a_text_that_has_changed_and_was_not_kept_is_refused(tmp_path: Path) -> None:
    result = train(tmp_path, kept_text_megabytes=0)
    text = write_text(tmp_path)
    text.write_text(text.read_text() + "more\n")
    with pytest.raises(EngineError, match="changed"):
        fork(result, "10")


# what can be said before torch is loaded


def problems(result: RunResult, at: str, step: int | None = None, **changes: Any) -> list[str]:
    return find_fork_problems(RunFolder(Path(result.run_dir)), at, changes, step=step)


def test_the_quick_look_and_the_whole_reading_agree(tmp_path: Path) -> None:
    result = train(tmp_path)
    save_again = Path(result.run_dir) / "checkpoints"
    (save_again / "step-000000005").rename(save_again / "step-000000005-cliff")
    damaged(save_again / "step-000000015", "torn")
    (save_again / "last").unlink()
    for at in ("best", "last", "10", "cliff", "step-000000005-cliff", "5", "15", "7", "none", "", "Cliff", "0,010"):
        for changes in ({}, {"steps": 30}, {"steps": 8}, {"lr": 1e9}, {"layers": 2}, {"epochs": 9.0}):
            told = problems(result, at, **changes)
            try:
                plan = plan_fork(RunFolder(Path(result.run_dir)), at, changes, runs_dir=tmp_path)
                assert plan.origin is not None
                if "epochs" not in changes:
                    plan.origin.planned(plan.config)
            except (EngineError, ValueError):
                assert told, (at, changes)
            else:
                assert not told, (at, changes)


def test_every_problem_is_told_at_once(tmp_path: Path) -> None:
    result = train(tmp_path)
    told = problems(result, "gone", lr=1e9, dropout=2.0)
    assert len(told) == 3
    assert "lr must lie between" in told[0] + told[1]
    assert "no checkpoint 'gone'" in told[2]


def test_stopping_saves_the_last_checkpoint_so_that_one_is_always_there(tmp_path: Path) -> None:
    result = train(tmp_path)
    for place in (Path(result.run_dir) / "checkpoints").iterdir():
        shutil.rmtree(place) if place.is_dir() else place.unlink()
    assert "no checkpoint yet" in problems(result, "last")[0]
    assert problems(result, "last", step=12) == []
    assert "would end at 12" in problems(result, "last", step=12, steps=12)[0]


def test_the_quick_look_needs_no_torch() -> None:
    code = "import sys, babytrain.engine.sessions.fork_check; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
