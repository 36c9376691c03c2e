"""Real (tiny) runs: what is recorded, what is obeyed, and that a resumed run equals one that never stopped."""

import math
import os
import threading
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from safetensors import SafetensorError
from torch import Tensor

from babytrain.engine.checkpoints import format as checkpoint_format
from babytrain.engine.checkpoints.format import load_newest
from babytrain.engine.config.errors import EngineError
from babytrain.engine.doctor.software import check_compile
from babytrain.engine.model.gpt import GPT
from babytrain.engine.sessions.start_and_resume import RunResult, train_resumed
from babytrain.engine.training.recorder import Recorder
from babytrain.runs.events import (
    Baselines,
    Checkpoint,
    Command,
    Ended,
    Energy,
    Eval,
    Letters,
    LogMessage,
    Milestone,
    Phase,
    Resumed,
    Sample,
    Started,
    Step,
    Storage,
    TextMetrics,
    Vitals,
)
from babytrain.runs.journal import load_state
from babytrain.runs.state.live_feed import LiveFeed
from babytrain.runs.state.run_state import RunState
from babytrain.runs.store.folder import RunFolder
from babytrain.runs.store.lock import RunLock
from tests.engine.tiny_runs import events_of, final_optimizer, final_weights, resume_from, same_bits, train, write_text
from tests.timeouts import LONGEST_WAIT_SECONDS


def wait_for(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + LONGEST_WAIT_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.005)


def test_a_run_is_recorded_from_the_first_line_to_the_last(tmp_path: Path) -> None:
    result = train(tmp_path, steps=40)
    events = events_of(result)
    assert isinstance(events[0], Started)
    assert isinstance(events[-1], Ended)
    assert events[-1].status == result.status == "done"
    assert [event.step for event in events if isinstance(event, Step)] == list(range(1, 41))
    assert [event.step for event in events if isinstance(event, Eval)] == [0, 10, 20, 30, 40]
    assert [event.step for event in events if isinstance(event, Sample)] == [0, 10, 20, 30, 40]
    # What other threads say is filed a moment late.
    late = (Vitals, Energy, Baselines, Letters, TextMetrics, Milestone)
    own = [event for event in events if not isinstance(event, late)]
    assert all(later.t >= earlier.t for earlier, later in pairwise(own))
    evaluations = [event for event in events if isinstance(event, Eval)]
    assert evaluations[-1].val_loss < evaluations[0].val_loss - 0.5
    assert evaluations[0].val_loss == pytest.approx(math.log(events[0].corpus.vocabulary_size), abs=1.0)
    assert result.best_val_loss == min(event.val_loss for event in evaluations)


def test_the_feed_shows_what_the_journal_keeps(tmp_path: Path) -> None:
    feed = LiveFeed()
    result = train(tmp_path, feed)
    state = load_state(Path(result.run_dir) / "journal.jsonl")
    for column in ("step", "loss", "learning_rate", "tokens"):
        live, kept = getattr(feed.steps, column), getattr(state.steps, column)
        assert (live[: feed.steps.count] == kept[: state.steps.count]).all()


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
@pytest.mark.parametrize("step", [5, 10])
def test_a_resumed_run_ends_in_the_same_bits(tmp_path: Path, optimizer: str, step: int) -> None:
    """With dropout, accumulation and an epoch boundary inside (61 windows, 8 a step)."""
    changes = {"optimizer": optimizer, "dropout": 0.1, "accumulate": 2, "steps": 15, "context": 32}
    whole = train(tmp_path, **changes)
    resumed = resume_from(whole, step)
    assert same_bits(final_weights(whole), final_weights(resumed))
    assert same_bits(final_optimizer(whole), final_optimizer(resumed))


def test_a_resume_supersedes_the_steps_after_its_checkpoint(tmp_path: Path) -> None:
    resumed = resume_from(train(tmp_path), 10)
    events = events_of(resumed)
    mark = next(event for event in events if isinstance(event, Resumed))
    assert mark.step == 10
    assert mark.t >= max(event.t for event in events[: events.index(mark)])
    state = load_state(Path(resumed.run_dir) / "journal.jsonl")
    assert state.steps.step[: state.steps.count].tolist() == list(range(1, 21))
    assert state.at().status == "done"


