"""Memory that does not suffice at the start of a session is met as later: a smaller batch, or a sentence."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from babytrain.engine.config.errors import ConfigError
from babytrain.engine.model.gpt import GPT
from babytrain.engine.sessions import prepare_model, start_and_resume
from babytrain.engine.training import out_of_memory
from babytrain.runs.events import GuardEvent, LogMessage
from tests.engine.tiny_runs import events_of, train

NO_ROOM = RuntimeError("[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory: you tried")


def refuse(*_: object, **__: object) -> None:
    raise NO_ROOM


@pytest.fixture(autouse=True)
def _own_trials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prepare_model, "trials_path", lambda: tmp_path / "trials.json")


def test_a_trial_without_room_leaves_the_simplest_choice_and_trains(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prepare_model, "try_processor_settings", refuse)
    monkeypatch.setattr(prepare_model, "eager_step_seconds", refuse)
    result = train(tmp_path, threads=2, precision="auto", compile="auto", device="cpu")
    assert result.status == "done"
    notes = [event.text for event in events_of(result) if isinstance(event, LogMessage)]
    assert any("fp32 with 2 threads, without a trial of what is fastest, for which" in text for text in notes)


def test_no_trial_is_made_with_a_batch_that_will_be_halved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def tried(*_: object, **__: object) -> None:
        raise AssertionError("formats without room for their library take minutes")

    monkeypatch.setattr(prepare_model, "try_processor_settings", tried)
    monkeypatch.setattr(prepare_model, "batch_that_fits", lambda *_: 1)
    assert train(tmp_path, threads=2, precision="auto", device="cpu").status == "done"


@pytest.mark.parametrize("what", ["prepare_model", "_build_state"])
def test_a_model_without_room_is_refused_with_what_would_fit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    monkeypatch.setattr(start_and_resume, what, refuse)
    with pytest.raises(ConfigError, match=r"does not suffice for this model.* a smaller preset would fit"):
        train(tmp_path)
    assert not list((tmp_path / "runs").glob("*/journal.jsonl")), "what never started leaves nothing behind"


def test_a_batch_is_halved_after_the_memory_of_the_failed_step_is_given_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest, handled = GPT.loss, []

    def hungry(self: GPT, tokens, targets):  # type: ignore[no-untyped-def]
        if self.training and len(tokens) > 2:
            raise MemoryError
        return honest(self, tokens, targets)

    monkeypatch.setattr(GPT, "loss", hungry)
    monkeypatch.setattr(out_of_memory, "release_freed_memory", lambda: handled.append(sys.exc_info()[1]))
    result = train(tmp_path, device="cpu")
    assert [event.action for event in events_of(result) if isinstance(event, GuardEvent)] == ["halved the batch"]
    assert handled == [None], "an exception that is being handled holds the tensors of its step"
