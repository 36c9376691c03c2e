"""The best that other runs reached on the same text."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from babytrain.runs.events import CorpusFacts
from babytrain.runs.library import run_folders
from babytrain.runs.summary import read_summary


@dataclass(frozen=True)
class FamilyRecord:
    """The lowest validation loss among `runs` other runs, None without any."""

    val_loss: float | None = None
    runs: int = 0


def family_record(runs_dir: Path, own_run_id: str, facts: CorpusFacts) -> FamilyRecord:
    """The record of the runs in `runs_dir` whose losses mean the same as those on `facts`. Never raises.

    Losses are per token and of the validation split, so text, tokens and the place where it was split must agree.
    """
    best: list[float] = []
    for folder in run_folders(runs_dir):
        summary, state = read_summary(folder)
        started = state.started if state is not None else None
        if folder.run_id == own_run_id or started is None or summary.best_val_loss is None:
            continue
        if _measure(started.corpus) == _measure(facts):
            best.append(summary.best_val_loss)
    return FamilyRecord(min(best, default=None), len(best))


def _measure(facts: CorpusFacts) -> tuple[str | int, ...]:
    return facts.sha256, facts.tokenizer, facts.vocabulary_size, facts.train_tokens, facts.val_tokens
