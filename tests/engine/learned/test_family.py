"""The record of a text: only losses that mean the same are compared."""

from __future__ import annotations

from pathlib import Path

import msgspec

from babytrain.engine.learned.family import FamilyRecord, family_record
from babytrain.runs.events import CorpusFacts
from babytrain.runs.journal import encode
from tests.runs.builders import FACTS, evaluation, started


def save(runs_dir: Path, run_id: str, val_loss: float, facts: CorpusFacts = FACTS) -> None:
    folder = runs_dir / run_id
    folder.mkdir()
    events = (started(corpus=facts, name=""), evaluation(10, val_loss))
    (folder / "journal.jsonl").write_bytes(b"".join(map(encode, events)))


def test_the_best_of_the_others_on_the_same_text(tmp_path: Path) -> None:
    save(tmp_path, "anna-20261110-120000", 1.5)
    save(tmp_path, "boris-20261110-120000", 1.4)
    save(tmp_path, "me-20261110-120000", 1.0)
    assert family_record(tmp_path, "me-20261110-120000", FACTS) == FamilyRecord(1.4, 2)


def test_other_tokens_or_another_split_are_no_relations(tmp_path: Path) -> None:
    for number, change in enumerate(
        ({"sha256": "other"}, {"tokenizer": "byte"}, {"vocabulary_size": 9999}, {"train_tokens": 1, "val_tokens": 2})
    ):
        save(tmp_path, f"other{number}-20261110-120000", 0.1, msgspec.structs.replace(FACTS, **change))
    assert family_record(tmp_path, "me-20261110-120000", FACTS) == FamilyRecord(None, 0)