def test_sampling_and_evaluating_leave_the_weights_alone(tmp_path: Path) -> None:
    busy = train(tmp_path, name="busy", eval_every=1, sample_every=1, dropout=0.1, temperature=1.0)
    calm = train(tmp_path, name="calm", eval_every=20, sample_every=0, dropout=0.1)
    assert same_bits(final_weights(busy), final_weights(calm))


def test_commands_are_applied_between_steps_and_survive_a_resume(tmp_path: Path) -> None:
    feed = LiveFeed()
    feed.ask("lr_scale", 0.25)
    feed.ask("lr_scale", 0.5)
    feed.ask("lr_hold", -3.0)
    feed.ask("note", text="[bold]hello\x1b[31m")
    result = train(tmp_path, feed, schedule="constant", warmup=0)
    commands = [event for event in events_of(result) if isinstance(event, Command)]
    assert [(event.action, event.status, event.value) for event in commands] == [
        ("lr_scale", "applied", 0.25),
        ("lr_scale", "applied", 0.5),
        ("lr_hold", "refused", -3.0),
        ("note", "applied", None),
    ]
    assert commands[0].after == pytest.approx(commands[0].before * 0.25) == commands[1].before
    assert commands[1].after == pytest.approx(commands[0].before * 0.5)
    assert [command.dials for command in commands] == [{"lr_scale": 0.25}, {"lr_scale": 0.5}, None, None]
    assert commands[3].text == "[bold]hello\x1b[31m"
    assert feed.steps.learning_rate[0] == pytest.approx(0.5 * 3e-3)
    resumed = resume_from(result, 10)
    steps = [event for event in events_of(resumed) if isinstance(event, Step)]
    assert steps[-1].learning_rate == pytest.approx(0.5 * 3e-3)


def test_pausing_and_stepping_change_nothing_but_time(tmp_path: Path) -> None:
    plain = train(tmp_path, name="plain")
    feed = LiveFeed()
    feed.ask("pause")
    results: list[RunResult] = []
    thread = threading.Thread(target=lambda: results.append(train(tmp_path, feed, name="paused")))
    thread.start()
    feed.ask("advance", 3)
    wait_for(lambda: feed.steps.count == 3, "three single steps")
    feed.ask("sample", text="the snake")
    feed.ask("sample", text="the", dial="tokens=4 talk=1")
    feed.ask("evaluate")
    feed.ask("checkpoint")
    feed.ask("advance", 1)
    wait_for(lambda: feed.steps.count == 4, "one more step")
    wait_for(lambda: [one.phase for one in feed.drain_events() if isinstance(one, Phase)][-1:] == ["paused"], "a pause")
    feed.ask("resume")
    thread.join(LONGEST_WAIT_SECONDS)
    assert same_bits(final_weights(plain), final_weights(results[0]))
    events = events_of(results[0])
    asked = [(event.prompt, event.talk) for event in events if isinstance(event, Sample) and event.requested]
    assert asked == [("the snake", False), ("the", True)]
    assert [event.step for event in events if isinstance(event, Eval)] == [0, 3, 10, 20]
    assert [event.step for event in events if isinstance(event, Checkpoint) and event.reason == "requested"] == [3]
    assert [event.phase for event in events if isinstance(event, Phase)].count("paused") >= 2


@pytest.mark.parametrize("how", ["command", "flag"])
def test_a_stopped_run_is_saved_and_can_go_on(tmp_path: Path, how: str) -> None:
    feed = LiveFeed()
    results: list[RunResult] = []
    thread = threading.Thread(target=lambda: results.append(train(tmp_path, feed, steps=100_000)))
    thread.start()
    wait_for(lambda: feed.steps.count > 12, "some steps")
    if how == "flag":
        feed.stop_requested.set()
    else:
        feed.ask("stop")
    thread.join(LONGEST_WAIT_SECONDS)
    result = results[0]
    assert result.status == "interrupted"
    assert load_newest(Path(result.run_dir) / "checkpoints")[0].trainer["step"] == result.steps
    more = train_resumed(Path(result.run_dir), {"steps": result.steps + 5}, LiveFeed())
    assert (more.status, more.steps) == ("done", result.steps + 5)


