"""compile = auto: when it is tried, when it is kept, and that the run repeats the choice and not the trial."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

import pytest
import torch

from babytrain.engine.doctor.check_result import CheckResult
from babytrain.engine.execution.forward_backward import DirectPass, compile_loss
from babytrain.engine.sessions import compile_trial, prepare_model
from babytrain.engine.sessions.compile_trial import (
    CompileTrial,
    choose_compile,
    is_worth_keeping,
    is_worth_trying,
    measure_compile,
    planned_seconds,
)
from babytrain.engine.training import trainer
from babytrain.runs.events import LogMessage, Phase, Started
from babytrain.runs.store.folder import RunFolder, read_run_toml
from tests.engine.execution.pass_variants import CountingBackend, build
from tests.engine.tiny_runs import events_of, resume_from, tiny_config, train

MINUTE, HOUR = 60.0, 3600.0
FOUND = CheckResult("compile", True, "C++ compiler g++", "Nothing to do.")
MISSING = CheckResult("compile", None, "no C++ compiler found", "Install one.")


@pytest.mark.parametrize(
    ("device", "seconds", "tried"),
    [
        ("cpu", 9 * MINUTE, False),
        ("cpu", 11 * MINUTE, True),
        ("cuda", 50.0, False),
        ("cuda", 70.0, True),
        ("mps", 1000 * HOUR, False),
    ],
)
def test_only_a_long_run_is_worth_a_trial(device: str, seconds: float, tried: bool) -> None:
    assert is_worth_trying(device, seconds) is tried


@pytest.mark.parametrize(
    ("compile_seconds", "eager_ms", "compiled_ms", "seconds", "kept"),
    [
        (15.0, 25.0, 24.0, 15 * MINUTE, False),  # what two cores gave: under 5%
        (15.0, 25.0, 24.0, 1000 * HOUR, False),  # less than a trial can tell from noise
        (15.0, 20.0, 26.0, 24 * HOUR, False),  # slower
        (15.0, 20.0, 18.0, 4 * MINUTE, False),  # saves 24 s for 15
        (15.0, 20.0, 18.0, 6 * MINUTE, True),  # saves 36 s for 15
        (60.0, 9.0, 3.0, 2 * MINUTE, False),
        (30.0, 9.0, 3.0, 2 * MINUTE, True),
    ],
)
def test_compiling_is_kept_where_it_clearly_pays(
    compile_seconds: float, eager_ms: float, compiled_ms: float, seconds: float, kept: bool
) -> None:
    trial = CompileTrial(compile_seconds, eager_ms / 1000, compiled_ms / 1000)
    assert is_worth_keeping(trial, seconds) is kept


def test_the_length_of_a_run_is_its_minutes_or_its_steps_at_the_eager_pace() -> None:
    def unasked() -> NoReturn:
        raise AssertionError("the minutes are known")

    assert planned_seconds(tiny_config(minutes=20, steps=7), unasked) == 20 * MINUTE
    assert planned_seconds(tiny_config(steps=1000, accumulate=3), lambda: 0.5) == 1500.0


def test_a_short_run_tries_nothing_and_says_nothing() -> None:
    def unasked() -> NoReturn:
        raise AssertionError("a trial was made")

    assert choose_compile("cpu", 5 * MINUTE, unasked) == ("off", "")


def test_the_sentence_says_what_was_measured_and_decided() -> None:
    kept = choose_compile("cpu", HOUR, lambda: CompileTrial(15.0, 0.020, 0.015))
    assert kept[0] == "on"
    assert "15s" in kept[1]
    assert "20ms to 15ms" in kept[1]
    assert "1h00m" in kept[1]
    left = choose_compile("cpu", HOUR, lambda: CompileTrial(15.0, 0.020, 0.0199))
    assert left[0] == "off"
    assert left[1].startswith("Not compiling")


def test_a_trial_that_fails_means_off() -> None:
    def broken() -> NoReturn:
        raise RuntimeError("g++: internal compiler error\nand a hundred lines")

    choice, sentence = choose_compile("cpu", HOUR, broken)
    assert choice == "off"
    assert "internal compiler error" in sentence
    assert "hundred" not in sentence


def test_a_real_trial_counts_compiling_apart_from_steps(monkeypatch) -> None:
    torch.compiler.reset()
    backend = CountingBackend()
    monkeypatch.setattr(
        compile_trial, "build_pass", lambda model, **_: DirectPass(compile_loss(model, backend=backend))
    )
    tokens = torch.arange(400, dtype=torch.int32) % 20
    trial = measure_compile(tiny_config(), tokens, 20, device="cpu", precision="fp32")
    assert backend.compilations > 0
    assert trial.compile_seconds > trial.compiled_step_seconds > 0
    assert trial.eager_step_seconds > 0


@pytest.mark.parametrize("pays", [True, False])
def test_the_choice_is_kept_with_the_run(tmp_path: Path, monkeypatch, pays: bool) -> None:
    asked, built = [], []

    def measured(*_: object, **__: object) -> CompileTrial:
        asked.append(True)
        return CompileTrial(0.0, 0.002, 0.001 if pays else 0.002)

    def build_noticed(model, *, compiled: bool, note: object):
        built.append(compiled)
        return build("eager", model)

    monkeypatch.setitem(compile_trial.SHORTEST_RUN_FOR_TRIAL_SECONDS, "cpu", 0.0)
    monkeypatch.setattr(prepare_model, "check_compile", lambda *_: FOUND)
    monkeypatch.setattr(prepare_model, "measure_compile", measured)
    monkeypatch.setattr(trainer, "build_pass", build_noticed)
    result = train(tmp_path, compile="auto")
    events = events_of(result)
    started, word = events[0], "on" if pays else "off"
    assert isinstance(started, Started)
    assert started.compiled is pays
    assert started.config["compile"] == word
    assert read_run_toml(RunFolder(Path(result.run_dir)))[0]["compile"] == word
    assert sum(isinstance(event, LogMessage) and "ompiling the step" in event.text for event in events) == 1
    assert any(isinstance(event, Phase) and event.phase == "compiling" for event in events) is pays
    resume_from(result, 10)
    assert (asked, built) == ([True], [pays, pays])


def test_without_a_compiler_auto_is_off_without_a_word(tmp_path: Path, monkeypatch) -> None:
    def unasked(*_: object, **__: object) -> NoReturn:
        raise AssertionError("a trial was made")

    monkeypatch.setitem(compile_trial.SHORTEST_RUN_FOR_TRIAL_SECONDS, "cpu", 0.0)
    monkeypatch.setattr(prepare_model, "check_compile", lambda *_: MISSING)
    monkeypatch.setattr(prepare_model, "measure_compile", unasked)
    events = events_of(train(tmp_path, compile="auto"))
    assert not any(isinstance(event, LogMessage) and "compil" in event.text.lower() for event in events)
