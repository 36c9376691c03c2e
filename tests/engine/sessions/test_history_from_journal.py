"""What a run that goes on takes over from its earlier sessions: no electricity is forgotten, and none is made up."""

from __future__ import annotations

from pathlib import Path

import pytest

from babytrain.engine.sessions.history_from_journal import ResumeHistory, read_history
from babytrain.runs.events import AnyEvent, Energy
from babytrain.runs.journal import encode_event
from babytrain.runs.state.live_feed import LiveFeed
from babytrain.runs.store.folder import RunFolder
from tests.runs.builders import ended, started, step


def past_of(tmp_path: Path, *events: AnyEvent) -> ResumeHistory:
    folder = RunFolder(tmp_path)
    folder.journal.write_bytes(b"".join(map(encode_event, events)))
    return read_history(folder, LiveFeed(), 20)


def test_a_run_from_before_there_was_a_meter_was_not_measured_and_not_free(tmp_path: Path) -> None:
    before = past_of(tmp_path, started(), step(100), ended(100)).energy
    assert before is not None
    assert (before.joules, before.measured_seconds, before.unmeasured_seconds) == (0.0, 0.0, pytest.approx(50.0))


def test_what_a_killed_run_drew_after_its_last_reading_is_told_as_unmeasured(tmp_path: Path) -> None:
    reading = Energy(t=30.0, step=60, joules=900.0, measured_seconds=29.0, unmeasured_seconds=1.0)
    before = past_of(tmp_path, started(), reading, step(100)).energy
    assert before is not None
    assert (before.joules, before.measured_seconds, before.unmeasured_seconds) == (900.0, 29.0, pytest.approx(21.0))


def test_the_moment_between_the_last_reading_and_an_orderly_end_is_no_gap(tmp_path: Path) -> None:
    reading = Energy(t=49.0, step=98, joules=900.0, measured_seconds=49.0)
    before = past_of(tmp_path, started(), reading, step(100), ended(100)).energy
    assert before == reading