def test_a_full_disk_costs_checkpoints_but_not_the_run(tmp_path: Path, monkeypatch) -> None:
    """It is told since when, the newest good one stays, and there are new ones as soon as there is room."""
    honest = checkpoint_format.save_file
    snapshot = RunState()

    def full(tensors: dict[str, Tensor], path: Path) -> None:
        if 9 <= int(path.parent.name.split("-")[2]) <= 17:
            raise SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)")
        honest(tensors, path)

    monkeypatch.setattr(checkpoint_format, "save_file", full)
    result = train(tmp_path)  # evaluates at 10 and 20, and saves every five steps
    assert (result.status, result.steps) == ("done", 20)
    events = events_of(result)
    told = [(one.step, one.what, one.failing, one.reason) for one in events if isinstance(one, Storage)]
    assert told == [(10, "checkpoints", True, "No space left on device"), (20, "checkpoints", False, "")]
    errors = [(one.step, one.text) for one in events if isinstance(one, LogMessage) and one.level == "error"]
    assert [step for step, _ in errors] == [10, 15], "one line for a step"
    assert errors[0][1].startswith("The checkpoint at step 10 could not be written: No space left on device. Training")
    assert "since step 10" in errors[1][1]
    assert [one.step for one in events if isinstance(one, Checkpoint)] == [0, 5, 20]
    for event in events:
        snapshot.apply(event)
        failing = [one.step for one in snapshot.at().failing_storage]
        if isinstance(event, Step):
            assert failing == ([10] if 10 < event.step <= 20 else [])


def test_a_crash_closes_the_journal_and_becomes_a_sentence(tmp_path: Path, monkeypatch) -> None:
    def explode(*_: object) -> None:
        raise RuntimeError("cogs everywhere")

    monkeypatch.setattr(GPT, "loss", explode)
    with pytest.raises(EngineError, match="cogs everywhere"):
        train(tmp_path)
    (run,) = (tmp_path / "runs").iterdir()
    assert "Traceback" in (run / "crash.log").read_text()
    ended = load_state(run / "journal.jsonl").at().ended
    assert ended is not None
    assert ended.status == "failed"


def test_a_run_being_trained_is_not_resumed_twice(tmp_path: Path) -> None:
    result = train(tmp_path)
    with RunLock(RunFolder(Path(result.run_dir))), pytest.raises(EngineError, match="being trained"):
        train_resumed(Path(result.run_dir), {"steps": 50}, LiveFeed())


def test_a_finished_run_says_how_to_go_on(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="--steps"):
        train_resumed(Path(train(tmp_path).run_dir), {}, LiveFeed())


def test_a_changed_text_that_was_not_kept_is_refused_before_anything_happens(tmp_path: Path) -> None:
    result = train(tmp_path, kept_text_megabytes=0)
    before = (Path(result.run_dir) / "journal.jsonl").read_bytes()
    write_text(tmp_path).write_text("quite another text, long enough to train on " * 50)
    with pytest.raises(EngineError, match="changed"):
        train_resumed(Path(result.run_dir), {"steps": 50}, LiveFeed())
    assert (Path(result.run_dir) / "journal.jsonl").read_bytes() == before


def test_a_run_that_cannot_start_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(EngineError):
        train(tmp_path, context=4096)
    assert not (tmp_path / "runs").exists() or not list((tmp_path / "runs").iterdir())


def test_epochs_are_counted_in_windows(tmp_path: Path) -> None:
    result = train(tmp_path, epochs=2, context=64)
    started = events_of(result)[0]
    assert isinstance(started, Started)
    assert result.steps == math.ceil(2 * started.steps_per_epoch)


