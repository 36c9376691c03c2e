"""Resume equals never having stopped, wherever the stop came; and what is no checkpoint is refused in one sentence."""

from __future__ import annotations

import pickle
import random
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from babytrain.engine.checkpoints.format import load_checkpoint
from babytrain.engine.config.errors import EngineError
from babytrain.engine.sessions.rerun import compare_checkpoints
from babytrain.engine.sessions.start_and_resume import RunResult, train_resumed
from babytrain.runs.events import Command, Eval, LogMessage, Resumed, Sample, SamplePiece
from babytrain.runs.state.live_feed import LiveFeed
from tests.engine.tiny_runs import SteeredFeed, events_of, resume_from, train

EVERYTHING: dict[str, Any] = {
    "accumulate": 3,
    "dropout": 0.15,
    "window_shift": 0.5,
    "token_noise": 0.1,
    "label_smoothing": 0.1,
    "batch_size": 2,
    "steps": 60,
    "checkpoint_every": 0,
    "optimizer": "muon",
}
TURNS: dict[int, list[dict[str, Any]]] = {
    5: [{"action": "lr_scale", "value": 0.5}],
    12: [{"action": "set", "dial": "accumulate", "value": 2}, {"action": "set", "dial": "batch_size", "value": 5}],
    25: [{"action": "rewarm", "value": 6}],
    40: [{"action": "undo"}, {"action": "set", "dial": "beta1", "value": 0.85}],
}


def last(run_dir: str, step: int) -> Path:
    return Path(run_dir) / "checkpoints" / f"step-{step:09d}"


def test_stopped_at_twenty_random_steps_it_ends_in_the_same_bits(tmp_path: Path) -> None:
    """By command or by signal, in the middle of epochs and of turning dials."""
    whole = train(tmp_path, SteeredFeed(TURNS), **EVERYTHING)
    expected = load_checkpoint(last(whole.run_dir, 60))
    stops = sorted(random.Random(7).sample(range(1, 60), 20))
    assert len(stops) == 20
    feed = SteeredFeed({**TURNS, stops[0]: [*TURNS.get(stops[0], []), {"action": "stop"}]})
    result = train(tmp_path, feed, name="stopped", **EVERYTHING)
    for number, stop in enumerate([*stops[1:], 60]):
        turns = {step: several for step, several in TURNS.items() if step > result.steps}
        if stop < 60:
            how = "stop" if number % 2 else "stop now"
            turns[stop] = [*turns.get(stop, []), {"action": how}]
        result = train_resumed(Path(result.run_dir), {}, SteeredFeed(turns))
        assert result.steps == stop
    bits, _, other = compare_checkpoints(expected, load_checkpoint(last(result.run_dir, 60)))
    assert (bits, other) == (0, "")
    resumed = [event for event in events_of(result) if isinstance(event, Resumed)]
    assert len(resumed) == 20


def test_an_evaluation_that_a_stop_cut_short_is_made_up_for(tmp_path: Path) -> None:
    """Or another checkpoint would be the best than in a run that never stopped."""
    result = train(tmp_path, SteeredFeed({10: [{"action": "stop now"}]}))
    assert result.steps == 10
    more = train_resumed(Path(result.run_dir), {}, LiveFeed())
    assert [event.step for event in events_of(more) if isinstance(event, Eval)] == [0, 10, 20]


def test_a_command_that_changes_nothing_changes_nothing_of_the_guard(tmp_path: Path, monkeypatch) -> None:
    """What the engine turns by itself is settled then and there, not at the next command, whenever that comes."""
    quiet = train(tmp_path, name="quiet", minutes=0.0, steps=30)
    chatty = train(
        tmp_path,
        SteeredFeed({step: [{"action": "note", "text": "well"}] for step in range(1, 29)}),
        name="chatty",
        steps=30,
    )
    one, other = (load_checkpoint(last(run.run_dir, 30)) for run in (quiet, chatty))
    assert one.trainer["guard"] == other.trainer["guard"]
    assert compare_checkpoints(one, other)[0] == 0


@pytest.mark.parametrize(
    ("command", "limit"),
    [
        ({"action": "lr_hold", "value": 0.0}, "between"),
        ({"action": "lr_hold", "value": -1.0}, "between"),
        ({"action": "lr_hold", "value": 1e9}, "between"),
        ({"action": "lr_hold", "text": "fast"}, "between"),
        ({"action": "lr_hold", "value": float("nan")}, "between"),
        ({"action": "lr_scale", "value": 0.0}, "between"),
        ({"action": "rewarm", "value": 1e12}, "between"),
        ({"action": "total_steps", "value": 1e12}, "between"),
        ({"action": "set", "dial": "batch_size", "value": 4000}, "the text has"),
        ({"action": "set", "dial": "batch_size", "value": 0}, "between"),
        ({"action": "set", "dial": "batch_size", "text": "many"}, "between"),
        ({"action": "set", "dial": "dropout", "value": 1e9}, "between"),
        ({"action": "set", "dial": "dropout", "value": -0.1}, "between"),
        ({"action": "set", "dial": "beta1", "value": float("inf")}, "between"),
        ({"action": "set", "dial": "schedule", "text": "zigzag"}, "one of"),
        ({"action": "set", "dial": "layers", "value": 3}, "no dial"),
    ],
)
def test_absurd_values_are_refused_with_what_would_do(tmp_path: Path, command: dict[str, Any], limit: str) -> None:
    result = train(tmp_path, SteeredFeed({3: [command]}), steps=6)
    (told,) = [event for event in events_of(result) if isinstance(event, Command)]
    assert told.status == "refused"
    assert limit in told.reason
    assert result.status == "done"


