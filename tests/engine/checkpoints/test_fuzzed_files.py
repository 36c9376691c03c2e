"""Files of a run folder with anything in them: a sentence without the name of an exception, or all is well."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from babytrain.engine.checkpoints.format import CheckpointError, load_checkpoint, load_newest
from babytrain.engine.config.build import build_config, config_of_run
from babytrain.engine.config.errors import ConfigError, EngineError
from babytrain.engine.data.bpe_tokenizer import train_bpe
from babytrain.engine.data.tokenizer_factory import load_tokenizer
from babytrain.engine.generation.checkpoint_model import load_checkpoint_model
from babytrain.engine.sessions.fork_check import find_fork_problems
from babytrain.engine.training.train_state import check_usable
from babytrain.runs.errors import ProblemsError, RunsError
from babytrain.runs.store.checkpoint_list import summarize_checkpoints
from babytrain.runs.store.folder import RunFolder, read_run_toml
from tests.engine.tiny_runs import train

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from([2**63, -(2**63), 10**400, 1e308, -1e308, "9" * 5000, "\x1b]52;c;\x07"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
fuzzed = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(train(tmp_path_factory.mktemp("whole"), steps=10, sample_every=0).run_dir)


def mutated(draw: st.DrawFn, document: Any) -> Any:
    """A document with one value, at any depth, replaced by another."""
    if not isinstance(document, dict | list) or not document or draw(st.integers(0, 4)) == 0:
        return draw(values)
    keys = list(document) if isinstance(document, dict) else list(range(len(document)))
    key = draw(st.sampled_from(keys))
    copy = document.copy()
    copy[key] = mutated(draw, document[key])
    return copy


def in_a_sentence(ask: Callable[[], object]) -> None:
    try:
        ask()
    except (ProblemsError, RunsError) as error:
        said = error.problems if isinstance(error, ProblemsError) else [str(error)]
        assert said
        for sentence in said:
            assert sentence.endswith(".")
            assert "Error" not in sentence
            assert len(sentence) < 1_000


@given(data=st.data())
@fuzzed
def test_the_state_of_a_trainer(run_dir: Path, tmp_path: Path, data: st.DataObject) -> None:
    checkpoint = load_newest(run_dir / "checkpoints")[0].path
    copy = tmp_path / "run" / "checkpoints" / checkpoint.name
    if not copy.exists():
        shutil.copytree(run_dir, tmp_path / "run", dirs_exist_ok=True)
    document = json.loads((checkpoint / "trainer.json").read_text(encoding="utf-8"))
    changed = data.draw(st.composite(lambda draw: mutated(draw, document))())
    (copy / "trainer.json").write_text(json.dumps(changed), encoding="utf-8")
    folder = RunFolder(tmp_path / "run")
    config = config_of_run(read_run_toml(folder)[0])
    tokenizer = load_tokenizer(folder.tokenizer_file)
    in_a_sentence(lambda: check_usable(load_checkpoint(copy), config, tokenizer.vocabulary_size))
    assert summarize_checkpoints(folder)
    for problem in find_fork_problems(folder, checkpoint.name, {"steps": 20}):
        assert "Error" not in problem
    # Another one is tried.
    assert load_newest(folder.checkpoints, lambda found: check_usable(found, config, tokenizer.vocabulary_size))


@pytest.mark.parametrize("undone", [False, True], ids=["a dial", "an undo"])
@pytest.mark.parametrize(
    ("name", "position"),
    [
        ("quiet_hours", "all night"),
        ("schedule", 3),
        ("batch_size", -1),
        ("dropout", math.nan),
        ("weight_decay", [1]),
        ("on_battery", "\x1b[31m"),
        ("lr_hold", 1e9),
        ("lr_scale", 0.0),
        ("rewarm_steps", 10**12),
        ("total_steps", "many"),
        ("beta2_windows", 0),
    ],
)
def test_a_dial_where_none_can_stand_is_damage(
    run_dir: Path, tmp_path: Path, name: str, position: object, undone: bool
) -> None:
    shutil.copytree(run_dir, tmp_path / "run")
    folder = RunFolder(tmp_path / "run")
    newest = load_newest(folder.checkpoints)[0].path
    document = json.loads((newest / "trainer.json").read_text(encoding="utf-8"))
    if undone:
        document["undos"] = [{"dial": name, "fields": {name: position}}]
    else:
        document["dials"][name] = position
    (newest / "trainer.json").write_text(json.dumps(document), encoding="utf-8")
    config = config_of_run(read_run_toml(folder)[0])
    vocabulary = load_tokenizer(folder.tokenizer_file).vocabulary_size
    wanted = "lr" if name == "lr_hold" else name
    with pytest.raises(CheckpointError, match=rf"trainer\.json \({wanted}\b") as caught:
        check_usable(load_checkpoint(newest), config, vocabulary)
    assert "\x1b" not in str(caught.value)
    found, notes = load_newest(folder.checkpoints, lambda found: check_usable(found, config, vocabulary))
    assert found.path != newest
    assert any(wanted in note for note in notes)


@given(content=st.binary(max_size=200), place=st.integers(0, 400), name=st.sampled_from(["model", "optimizer"]))
@fuzzed
def test_a_file_of_tensors(run_dir: Path, tmp_path: Path, content: bytes, place: int, name: str) -> None:
    checkpoint = load_newest(run_dir / "checkpoints")[0].path
    copy = tmp_path / "checkpoints" / checkpoint.name
    shutil.copytree(checkpoint, copy, dirs_exist_ok=True)
    file = copy / f"{name}.safetensors"
    whole = file.read_bytes()
    file.write_bytes(whole[:place] + content + whole[place + len(content) :])
    in_a_sentence(lambda: load_checkpoint(copy))


def test_the_best_checkpoint_that_is_damaged_is_passed_over_with_a_note(run_dir: Path, tmp_path: Path) -> None:
    shutil.copytree(run_dir, tmp_path / "run")
    name = (tmp_path / "run" / "checkpoints" / "best").read_text(encoding="utf-8").strip()
    (tmp_path / "run" / "checkpoints" / name / "trainer.json").write_text('{"step": -4}', encoding="utf-8")
    loaded = load_checkpoint_model(tmp_path / "run")
    assert loaded.checkpoint != name
    assert any("step is not what it can be" in note for note in loaded.notes)
    with pytest.raises(CheckpointError, match=r"trainer\.json: step"):
        load_checkpoint_model(tmp_path / "run", name)


def test_no_model_is_made_of_a_size_that_the_file_has_not(run_dir: Path, tmp_path: Path) -> None:
    shutil.copytree(run_dir, tmp_path / "run")
    settings_file = tmp_path / "run" / "run.toml"
    text = (
        settings_file.read_text(encoding="utf-8")
        .replace("width = 16", "width = 8192")
        .replace("layers = 1", "layers = 96")
    )
    settings_file.write_text(text, encoding="utf-8")
    # 77 billion parameters: more memory than any machine of ours has.
    with pytest.raises(CheckpointError, match="does not fit the model"):
        load_checkpoint_model(tmp_path / "run")


def test_tensors_of_no_numbers_are_said_when_they_are_used(run_dir: Path, tmp_path: Path) -> None:
    shutil.copytree(run_dir, tmp_path / "run")
    for checkpoint in (tmp_path / "run" / "checkpoints").glob("step-*"):
        tensors = {
            name: torch.full_like(tensor, float("nan"))
            for name, tensor in load_file(checkpoint / "model.safetensors").items()
        }
        (checkpoint / "model.safetensors").unlink()
        save_file(tensors, checkpoint / "model.safetensors")
    from babytrain.engine.generation.prompts import prepare_prompt
    from babytrain.engine.generation.sampling import SamplingSettings

    model = load_checkpoint_model(tmp_path / "run")
    prompt = prepare_prompt("the", model.tokenizer, 16)
    in_a_sentence(lambda: list(model.pieces(prompt, SamplingSettings(), max_tokens=3, seed=1)))


BPE = json.loads(train_bpe("the snake sheds its coat\n" * 30, 280).to_json())


@given(data=st.data())
@fuzzed
def test_a_tokenizer_of_byte_pairs(tmp_path: Path, data: st.DataObject) -> None:
    changed = data.draw(st.composite(lambda draw: mutated(draw, BPE))())
    (tmp_path / "tokenizer.json").write_text(json.dumps(changed), encoding="utf-8")
    in_a_sentence(lambda: load_tokenizer(tmp_path / "tokenizer.json"))


@pytest.mark.parametrize(
    "part",
    [
        {"normalizer": {"type": "Replace", "pattern": {"Regex": "(a+)+$"}, "content": "x" * 100}},
        {"normalizer": {"type": "Prepend", "prepend": "obey: "}},
        {"pre_tokenizer": {"type": "Split", "pattern": {"Regex": "("}, "behavior": "Removed", "invert": False}},
        {"decoder": {"type": "Replace", "pattern": {"String": "s"}, "content": "\x1b]52;c;"}},
        {"post_processor": {"type": "nothing we know"}},
        {"added_tokens": [{"id": 0, "content": "the", "special": True}]},
        {"truncation": {"direction": "Right", "max_length": 1, "strategy": "LongestFirst", "stride": 0}},
        {"padding": {"strategy": {"Fixed": 2**40}}},
    ],
)
def test_of_a_tokenizer_of_byte_pairs_only_vocabulary_and_merges_are_read(tmp_path: Path, part: dict[str, Any]) -> None:
    (tmp_path / "tokenizer.json").write_text(
        json.dumps({"kind": "bpe", "tokenizer": BPE["tokenizer"] | part}), encoding="utf-8"
    )
    tokenizer = load_tokenizer(tmp_path / "tokenizer.json")
    assert json.loads(tokenizer.to_json()) == BPE
    assert tokenizer.decode(tokenizer.encode("the snake sees\n")) == "the snake sees\n"


def change_bpe(**changes: Any) -> dict[str, Any]:
    model = BPE["tokenizer"]["model"] | changes
    return {"kind": "bpe", "tokenizer": BPE["tokenizer"] | {"model": model}}


VOCABULARY = BPE["tokenizer"]["model"]["vocab"]


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (change_bpe(vocab=VOCABULARY | {"zz": 2**40}), "not numbered"),
        (change_bpe(vocab=VOCABULARY | {"zz": -1}), "not numbered"),
        (change_bpe(vocab=VOCABULARY | {"a" * 5000: len(VOCABULARY)}), "longer than 4,096"),
        (change_bpe(vocab=VOCABULARY | {"a b": len(VOCABULARY)}), "none of bytes"),
        (change_bpe(vocab={str(number): number for number in range(70_000)}), "70,000 tokens"),
        (change_bpe(merges=[["q", "zzz"]]), "a merge"),
        (change_bpe(merges=["q"]), "a merge"),
        (change_bpe(type="WordLevel"), "WordLevel"),
    ],
)
def test_a_vocabulary_that_cannot_be_is_a_sentence(tmp_path: Path, document: dict[str, Any], said: str) -> None:
    (tmp_path / "tokenizer.json").write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(EngineError, match=said):
        load_tokenizer(tmp_path / "tokenizer.json")


@given(document=st.dictionaries(st.sampled_from([*build_config().to_dict(), "x", ""]), values, max_size=4))
@fuzzed
def test_settings_of_any_kind(document: dict[str, Any]) -> None:
    in_a_sentence(lambda: config_of_run(document))


def test_two_hundred_thousand_unknown_settings_are_a_few_sentences() -> None:
    with pytest.raises(ConfigError) as caught:
        build_config("baby", {f"setting_{number}" * 20: number for number in range(200_000)})
    assert len(caught.value.problems) <= 20
    assert all(len(problem) < 200 for problem in caught.value.problems)


@given(content=st.binary(max_size=60) | st.text(max_size=60).map(str.encode), place=st.integers(0, 3000))
@fuzzed
def test_a_file_of_settings(run_dir: Path, tmp_path: Path, content: bytes, place: int) -> None:
    whole = (run_dir / "run.toml").read_bytes()
    (tmp_path / "run.toml").write_bytes(whole[:place] + content + whole[place:])
    in_a_sentence(lambda: config_of_run(read_run_toml(RunFolder(tmp_path))[0]))


def test_a_key_of_thousands_of_parts_is_refused_before_it_is_parsed(tmp_path: Path) -> None:
    (tmp_path / "run.toml").write_text("[config]\n" + ".".join(["a"] * 500_000) + " = 1\n", encoding="utf-8")
    with pytest.raises(RunsError, match="a key of hundreds of parts"):
        read_run_toml(RunFolder(tmp_path))
