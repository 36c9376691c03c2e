"""A run in a list says the same as the run on the screen."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from babytrain.runs.events import AnyEvent
from babytrain.runs.journal import encode_event, load_state, reader
from babytrain.runs.store.folder import RunFolder
from babytrain.runs.store.lock import RunLock
from babytrain.runs.store.summary import run_name_in_journal, summarize_run
from tests.runs.builders import checkpoint, ended, evaluation, recorded_run, resumed, started, step


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    path = tmp_path / "ziggy-20260131-120000"
    path.mkdir()
    return RunFolder(path)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    return RunFolder(tmp_path_factory.mktemp("summary"))


def record(folder: RunFolder, *events: AnyEvent) -> None:
    folder.journal.write_bytes(b"".join(map(encode_event, events)))


@given(events=recorded_run(), piece_bytes=st.sampled_from([100, 500, 1_000_000]))
def test_skimming_a_journal_finds_what_reading_it_finds(
    shared: RunFolder, events: list[AnyEvent], piece_bytes: int
) -> None:
    record(shared, *events)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reader, "READ_CHUNK_BYTES", piece_bytes)
        summary = summarize_run(shared)
    snapshot = load_state(shared.journal).at()
    best = snapshot.best_eval
    assert summary.step == snapshot.step
    assert summary.total_steps == snapshot.total_steps
    assert summary.best_val_loss == (best.val_loss if best else None)
    assert str(summary.val_loss) == str(snapshot.evals[-1].val_loss if snapshot.evals else None)
    assert summary.seconds == snapshot.t
    assert summary.status == (snapshot.ended.status if snapshot.ended else "interrupted")


def test_what_a_summary_says(folder: RunFolder) -> None:
    record(
        folder, started(), step(1), evaluation(1, 3.0), step(2), evaluation(2, 2.0), step(3), evaluation(3, math.nan)
    )
    summary = summarize_run(folder)
    assert (summary.name, summary.corpus, summary.parameters) == ("ziggy", "haiku", 800_000)
    assert (summary.step, summary.total_steps, summary.seconds) == (3, 1500, 1.5)
    assert summary.best_val_loss == 2.0
    assert summary.val_loss is not None
    assert math.isnan(summary.val_loss)
    assert summary.started_wall_time == 1_769_860_800.0
    assert not summary.has_checkpoint


@pytest.mark.parametrize("status", ["done", "interrupted", "failed"])
def test_how_a_run_ended(folder: RunFolder, status: str) -> None:
    record(folder, started(), step(1), ended(1, status))
    assert summarize_run(folder).status == status


def test_a_run_without_an_end_is_interrupted_unless_somebody_trains_it(folder: RunFolder) -> None:
    record(folder, started(), step(1), ended(1, "failed"), resumed(1, 0.5), step(2))
    assert summarize_run(folder).status == "interrupted"
    with RunLock(folder):
        assert summarize_run(folder).status == "training"
    assert summarize_run(folder).status == "interrupted"


def test_a_run_being_prepared_is_training(folder: RunFolder) -> None:
    with RunLock(folder):
        assert summarize_run(folder).status == "training"
        folder.journal.touch()
        assert summarize_run(folder).status == "training"
    assert summarize_run(folder).status == "empty"


def test_superseded_evaluations_do_not_count(folder: RunFolder) -> None:
    record(folder, started(), step(1), evaluation(1, 3.0), step(2), evaluation(2, 1.0), resumed(1, 1.5))
    summary = summarize_run(folder)
    assert (summary.step, summary.best_val_loss, summary.val_loss) == (1, 3.0, 3.0)


def test_a_torn_tail_costs_one_step(folder: RunFolder) -> None:
    record(folder, started(), *(step(number) for number in range(1, 101)))
    folder.journal.write_bytes(folder.journal.read_bytes()[:-20])
    assert summarize_run(folder).step == 99


def test_whole_checkpoints_are_counted(folder: RunFolder) -> None:
    record(folder, started(), step(1), checkpoint(1))
    for name in ("step-000000001", "step-000000002", "step-000000003", ".draft-step-000000004"):
        (folder.checkpoints / name).mkdir(parents=True)
    for name in ("step-000000001", "step-000000002", ".draft-step-000000004"):
        (folder.checkpoints / name / "trainer.json").touch()
    (folder.checkpoints / "best").write_text("step-000000001\n")
    summary = summarize_run(folder)
    assert summary.checkpoints == 2
    assert summary.has_checkpoint


def test_names_are_those_given_to_the_run(folder: RunFolder) -> None:
    assert run_name_in_journal(folder) == summarize_run(folder).name == "ziggy"  # from the folder
    record(folder, started(name="Major Tom"))
    assert run_name_in_journal(folder) == summarize_run(folder).name == "Major Tom"
    record(folder, started(name=""))
    assert run_name_in_journal(folder) == summarize_run(folder).name == "ziggy"
    folder.journal.write_bytes(b"\x00\n")
    assert run_name_in_journal(folder) == "ziggy"
