"""The choice of a trial is remembered for the machine, and nothing in the file is taken on trust."""

from pathlib import Path

import pytest

from babytrain.engine.sessions import thread_and_precision_trial
from babytrain.engine.sessions.remembered_trials import RememberedChoice, recall, remember
from babytrain.runs.events import LogMessage, Started
from tests.engine.tiny_runs import events_of, train

CHOICE = RememberedChoice(2, "bf16", "torch", 3.5)


def sentence_and_precision(folder: Path, name: str) -> tuple[str, str]:
    events = events_of(train(folder, name=name, precision="auto", threads=1, steps=1))
    started = next(event for event in events if isinstance(event, Started))
    said = [event.text for event in events if isinstance(event, LogMessage) and event.text.startswith("Computing in")]
    return said[0], started.precision


def test_a_second_run_computes_as_the_first_chose(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BABYTRAIN_TRIALS", str(tmp_path / "state" / "trials.json"))
    monkeypatch.setattr(thread_and_precision_trial, "supports_bf16", lambda device: True)
    faster = {"fp32": 1.0, "bf16": 9.0}
    monkeypatch.setattr(thread_and_precision_trial, "_step_milliseconds", lambda *args: faster[args[4]])
    said, precision = sentence_and_precision(tmp_path, "first")
    assert precision == "fp32"
    assert "is remembered for this machine" in said
    assert "To pin it: threads=1 precision=fp32 matmul_backend=torch." in said
    faster.update(fp32=9.0, bf16=1.0)
    said, precision = sentence_and_precision(tmp_path, "second")
    assert precision == "fp32"
    assert "an earlier trial on this machine chose" in said
    assert str(tmp_path / "state" / "trials.json") in said
    (tmp_path / "state" / "trials.json").unlink()
    assert sentence_and_precision(tmp_path, "third")[1] == "bf16"


@pytest.mark.parametrize(
    "content", [b"", b"[]", b'{"k": {"threads": -1}}', b"\xff", b"[" * 100_000, b'{"k": {"threads": 1e999}}']
)
def test_a_file_that_is_no_record_counts_as_absent_and_is_left_alone(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "trials.json"
    file.write_bytes(content)
    choice, problem = recall(file, "k")
    assert choice is None
    assert problem
    assert remember(file, "k", CHOICE) == problem
    assert file.read_bytes() == content


def test_a_place_that_cannot_hold_the_file_is_a_reason_and_no_failure(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert recall(tmp_path / "file" / "trials.json", "k")[0] is None
    assert remember(tmp_path / "file" / "trials.json", "k", CHOICE)
    assert remember(tmp_path / "new" / "trials.json", "k", CHOICE) == ""
    assert recall(tmp_path / "new" / "trials.json", "k") == (CHOICE, "")