def break_it(place: Path, how: str) -> None:
    model, optimizer = place / "model.safetensors", place / "optimizer.safetensors"
    weights, moments = load_file(model), load_file(optimizer)
    name = sorted(weights)[0]
    match how:
        case "a missing tensor":
            del weights[name]
        case "another shape":
            weights[name] = torch.zeros(weights[name].shape[0] + 1, *weights[name].shape[1:])
        case "a missing moment":
            del moments[sorted(moments)[0]]
        case "a strange moment":
            moments["mine"] = torch.zeros(3)
    save_file(weights, model)
    save_file(moments, optimizer)
    if how == "a pickle":
        model.write_bytes(pickle.dumps({"weight": [1.0]}))
    if how == "no numbers":
        file = place / "trainer.json"
        file.write_text(file.read_text().replace('"optimizer"', '"something"'))


DAMAGES = ["a missing tensor", "another shape", "a missing moment", "a strange moment", "a pickle", "no numbers"]


@pytest.mark.parametrize("how", DAMAGES)
def test_a_resume_from_what_is_no_checkpoint_of_this_run_is_one_sentence(tmp_path: Path, how: str) -> None:
    result = train(tmp_path, checkpoint_every=0, eval_every=1000)
    checkpoints = Path(result.run_dir) / "checkpoints"
    place = checkpoints / "step-000000020"
    shutil.rmtree(checkpoints / "step-000000000")  # nothing else to go on from
    break_it(place, how)
    with pytest.raises(EngineError) as caught:
        train_resumed(Path(result.run_dir), {"steps": 30}, LiveFeed())
    (sentence,) = caught.value.problems
    assert "\n" not in sentence
    assert place.name in sentence


@pytest.mark.parametrize("how", DAMAGES)
def test_going_back_to_what_is_no_checkpoint_of_this_run_changes_nothing(tmp_path: Path, how: str) -> None:
    class Vandal(SteeredFeed):
        def publish_step(self, event: Any) -> None:
            if event.step == 12:
                (run,) = [path for path in (tmp_path / "runs").iterdir() if path.name.startswith("broken")]
                break_it(run / "checkpoints" / "step-000000006-mine", how)
            super().publish_step(event)

    named: dict[int, list[dict[str, Any]]] = {6: [{"action": "checkpoint", "text": "mine"}]}
    whole = train(tmp_path, SteeredFeed(named), name="whole")
    result = train(tmp_path, Vandal(named | {12: [{"action": "rollback", "text": "mine"}]}), name="broken")
    (told,) = [event for event in events_of(result) if isinstance(event, Command) and event.action == "rollback"]
    assert told.status == "refused"
    assert "\n" not in told.reason
    one, other = (load_checkpoint(last(run.run_dir, 20)) for run in (whole, result))
    bits, _, unlike = compare_checkpoints(one, other)
    assert (bits, unlike) == (0, "")


def test_a_resume_as_after_a_kill_ends_in_the_same_bits(tmp_path: Path) -> None:
    whole = train(tmp_path, **(EVERYTHING | {"checkpoint_every": 7, "steps": 21, "keep_checkpoints": 10}))
    killed = resume_from(whole, 7)
    one, other = (load_checkpoint(last(run.run_dir, 21)) for run in (whole, killed))
    assert compare_checkpoints(one, other)[0] == 0


def samples_of(result: RunResult) -> list[tuple[int, str, str]]:
    return [(event.step, event.prompt, event.text) for event in events_of(result) if isinstance(event, Sample)]


class StoppedInASample(LiveFeed):
    """Asks for a stop as soon as a sample of that step is being written."""

    def __init__(self, step: int, number: int) -> None:
        super().__init__()
        self._step, self._left = step, number

    def publish(self, event: Any) -> None:
        super().publish(event)
        if isinstance(event, SamplePiece) and event.step == self._step and self._left:
            self._left -= 1
            if not self._left:
                self.stop_requested.set()


@pytest.mark.parametrize(
    "feed", [SteeredFeed({10: [{"action": "stop now"}]}), StoppedInASample(10, 1), StoppedInASample(10, 12)]
)
def test_samples_that_a_stop_cut_short_are_written_by_the_resume(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, feed: LiveFeed
) -> None:
    monkeypatch.setattr("babytrain.engine.training.sample_writer.PIECES_PER_SECOND", 1e9)
    settings = {"sample_every": 5, "sample_tokens": 10, "extra_prompts": "the |snake"}
    whole = samples_of(train(tmp_path, **settings))
    stopped = train(tmp_path, feed, name="stopped", **settings)
    assert stopped.steps == 10
    assert samples_of(stopped) == whole[: len(samples_of(stopped))]
    resumed = train_resumed(Path(stopped.run_dir), {}, LiveFeed())
    assert samples_of(resumed) == whole
    ids = [event.sample_id for event in events_of(resumed) if isinstance(event, Sample)]
    assert ids == list(range(1, len(whole) + 1))


def test_a_resume_says_which_steps_are_lost_with_a_damaged_checkpoint(tmp_path: Path) -> None:
    result = train(tmp_path)
    checkpoints = sorted((Path(result.run_dir) / "checkpoints").glob("step-*"))
    for checkpoint in checkpoints[1:]:
        (checkpoint / "model.safetensors").write_bytes(b"torn")
    first = int(checkpoints[0].name.removeprefix("step-"))
    resumed = train_resumed(Path(result.run_dir), {}, LiveFeed())
    logged = [event for event in events_of(resumed) if isinstance(event, LogMessage) and event.level != "info"]
    start = "from the untrained model" if first == 0 else f"from step {first}"
    assert f"Steps {first + 1} to 20 are lost" in logged[0].text
    assert start in logged[0].text
