"""The door to the engine: whatever goes wrong behind it comes out as a sentence."""

from __future__ import annotations

import builtins
from pathlib import Path
from typing import Any

import pytest

from babytrain.engine.config.errors import EngineError
from babytrain.tui.engine_client import model_access
from babytrain.tui.engine_client.client import EngineClient
from babytrain.tui.engine_client.engine_thread import TrainingSession, start_engine_thread
from babytrain.tui.engine_client.errors import UsageError, usage_errors
from babytrain.tui.engine_client.validation import NewRunRequest
from tests.engine.tiny_runs import tiny_config, write_text
from tests.timeouts import LONGEST_WAIT_SECONDS


@pytest.mark.parametrize(
    ("failure", "problems"),
    [
        (EngineError(["One thing.", "Another."]), ["One thing.", "Another."]),
        (UsageError(["A slip."]), ["A slip."]),
        (MemoryError(), ["It cannot be done (there is not enough memory)."]),
        (RuntimeError("boom"), ["It cannot be done (boom)."]),
    ],
)
def test_every_failure_of_the_engine_is_a_sentence(failure: Exception, problems: list[str]) -> None:
    with pytest.raises(UsageError) as caught, usage_errors("It cannot be done"):
        raise failure
    assert caught.value.problems == problems


@pytest.mark.parametrize("failure", [ImportError("No module named 'torch'"), OSError("libcudart.so.12: not found")])
def test_a_torch_that_cannot_be_loaded_is_a_sentence_in_every_thread(
    failure: Exception, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    load = builtins.__import__

    def no_torch(name: str, *arguments: Any, **options: Any) -> Any:
        if name == "babytrain.engine.sessions.start_and_resume":
            raise failure
        return load(name, *arguments, **options)

    request = NewRunRequest(tiny_config(), (str(write_text(tmp_path)),), "tiny")
    session = EngineClient(tmp_path / "runs").train(request)
    monkeypatch.setattr(builtins, "__import__", no_torch)
    start_engine_thread(session).join(LONGEST_WAIT_SECONDS)
    sentence = f"PyTorch cannot be loaded ({failure}): install it with `pip install torch`."
    assert session.error == sentence
    with pytest.raises(UsageError) as caught:
        model_access.SavedModel(tmp_path)
    assert caught.value.problems == [sentence]


def test_a_session_never_raises() -> None:
    def train(feed: Any, on_folder: Any) -> Any:
        raise RuntimeError("boom")

    session = TrainingSession(train)
    session.run()
    assert session.error == "Training could not be started (boom)."


def test_a_saved_model_that_runs_out_of_memory_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    session = EngineClient(tmp_path / "runs").train(
        NewRunRequest(tiny_config(steps=2), (str(write_text(tmp_path)),), "tiny")
    )
    session.run()
    assert session.run_dir is not None, session.error
    model = EngineClient(tmp_path / "runs").load_model(session.run_dir, "last")

    def starved(*arguments: Any, **options: Any) -> Any:
        raise MemoryError

    monkeypatch.setattr("babytrain.engine.generation.checkpoint_model.generate", starved)
    monkeypatch.setattr("babytrain.engine.generation.checkpoint_model.likeliest_tokens", starved)
    prompt = model.prepare("")
    with pytest.raises(UsageError, match=r"^The model cannot write \(there is not enough memory\)\.$"):
        list(model.generate(prompt, model_access.SamplingSettings(), max_tokens=5, seed=1))
    with pytest.raises(UsageError, match=r"^The model cannot predict \(there is not enough memory\)\.$"):
        model.likeliest(prompt, 8)
