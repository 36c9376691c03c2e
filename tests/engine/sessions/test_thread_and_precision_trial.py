"""The trial before a run: what it may choose, and that the choice is kept with the run."""

from pathlib import Path

import pytest
import torch

from babytrain.engine.config.settings import Config
from babytrain.engine.sessions import thread_and_precision_trial
from babytrain.engine.sessions.thread_and_precision_trial import try_processor_settings
from babytrain.runs.events import LogMessage, Started
from babytrain.runs.store.folder import RunFolder, read_run_toml
from tests.engine.tiny_runs import events_of, final_weights, resume_from, same_bits, tiny_config, train

TOKENS = torch.arange(400, dtype=torch.int32) % 20


def choose(
    monkeypatch, milliseconds: dict[tuple[int, str], float], by_onednn: float = 1e9
) -> thread_and_precision_trial.ProcessorChoice:
    def scripted(config: Config, tokens: torch.Tensor, size: int, threads: int, precision: str, by: str) -> float:
        return by_onednn if by == "onednn" else milliseconds[threads, precision]

    monkeypatch.setattr(thread_and_precision_trial, "_step_milliseconds", scripted)
    monkeypatch.setattr(thread_and_precision_trial, "supports_bf16", lambda device: True)
    return try_processor_settings(
        tiny_config(), TOKENS, 20, threads=[2, 1], precisions=["fp32", "bf16"], libraries=["torch", "onednn"]
    )


def test_bf16_only_where_it_wins(monkeypatch) -> None:
    slower = choose(monkeypatch, {(2, "fp32"): 10.0, (2, "bf16"): 9.9, (1, "fp32"): 18.0})
    assert (slower.threads, slower.precision) == (2, "fp32")
    faster = choose(monkeypatch, {(2, "fp32"): 10.0, (2, "bf16"): 5.0, (1, "bf16"): 8.0})
    assert (faster.threads, faster.precision) == (2, "bf16")


def test_a_thread_that_only_gets_in_the_way_is_left_out(monkeypatch) -> None:
    choice = choose(monkeypatch, {(2, "fp32"): 50.0, (2, "bf16"): 40.0, (1, "bf16"): 8.0})
    assert (choice.threads, choice.precision) == (1, "bf16")
    assert "in bf16 with 1 thread," in choice.sentence()


def test_the_other_library_where_it_multiplies_faster_and_bf16_does_not_win(monkeypatch) -> None:
    choice = choose(monkeypatch, {(2, "fp32"): 50.0, (2, "bf16"): 60.0}, by_onednn=25.0)
    assert (choice.precision, choice.matmul_backend) == ("fp32", "onednn")
    assert "by the library oneDNN" in choice.sentence()
    assert choice.step_seconds == 0.025
    assert choose(monkeypatch, {(2, "fp32"): 50.0, (2, "bf16"): 10.0, (1, "bf16"): 9.9}).matmul_backend == "torch"


def test_a_real_trial_leaves_no_trace() -> None:
    torch.manual_seed(3)
    state, threads = torch.get_rng_state(), torch.get_num_threads()
    try_processor_settings(tiny_config(), TOKENS, 20, threads=[2, 1], precisions=["fp32", "bf16"])
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.get_num_threads() == threads


@pytest.mark.parametrize("precision", ["auto", "fp32"])
def test_what_was_chosen_is_kept_and_repeated_by_a_resume(tmp_path: Path, precision: str) -> None:
    result = train(tmp_path, precision=precision, threads=0)
    events = events_of(result)
    started = events[0]
    assert isinstance(started, Started)
    saved, _ = read_run_toml(RunFolder(Path(result.run_dir)))
    assert (saved["precision"], saved["threads"]) == (started.precision, started.threads)
    assert saved["precision"] in ("fp32", "bf16")
    assert saved["threads"] >= 1
    assert sum(isinstance(event, LogMessage) and "short trial" in event.text for event in events) <= 1
    assert same_bits(final_weights(result), final_weights(resume_from(result, 10)))
