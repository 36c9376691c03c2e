"""One attack of each kind works on the real program, and what falls is counted."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from bench.attack.__main__ import KINDS, Result, choose_cases, failures, make_base_run, table, try_case
from bench.attack.hostile_text import PAYLOAD, check_painted
from bench.attack.program import Outcome, Screen
from bench.attack.sandbox import CODE, FOLLOWED, HANG, LOST, OBEYED, TRACEBACK, UNTRUE, Case, Fault, Sandbox

# An attack of each kind that needs no long training.
SHORT = {
    "kills": "killed at the start 1",
    "vanishing_folders": "lock removed",
    "full_disks_and_pipes": "runs list | head -1",
    "mutated_files": "checkpoints/best, batch 1",
    "links_and_pipes": "an empty folder as training text",
    "hostile_text": "typed: an unknown run",
    "terminals": "screen of 10 x 3",
}


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_base_run(tmp_path_factory.mktemp("attack"))[0]


@pytest.fixture
def sandbox(tmp_path: Path) -> Sandbox:
    return Sandbox(tmp_path / "place", tmp_path / "base", Random(1))


@pytest.mark.parametrize("kind", KINDS)
def test_one_attack_of_each_kind(kind: str, base: Path, tmp_path: Path) -> None:
    (case,) = [case for case in KINDS[kind] if case.name == SHORT[kind]]
    result = try_case(kind, case, tmp_path / "attack", base, seed=1, hang_seconds=120.0)
    assert (result.faults, result.not_tried) == ((), "")
    assert result.commands


def test_a_file_of_somebody_else_that_was_touched_is_seen(sandbox: Sandbox) -> None:
    sandbox.look_around()
    assert not sandbox.faults
    sandbox.letter.write_text("other words")
    (sandbox.foreign / "new").touch()
    sandbox.look_around()
    (fault,) = sandbox.faults
    assert fault.column == FOLLOWED
    assert "letter.txt was changed, new was made" in fault.sentence


def test_hangs_codes_and_tracebacks_are_seen(sandbox: Sandbox) -> None:
    sandbox.hang_seconds = 0.3
    sandbox.finish(sandbox.start_words(["sleep", "60"]))
    sandbox.hang_seconds = 60.0
    sandbox.finish(sandbox.start_words([sys.executable, "-c", "raise SystemExit(3)"]))
    sandbox.finish(sandbox.start_words([sys.executable, "-c", "print('a MemoryError, it says')"]))
    sandbox.finish(sandbox.start_words([sys.executable, "-c", "print('This should not have happened (x).')"]))
    sandbox.finish(sandbox.start_words([sys.executable, "-c", "print('Error: nothing of the kind')"]))
    assert [fault.column for fault in sandbox.faults] == [HANG, CODE, TRACEBACK, TRACEBACK]


def test_a_run_that_is_gone_is_a_lost_run(sandbox: Sandbox) -> None:
    sandbox.check_run("victim-20260101-000001")
    assert [fault.column for fault in sandbox.faults] == [LOST]


def test_a_sequence_that_reaches_a_terminal_is_seen(sandbox: Sandbox) -> None:
    code = f"import sys; sys.stdout.write({PAYLOAD!r})"
    screen = Screen([sys.executable, "-c", code], folder=sandbox.folder, environment={"PYTHONIOENCODING": "utf-8"})
    check_painted(sandbox, sandbox.finish(screen))
    assert {fault.column for fault in sandbox.faults} == {OBEYED}
    sandbox.faults.clear()
    check_painted(sandbox, Outcome("", 0, repr(PAYLOAD).encode(), b"", 0.0))
    assert not sandbox.faults


def test_json_that_is_not_strict_is_seen(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Sandbox, "run", lambda self, *words, codes: Outcome("", 0, b'{"loss": NaN}', b"", 0.0))
    assert sandbox.read_json("runs", "list") is None
    assert [fault.column for fault in sandbox.faults] == [UNTRUE]


def test_the_table_counts_and_says_how_to_repeat() -> None:
    well = Result("kills", "well", 2, 1.0, ())
    bad = replace(well, name="bad", faults=(Fault(LOST, "the run is gone", "babytrain runs list"),))
    untried = replace(well, name="untried", not_tried="no right to mount")
    rows = [line.split() for line in table([well, bad, untried]).splitlines()]
    assert rows[1] == ["kills", "2", "1", "1", "0", "0", "0", "0", "0", "0", "1"]
    said = failures([well, bad, untried], seed=5)
    assert "python -m bench.attack --case kills/bad --seed 5" in said
    assert "babytrain runs list" in said
    assert "1 not tried: no right to mount." in said


def test_the_seed_decides_an_attack_and_not_its_neighbours(tmp_path: Path, base: Path) -> None:
    drawn: list[float] = []
    case = Case("draws", lambda sandbox: drawn.append(sandbox.random.random()))
    for number, (kind, seed) in enumerate([("kills", 1), ("kills", 1), ("kills", 2), ("terminals", 1)]):
        try_case(kind, case, tmp_path / str(number), base, seed)
    assert drawn[0] == drawn[1]
    assert len(set(drawn)) == 3


def test_every_kind_has_its_turn_and_quick_ones() -> None:
    chosen = choose_cases(list(KINDS))
    assert {kind for kind, _ in chosen[: len(KINDS)]} == set(KINDS)
    assert {kind for kind, _ in choose_cases(list(KINDS), quick=True)} == set(KINDS)
    names = [f"{kind}/{case.name}" for kind, case in chosen]
    assert len(names) == len(set(names))
