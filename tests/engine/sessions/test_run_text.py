"""A run goes on with the text it learned from, whatever becomes of the files that it came from."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from babytrain.engine.checkpoints.format import load_checkpoint
from babytrain.engine.config.errors import EngineError
from babytrain.engine.sessions.fork import plan_fork
from babytrain.engine.sessions.new_run import NewRunPlan
from babytrain.engine.sessions.rerun import plan_rerun, train_rerun
from babytrain.engine.sessions.start_and_resume import RunResult, train_new, train_resumed
from babytrain.runs.events import LogMessage, Started
from babytrain.runs.state.live_feed import LiveFeed
from babytrain.runs.store.folder import RunFolder, read_run_toml
from babytrain.runs.store.run_list import delete_run, restore_run
from tests.engine.tiny_runs import TEXT, SteeredFeed, events_of, final_weights, same_bits, tiny_config, train

JSON_LINES = "".join(f'{{"text": "{line}"}}\n' for line in TEXT.splitlines())
SOURCES: dict[str, tuple[dict[str, str], list[str]]] = {
    "a file": ({"a.txt": TEXT}, ["a.txt"]),
    "a glob": ({"a.txt": TEXT[:1500], "b.txt": TEXT[1500:]}, ["*.txt"]),
    "JSON lines": ({"a.jsonl": JSON_LINES}, ["a.jsonl"]),
    "standard input": ({}, ["-"]),
}


def grown(folder: Path) -> None:
    for file in folder.rglob("*.*"):
        file.write_text(file.read_text() + "{not json\n")


def moved(folder: Path) -> None:
    folder.rename(folder.with_name("moved"))


def gained(folder: Path) -> None:
    for place in (folder, folder / "d"):
        if place.is_dir():
            (place / "new.txt").write_text("Something new.\n")


def emptied(folder: Path) -> None:
    for file in folder.rglob("*.*"):
        file.write_text("")


def start(tmp_path: Path, kind: str, feed: LiveFeed | None = None, **settings: Any) -> RunResult:
    files, paths = SOURCES[kind]
    place = tmp_path / "texts"
    for name, content in files.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(content, encoding="utf-8")
    place.mkdir(exist_ok=True)
    given = tuple(path if path == "-" else str(place / path) for path in paths)
    plan = NewRunPlan(
        config=tiny_config(**settings), runs_dir=tmp_path / "runs", paths=given, name="tiny", stdin=TEXT.encode()
    )
    return train_new(plan, feed or LiveFeed())


def stopped_at(step: int) -> SteeredFeed:
    return SteeredFeed({step: [{"action": "stop now"}]})


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("a file", grown),
        ("a glob", gained),
        ("JSON lines", emptied),
        ("standard input", moved),
    ],
)
def test_a_text_that_has_changed_or_gone_stops_nothing(
    tmp_path: Path, kind: str, change: Callable[[Path], None]
) -> None:
    whole = start(tmp_path, kind)
    half = start(tmp_path, kind, stopped_at(8))
    change(tmp_path / "texts")
    run_dir = Path(half.run_dir)
    resumed = train_resumed(run_dir, {}, LiveFeed())
    assert same_bits(final_weights(resumed), final_weights(whole))
    forked = train_new(plan_fork(RunFolder(run_dir), "8", {}, runs_dir=tmp_path / "runs"), LiveFeed())
    assert same_bits(final_weights(forked), final_weights(whole))
    plan = plan_rerun(RunFolder(run_dir), runs_dir=tmp_path / "again")
    assert not any("text" in difference for difference in plan.differences)
    assert train_rerun(plan, LiveFeed()).same
    # And so do those that came from it.
    again = plan_fork(RunFolder(Path(forked.run_dir)), "last", {"steps": 22}, runs_dir=tmp_path / "runs")
    assert train_new(again, LiveFeed()).steps == 22


@pytest.mark.parametrize("tokenizer", ["byte", "bpe"])
def test_other_tokenizers_go_on_too(tmp_path: Path, tokenizer: str) -> None:
    settings = {"tokenizer": tokenizer, "vocabulary": 260, "canaries": 1}
    whole, half = start(tmp_path, "a file", **settings), start(tmp_path, "a file", stopped_at(8), **settings)
    shutil.rmtree(tmp_path / "texts")
    assert same_bits(final_weights(train_resumed(Path(half.run_dir), {}, LiveFeed())), final_weights(whole))


def test_bytes_that_are_no_text_come_back_as_they_were(tmp_path: Path) -> None:
    file = tmp_path / "data.bin"
    file.write_bytes(bytes(range(256)) * 12 + b"\xe2\x82")
    plan = NewRunPlan(config=tiny_config(tokenizer="byte"), runs_dir=tmp_path / "runs", paths=(str(file),))
    result = train_new(plan, LiveFeed())
    file.unlink()
    assert train_resumed(Path(result.run_dir), {"steps": 22}, LiveFeed()).steps == 22


def test_a_built_in_corpus_whose_generator_has_changed_is_the_one_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = NewRunPlan(config=tiny_config(corpus="haiku"), runs_dir=tmp_path / "runs")
    result = train_new(plan, stopped_at(8))
    monkeypatch.setattr("babytrain.engine.data.text_sources.generate_corpus", lambda: "other poems\n\n" * 500)
    assert train_resumed(Path(result.run_dir), {}, LiveFeed()).steps == 20


def test_a_run_in_another_runs_folder_and_one_back_from_the_trash_go_on(tmp_path: Path) -> None:
    result = start(tmp_path, "a file", stopped_at(8))
    shutil.rmtree(tmp_path / "texts")
    copied = shutil.copytree(result.run_dir, tmp_path / "elsewhere" / result.run_id)
    restored = restore_run(delete_run(tmp_path / "runs", RunFolder(Path(result.run_dir))))
    for run_dir in (copied, restored.path):
        assert train_resumed(run_dir, {}, LiveFeed()).steps == 20


def warnings_of(result: RunResult) -> str:
    return " ".join(
        event.text for event in events_of(result) if isinstance(event, LogMessage) and event.level != "info"
    )


@pytest.mark.parametrize("damage", [b"torn", None])
def test_without_its_kept_text_a_run_goes_on_from_where_the_text_was(tmp_path: Path, damage: bytes | None) -> None:
    result = start(tmp_path, "a file", stopped_at(8))
    kept = Path(result.run_dir) / "text.gz"
    kept.unlink()
    if damage is not None:
        kept.write_bytes(damage)
    resumed = train_resumed(Path(result.run_dir), {}, LiveFeed())
    assert resumed.steps == 20
    assert ("read from its original place" in warnings_of(resumed)) == (damage is not None)
    shutil.rmtree(tmp_path / "texts")
    if damage is None:  # an older run keeps its text from now on
        assert train_resumed(Path(result.run_dir), {"steps": 22}, LiveFeed()).steps == 22
    else:
        with pytest.raises(EngineError, match="kept with this run is not as it was"):
            train_resumed(Path(result.run_dir), {"steps": 22}, LiveFeed())


@pytest.mark.parametrize(
    ("kind", "said"), [("a file", "only while"), ("standard input", "standard input, so the run cannot be resumed")]
)
def test_a_text_that_is_not_kept_is_said_and_must_stay(tmp_path: Path, kind: str, said: str) -> None:
    result = start(tmp_path, kind, stopped_at(8), kept_text_megabytes=0)
    assert not (Path(result.run_dir) / "text.gz").exists()
    assert "not kept" in warnings_of(result)
    assert said in warnings_of(result)
    if kind == "a file":
        assert train_resumed(Path(result.run_dir), {"steps": 22}, LiveFeed()).steps == 22
    grown(tmp_path / "texts")
    with pytest.raises(EngineError, match=r"fork --text|cannot be read"):
        train_resumed(Path(result.run_dir), {"steps": 24}, LiveFeed())


def test_what_came_from_standard_input_and_is_too_large_is_kept_as_it_came(tmp_path: Path) -> None:
    text = TEXT * 400  # more than a million characters
    plan = NewRunPlan(
        config=tiny_config(kept_text_megabytes=1), runs_dir=tmp_path / "runs", paths=("-",), stdin=text.encode()
    )
    result = train_new(plan, LiveFeed())
    assert not (Path(result.run_dir) / "text.gz").exists()
    assert train_resumed(Path(result.run_dir), {"steps": 22}, LiveFeed()).steps == 22


def test_a_full_disk_keeps_no_text_and_trains(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("babytrain.engine.sessions.run_text.keep_text", full)
    result = train(tmp_path)
    assert result.status == "done"
    assert "No space left" in warnings_of(result)


DIARY = TEXT + "New day: café ☕ with Zoë, 42 km!\n" * 20  # with characters that the model has never seen


@pytest.mark.parametrize(
    "settings", [{}, {"tied": True}, {"tokenizer": "byte"}, {"tokenizer": "bpe", "vocabulary": 260}]
)
def test_a_fork_goes_on_with_a_diary_that_has_grown(tmp_path: Path, settings: dict[str, Any]) -> None:
    parent = start(tmp_path, "a file", **settings)
    diary = tmp_path / "diary.txt"
    diary.write_text(DIARY, encoding="utf-8")
    folder = RunFolder(Path(parent.run_dir))
    plan = plan_fork(folder, "10", {"steps": 24}, runs_dir=tmp_path / "runs", paths=[str(diary)])
    forked = train_new(plan, stopped_at(16))
    diary.unlink()
    started = events_of(forked)[0]
    assert isinstance(started, Started)
    assert started.parent == parent.run_id
    assert started.corpus.name == "diary"
    assert started.corpus.characters == len(DIARY)
    of_parent = events_of(parent)[0]
    assert isinstance(of_parent, Started)
    assert started.parent_text_sha256 == of_parent.corpus.sha256
    assert "goes on with another text, diary" in warnings_of(forked)
    assert ("new to the model" in warnings_of(forked)) == ("tokenizer" not in settings)
    provenance = read_run_toml(RunFolder(Path(forked.run_dir)))[1]
    assert provenance["parent_text_sha256"] == of_parent.corpus.sha256
    # It is a run like any other: with its own text, and the tokenizer that it has from its parent.
    resumed = train_resumed(Path(forked.run_dir), {}, LiveFeed())
    assert resumed.steps == 24
    assert train_rerun(plan_rerun(RunFolder(Path(forked.run_dir)), runs_dir=tmp_path / "again"), LiveFeed()).same
    grandchild = plan_fork(RunFolder(Path(forked.run_dir)), "last", {"steps": 26}, runs_dir=tmp_path / "runs")
    grandchild_started = events_of(train_new(grandchild, LiveFeed()))[0]
    assert isinstance(grandchild_started, Started)
    assert grandchild_started.corpus.sha256 == started.corpus.sha256
    assert grandchild_started.parent_text_sha256 == ""


def test_what_the_model_knew_it_knows_after_it_has_learned_new_characters(tmp_path: Path) -> None:
    parent = start(tmp_path, "a file")
    diary = tmp_path / "diary.txt"
    diary.write_text(DIARY, encoding="utf-8")
    plan = plan_fork(RunFolder(Path(parent.run_dir)), "10", {}, runs_dir=tmp_path / "runs", paths=[str(diary)])
    assert plan.origin is not None
    before = load_checkpoint(Path(parent.run_dir) / "checkpoints" / "step-000000010").model
    for name, tensor in plan.origin.checkpoint.model.items():
        assert torch.equal(tensor[: len(before[name])], before[name])
        assert torch.isfinite(tensor).all()


def test_a_fork_with_a_text_that_cannot_be_read_leaves_nothing_behind(tmp_path: Path) -> None:
    parent = start(tmp_path, "a file")
    with pytest.raises(EngineError, match="no"):
        plan_fork(RunFolder(Path(parent.run_dir)), "10", {}, runs_dir=tmp_path / "runs", paths=[str(tmp_path / "no")])
    short = tmp_path / "short.txt"
    short.write_text("the")
    plan = plan_fork(RunFolder(Path(parent.run_dir)), "10", {}, runs_dir=tmp_path / "runs", paths=[str(short)])
    with pytest.raises(EngineError, match="too short"):
        train_new(plan, LiveFeed())
    assert [path.name for path in (tmp_path / "runs").iterdir()] == [parent.run_id]
