"""A checkpoint that is not this model's is refused in one sentence, wherever it is asked for; no pickle is loaded."""

from __future__ import annotations

import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from babytrain.engine.config.errors import EngineError
from babytrain.engine.generation.checkpoint_model import load_checkpoint_model
from babytrain.engine.sessions.fork import plan_fork
from babytrain.engine.sessions.start_and_resume import RunResult, train_new, train_resumed
from babytrain.runs.events import Command
from babytrain.runs.state.live_feed import LiveFeed
from babytrain.runs.store.folder import RunFolder
from tests.engine.tiny_runs import SteeredFeed, events_of, train

HEAD = "head.weight"


class Trap:
    """Whoever unpickles it leaves a file behind."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return Path.touch, (self._path,)


def lacking(tensors: dict[str, Tensor], file: Path) -> None:
    save_file({name: tensor for name, tensor in tensors.items() if name != HEAD}, file)


def of_another_shape(tensors: dict[str, Tensor], file: Path) -> None:
    save_file(tensors | {HEAD: torch.zeros(3, 3)}, file)


def of_another_type(tensors: dict[str, Tensor], file: Path) -> None:
    save_file(tensors | {HEAD: tensors[HEAD].to(torch.int8)}, file)


def pickled(tensors: dict[str, Tensor], file: Path) -> None:
    file.write_bytes(pickle.dumps([tensors, Trap(file.with_name("trapped"))]))


def saved_by_torch(tensors: dict[str, Tensor], file: Path) -> None:
    torch.save([tensors, Trap(file.with_name("trapped"))], file)


DAMAGES: list[tuple[Callable[[dict[str, Tensor], Path], None], str]] = [
    (lacking, f"it lacks {HEAD}"),
    (of_another_shape, f"{HEAD} has shape [3, 3] instead of ["),
    (of_another_type, f"{HEAD} holds numbers of int8 instead of float32"),
    (pickled, "is a pickle, and those are never loaded"),
    (saved_by_torch, "is a pickle, and those are never loaded"),
]


def spoil(run_dir: Path, damage: Callable[[dict[str, Tensor], Path], None], name: str = "model.safetensors") -> None:
    for place in (run_dir / "checkpoints").glob("step-*"):
        file = place / name
        tensors = {name: tensor.clone() for name, tensor in load_file(file).items()}
        file.unlink()  # what was read from it is mapped into memory
        damage(tensors, file)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> RunResult:
    return train(tmp_path_factory.mktemp("whole"), steps=10, sample_every=0)


@pytest.mark.parametrize(("damage", "said"), DAMAGES, ids=[damage.__name__ for damage, _ in DAMAGES])
def test_it_is_refused_in_one_sentence(
    trained: RunResult, tmp_path: Path, damage: Callable[[dict[str, Tensor], Path], None], said: str
) -> None:
    run_dir = tmp_path / "run"
    shutil.copytree(trained.run_dir, run_dir)
    spoil(run_dir, damage)
    for ask in (
        lambda: train_resumed(run_dir, {"steps": 15}, LiveFeed()),
        lambda: train_new(plan_fork(RunFolder(run_dir), "10", {"steps": 15}, runs_dir=tmp_path), LiveFeed()),
        lambda: load_checkpoint_model(run_dir, "10"),
    ):
        with pytest.raises(EngineError) as caught:
            ask()
        (sentence,) = caught.value.problems
        assert said in sentence
        assert "\n" not in sentence
    assert not list(run_dir.rglob("trapped"))


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda tensors, file: save_file({}, file), "it lacks adamw.average."),
        (lambda tensors, file: save_file(tensors | {"nose": torch.zeros(3)}, file), "it has an unknown nose"),
        (
            lambda tensors, file: save_file({name: torch.zeros(3) for name in tensors}, file),
            "has shape [3] instead of [",
        ),
    ],
    ids=["empty", "one too many", "shapes"],
)
def test_an_optimizer_state_of_another_model_is_refused_in_one_sentence(
    trained: RunResult, tmp_path: Path, damage: Callable[[dict[str, Tensor], Path], None], said: str
) -> None:
    run_dir = tmp_path / "run"
    shutil.copytree(trained.run_dir, run_dir)
    spoil(run_dir, damage, "optimizer.safetensors")
    with pytest.raises(EngineError) as caught:
        train_resumed(run_dir, {"steps": 15}, LiveFeed())
    (sentence,) = caught.value.problems
    assert said in sentence
    assert "\n" not in sentence


@pytest.mark.parametrize(("damage", "said"), DAMAGES, ids=[damage.__name__ for damage, _ in DAMAGES])
def test_a_running_run_does_not_go_back_to_it_and_goes_on(
    tmp_path: Path, damage: Callable[[dict[str, Tensor], Path], None], said: str
) -> None:
    class Spoiling(SteeredFeed):
        def publish_step(self, event: Any) -> None:
            if event.step == 12:
                (run_dir,) = (tmp_path / "runs").glob("tiny-*")
                spoil(run_dir, damage)
            super().publish_step(event)

    result = train(tmp_path, Spoiling({12: [{"action": "rollback", "text": "5"}]}))
    assert (result.status, result.steps) == ("done", 20)
    (command,) = [event for event in events_of(result) if isinstance(event, Command)]
    assert command.status == "refused"
    assert said in command.reason
