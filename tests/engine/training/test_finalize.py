"""The end of a run whose disk is full: what only memory holds is not thrown away while there is hope."""

import errno
from pathlib import Path

from torch import Tensor

from babytrain.engine.checkpoints import format as checkpoint_format
from babytrain.engine.sessions.start_and_resume import train_resumed
from babytrain.engine.training import finalize
from babytrain.engine.training.checkpoint_writer import CheckpointReason, CheckpointWriter
from babytrain.runs.events import Checkpoint, Command, Ended, LogMessage, Sample
from babytrain.runs.state.live_feed import LiveFeed
from tests.engine.tiny_runs import events_of, train


def test_the_last_step_has_its_sample_whatever_the_cadence(tmp_path: Path) -> None:
    samples = [one.step for one in events_of(train(tmp_path, sample_every=8)) if isinstance(one, Sample)]
    assert samples == [0, 8, 16, 20]


def test_no_sample_is_written_where_none_is_wanted(tmp_path: Path) -> None:
    assert not [one for one in events_of(train(tmp_path, sample_every=0)) if isinstance(one, Sample)]


def test_a_run_that_is_told_to_leave_at_once_records_no_text_without_a_letter(tmp_path: Path) -> None:
    feed = LiveFeed()
    feed.stop_requested.set()
    result = train(tmp_path, feed=feed)
    assert result.status == "interrupted"
    assert not [one for one in events_of(result) if isinstance(one, Sample)]


def test_a_run_that_is_done_waits_for_room_for_its_last_checkpoint(tmp_path: Path, monkeypatch) -> None:
    honest, tries = checkpoint_format.save_file, []

    def full(tensors: dict[str, Tensor], path: Path) -> None:
        if "000000020" in path.parent.name:
            tries.append(path)
            if len(tries) <= 3:
                raise OSError(errno.ENOSPC, "No space left on device")
        honest(tensors, path)

    monkeypatch.setattr(checkpoint_format, "save_file", full)
    monkeypatch.setattr(finalize, "RETRY_SECONDS", 0.0)
    result = train(tmp_path)
    events = events_of(result)
    assert result.status == "done"
    assert [one.step for one in events if isinstance(one, Checkpoint)][-1] == 20
    errors = [one.text for one in events if isinstance(one, LogMessage) and one.level == "error"]
    assert len(errors) == 2, "one line for the disk and one for the wait, however often it was tried"
    assert "Make room" in errors[1]


def test_a_run_whose_last_checkpoint_found_no_room_is_not_called_done(tmp_path: Path, monkeypatch) -> None:
    honest = checkpoint_format.save_file

    def full(tensors: dict[str, Tensor], path: Path) -> None:
        if "000000020" in path.parent.name:
            raise OSError(errno.ENOSPC, "No space left on device")
        honest(tensors, path)

    with monkeypatch.context() as patched:
        patched.setattr(checkpoint_format, "save_file", full)
        patched.setattr(finalize, "ROOM_SECONDS", 0.0)
        result = train(tmp_path)
    assert result.status == "failed"
    ended = events_of(result)[-1]
    assert isinstance(ended, Ended)
    assert "the checkpoint at step 20 could not be written: No space left on device" in ended.reason
    again = train_resumed(Path(result.run_dir), {}, LiveFeed())
    assert (again.status, again.steps) == ("done", 20), "and it can be brought to its end from the newest good one"


def test_while_it_waits_for_room_it_answers_and_leaves_when_told_to(tmp_path: Path, monkeypatch) -> None:
    feed, reasons = LiveFeed(), []
    honest = CheckpointWriter.save

    def save(self: CheckpointWriter, reason: CheckpointReason) -> str | None:
        reasons.append(reason)
        if reasons.count("end") == 1:
            feed.ask("lr_scale", 0.5)
        elif reason == "end":
            feed.stop_requested.set()
        return honest(self, reason)

    def full(tensors: dict[str, Tensor], path: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(CheckpointWriter, "save", save)
    monkeypatch.setattr(checkpoint_format, "save_file", full)
    monkeypatch.setattr(finalize, "RETRY_SECONDS", 0.1)
    result = train(tmp_path, feed=feed)
    answers = [one for one in events_of(result) if isinstance(one, Command)]
    assert [(one.action, one.status) for one in answers] == [("lr_scale", "refused")]
    assert "waits for room" in answers[0].reason
    assert result.status == "failed"
