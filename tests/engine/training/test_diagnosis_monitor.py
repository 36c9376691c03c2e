"""The diagnosis inside a run: it speaks when the verdict changes, and an overfitting run is dealt with as asked."""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from babytrain.engine.checkpoints.format import TRAINER_FILE
from babytrain.engine.diagnosis.observation import Observation
from babytrain.engine.sessions.new_run import NewRunPlan
from babytrain.engine.sessions.start_and_resume import RunResult, train_new
from babytrain.engine.training.diagnosis_monitor import DiagnosisMonitor
from babytrain.runs.events import Command, Eval, Resumed, Verdict
from babytrain.runs.journal import load_state
from babytrain.runs.state.live_feed import LiveFeed
from tests.engine.tiny_runs import events_of, final_weights, resume_from, same_bits, tiny_config, train

# Letters without any order: all that can be learned from them is by heart.
NOISE = "".join(random.Random(1).choices("abcdefgh", k=3000))


def memorise(folder: Path, name: str, **changes: Any) -> RunResult:
    file = folder / "noise.txt"
    file.write_text(NOISE, encoding="utf-8")
    settings: dict[str, Any] = {
        "width": 32,
        "context": 32,
        "batch_size": 8,
        "steps": 300,
        "lr": 1e-2,
        "schedule": "constant",
        "eval_every": 20,
        "sample_every": 0,
        "checkpoint_every": 0,
        **changes,
    }
    plan = NewRunPlan(config=tiny_config(**settings), runs_dir=folder / "runs", paths=(str(file),), name=name)
    return train_new(plan, LiveFeed())


def test_a_run_that_learns_by_heart_is_told_and_goes_on(tmp_path: Path) -> None:
    result = memorise(tmp_path, "told")
    events = events_of(result)
    said = [event for event in events if isinstance(event, Verdict)]
    verdicts = [event for event in said if not event.repeated]
    assert verdicts[0].verdict == "warming up"
    assert verdicts[-1].verdict == "overfitting"
    assert "The run ended after 300 steps" in said[-1].why
    assert (said[-1].advice, said[-1].alternative) == (None, None)  # no one would obey them any more
    assert all(one.verdict != other.verdict for one, other in itertools.pairwise(verdicts[:-1]))
    assert not said[-1].repeated  # the last one is always told
    (found,) = [verdict for verdict in verdicts if verdict.verdict == "overfitting"][:1]
    evaluations = [event for event in events if isinstance(event, Eval)]
    best = min(evaluations, key=lambda event: event.val_loss)
    assert best.step < found.step
    assert f"{best.step:,}" in found.why
    assert found.advice is not None
    assert result.steps == 300
    for verdict, newer in itertools.pairwise(said):
        if newer.repeated:  # the same verdict, with the figures of a later step
            assert newer.verdict == verdict.verdict
            assert newer.step >= verdict.step
            assert (newer.why, newer.next_) != (verdict.why, verdict.next_)
    assert any(newer.repeated for newer in said)


def test_told_to_stop_it_stops_there_and_told_to_go_back_it_ends_with_the_best(tmp_path: Path) -> None:
    stopped = memorise(tmp_path, "stop", on_overfitting="stop")
    assert (stopped.status, stopped.best_step is not None) == ("done", True)
    assert stopped.steps < 300
    assert stopped.reason == f"it overfits since step {stopped.best_step} (on_overfitting=stop)"
    assert load_state(Path(stopped.run_dir) / "journal.jsonl").at().total_steps == stopped.steps
    back = memorise(tmp_path, "back", on_overfitting="rollback")
    assert back.steps == back.best_step == stopped.best_step
    events = events_of(back)
    assert [event.action for event in events if isinstance(event, Command)] == ["rollback", "total_steps"]
    assert any(isinstance(event, Resumed) and event.rollback for event in events)
    end = [event for event in events if isinstance(event, Verdict)][-1]
    assert end.next_.startswith(f"It ended here because {back.reason}")
    best = memorise(tmp_path, "short", steps=back.steps)
    assert same_bits(final_weights(back), final_weights(best))


class CountedList(list[Any]):
    """Counts how many of its entries are looked at."""

    looked_at = 0

    def __iter__(self) -> Iterator[Any]:
        CountedList.looked_at += len(self)
        return super().__iter__()

    def __getitem__(self, which: Any) -> Any:
        found = super().__getitem__(which)
        CountedList.looked_at += len(found) if isinstance(which, slice) else 1
        return found


def test_a_look_does_not_read_all_evaluations_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    observe = DiagnosisMonitor._observation

    def counted(self: DiagnosisMonitor, finished: bool) -> Observation:
        if not isinstance(self._state.evaluations, CountedList):
            self._state.evaluations = CountedList(self._state.evaluations)
        return observe(self, finished)

    monkeypatch.setattr(DiagnosisMonitor, "_observation", counted)
    result = memorise(tmp_path, "often", eval_every=1, steps=40)
    evaluations = [event for event in events_of(result) if isinstance(event, Eval)]
    assert CountedList.looked_at == len(evaluations) >= 40


def test_a_resumed_run_measures_the_same_updates(tmp_path: Path) -> None:
    whole = train(tmp_path, steps=60, checkpoint_every=7)
    resumed = resume_from(whole, 35)
    measured = [
        json.loads((Path(result.run_dir) / "checkpoints" / "step-000000060" / TRAINER_FILE).read_text("utf-8"))[
            "watch"
        ]["alignments"]
        for result in (whole, resumed)
    ]
    assert len(measured[0]) > 5
    assert measured[0] == measured[1]


def test_a_learning_rate_that_is_far_too_low_or_too_high_is_named_at_once(tmp_path: Path) -> None:
    settings = {"steps": 120, "guard": "skip", "optimizer": "muon", "schedule": "linear", "sample_every": 0}
    for lr, accepted in ((1e-5, {"lr too low"}), (5.0, {"diverging", "lr too high"})):
        result = train(tmp_path, name=f"lr {lr}", lr=lr, muon_lr=lr, **settings)
        said = [event for event in events_of(result) if isinstance(event, Verdict)]
        told = [event for event in said if event.verdict not in ("warming up", "learning")]
        assert told
        assert told[0].step <= 100
        assert {event.verdict for event in told} <= accepted
        assert "The run ended after 120 steps" in told[-1].why