def test_training_by_the_clock_replans_and_ends_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock counts a tenth of a second a step, so that a busy machine changes nothing."""
    monkeypatch.setattr(Recorder, "working_seconds", lambda recorder: 0.1 * recorder.step)
    result = train(tmp_path, minutes=0.03, steps=1_000_000)
    assert result.status == "done"
    assert 15 <= result.steps <= 18
    plans = [event for event in events_of(result) if isinstance(event, Command) and event.action == "total_steps"]
    assert plans
    assert all(event.command_id == 0 for event in plans)


def test_a_new_end_in_steps_replaces_one_in_minutes(tmp_path: Path) -> None:
    result = train(tmp_path, minutes=0.02, steps=1_000_000)
    more = train_resumed(Path(result.run_dir), {"steps": result.steps + 7}, LiveFeed())
    assert (more.status, more.steps) == ("done", result.steps + 7)


def test_unknown_characters_in_a_prompt_are_named_and_left_out(tmp_path: Path) -> None:
    feed = LiveFeed()
    feed.ask("sample", text="the 龍 snake")
    events = events_of(train(tmp_path, feed))
    assert any(isinstance(event, LogMessage) and "龍" in event.text for event in events)
    assert [event.prompt for event in events if isinstance(event, Sample) and event.requested] == ["the  snake"]


@pytest.mark.parametrize("mlp", ["relu2", "gelu", "swiglu", "fmn"])
@pytest.mark.parametrize("tokenizer", ["char", "byte", "bpe"])
def test_every_mlp_and_tokenizer_trains(tmp_path: Path, mlp: str, tokenizer: str) -> None:
    result = train(tmp_path, mlp=mlp, tokenizer=tokenizer, vocabulary=270, fmn_rank=4, steps=12)
    evaluations = [event.val_loss for event in events_of(result) if isinstance(event, Eval)]
    assert evaluations[-1] < evaluations[0]


def test_a_compiled_run_learns_the_same(tmp_path: Path) -> None:
    if not check_compile(os.environ, "cpu").ok:
        pytest.skip("torch.compile needs a C++ compiler and Python's headers")
    compiled, plain = train(tmp_path, name="compiled", compile="on"), train(tmp_path, name="plain")
    assert compiled.val_loss == pytest.approx(plain.val_loss, abs=1e-3)
    phases = [event.phase for event in events_of(compiled) if isinstance(event, Phase)]
    assert phases.index("compiling") < phases.index("training")


def test_compiling_without_a_compiler_says_what_to_install(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EngineError, match="compile=on"):
        train(tmp_path, compile="on")


@pytest.mark.parametrize("changes", [{"heads": 1}, {"mlp": "gelu"}, {"val_fraction": 0.3}, {"canaries": 2}])
def test_a_resume_refuses_what_the_weights_would_not_notice(tmp_path: Path, changes: dict[str, float | str]) -> None:
    result = train(tmp_path)
    before = (Path(result.run_dir) / "journal.jsonl").read_bytes()
    with pytest.raises(EngineError) as caught:
        train_resumed(Path(result.run_dir), {"steps": 50, **changes}, LiveFeed())
    (problem,) = caught.value.problems
    assert problem.startswith("A resumed run keeps its model and text")
    assert next(iter(changes)) in problem
    assert (Path(result.run_dir) / "journal.jsonl").read_bytes() == before


def test_a_run_killed_between_its_last_step_and_its_end_can_be_brought_to_its_end(tmp_path: Path) -> None:
    result = train(tmp_path)
    journal = Path(result.run_dir) / "journal.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    assert b'"ended"' in lines[-1]
    journal.write_bytes(b"".join(lines[:-1]))
    again = train_resumed(Path(result.run_dir), {}, LiveFeed())
    assert (again.status, again.steps) == ("done", result.steps)
    events = events_of(again)
    assert [event.step for event in events if isinstance(event, Step)] == list(range(1, result.steps + 1))
    assert isinstance(events[-1], Ended)
    with pytest.raises(EngineError, match="done"):
        train_resumed(Path(result.run_dir), {}, LiveFeed())
