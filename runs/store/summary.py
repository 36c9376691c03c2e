"""A run in a dozen values, for lists.

Steps and sensor readings, most of a journal, are skipped by their first bytes, so a list of hundreds of runs is fast.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from babytrain.runs.errors import RunsError
from babytrain.runs.events import Started
from babytrain.runs.files.regular_files import open_regular_file
from babytrain.runs.journal.codec import MAX_JOURNAL_LINE_BYTES, decode_lines
from babytrain.runs.journal.reader import read_whole_lines
from babytrain.runs.state.run_state import RunState
from babytrain.runs.store.checkpoint_list import checkpoint_folders
from babytrain.runs.store.folder import RunFolder
from babytrain.runs.store.lock import lock_owner

SummaryStatus: TypeAlias = Literal["training", "done", "interrupted", "failed", "empty", "unreadable"]

_STEP = b'{"kind":"step"'
# Frequent or long, and not needed here.
_SKIPPED = (b'{"kind":"vitals"', b'{"kind":"sample"', b'{"kind":"log"', b'{"kind":"phase"')


@dataclass(frozen=True)
class RunSummary:
    """One run in a list. Losses are nats per token."""

    run_id: str
    path: Path
    name: str
    status: SummaryStatus  # `interrupted`: no live process holds its lock and no end is recorded
    corpus: str = ""
    parameters: int = 0
    step: int = 0
    total_steps: int = 0
    val_loss: float | None = None
    best_val_loss: float | None = None
    verdict: str = ""  # the newest of the diagnosis
    started_wall_time: float = 0.0  # Unix seconds; modification time of the folder when not recorded
    seconds: float = 0.0  # of running time
    checkpoints: int = 0
    parent: str = ""  # the run id it was forked from
    parent_step: int = 0  # the step it was forked at
    rerun_of: str = ""  # the run id it repeats
    has_new_text: bool = False  # a fork with another text than its parent's

    @property
    def has_checkpoint(self) -> bool:
        """Whether it can be resumed or forked."""
        return self.checkpoints > 0


def summarize_run(folder: RunFolder) -> RunSummary:
    """The summary of one run. Never raises, whatever the folder holds."""
    try:
        return read_summary(folder)[0]
    except Exception:  # noqa: BLE001 - a journal that nobody has thought of must not take down the list of the others
        return _without_state(folder, "unreadable", 0)


def read_summary(folder: RunFolder) -> tuple[RunSummary, RunState | None]:
    """The summary of one run and its state without most steps, readings and texts, if any. Never raises."""
    checkpoints = len(checkpoint_folders(folder.checkpoints))
    live = lock_owner(folder) is not None
    state: RunState | None = None
    try:
        state = _skim(folder.journal)
        problem: SummaryStatus = "unreadable" if state.bad_lines else "empty"
    except RunsError:
        problem = "unreadable" if os.path.lexists(folder.journal) else "empty"
    if state is None or (started := state.started) is None:
        return _without_state(folder, "training" if live else problem, checkpoints), None
    snapshot = state.at()
    best, evals = snapshot.best_eval, snapshot.evals
    summary = RunSummary(
        run_id=folder.run_id,
        path=folder.path,
        name=started.name or folder.name,
        status="training" if live else snapshot.ended.status if snapshot.ended else "interrupted",
        corpus=started.corpus.name,
        parameters=started.parameters,
        step=snapshot.step,
        total_steps=snapshot.total_steps,
        val_loss=evals[-1].val_loss if evals else None,
        best_val_loss=best.val_loss if best else None,
        verdict=snapshot.verdict.verdict if snapshot.verdict else "",
        started_wall_time=started.wall_time,
        seconds=snapshot.t,
        checkpoints=checkpoints,
        parent=started.parent,
        parent_step=started.step,
        rerun_of=started.rerun_of,
        has_new_text=bool(started.parent_text_sha256),
    )
    return summary, state


def _without_state(folder: RunFolder, status: SummaryStatus, checkpoints: int) -> RunSummary:
    return RunSummary(
        run_id=folder.run_id,
        path=folder.path,
        name=folder.name,
        status=status,
        started_wall_time=_modification_time(folder),
        checkpoints=checkpoints,
    )


def run_name_in_journal(folder: RunFolder) -> str:
    """The name in the first line of a run's journal, else the folder's."""
    started = _first_event(folder.journal)
    return (started.name if started else "") or folder.name


def run_id_in_journal(journal: Path) -> str:
    """The run id in the first line of a journal; empty when it cannot be read."""
    started = _first_event(journal)
    return started.run_id if started else ""


def _first_event(journal: Path) -> Started | None:
    try:
        with os.fdopen(open_regular_file(journal), "rb") as file:
            events, _, _ = decode_lines(file.readline(MAX_JOURNAL_LINE_BYTES))
    except OSError:
        return None
    return next((event for event in events if isinstance(event, Started)), None)


def _modification_time(folder: RunFolder) -> float:
    try:
        return folder.path.stat().st_mtime
    except OSError:
        return 0.0


def _skim(journal: Path) -> RunState:
    """The state without most steps, readings and texts. Raises RunsError."""
    state = RunState()
    for lines in _rare_lines(journal):
        events, bad_lines, _ = decode_lines(b"\n".join(lines))
        state.apply_all(events)
        state.bad_lines += bad_lines
    return state


def _rare_lines(journal: Path) -> Iterator[list[bytes]]:
    # Two of each, because the last line may be torn.
    steps: deque[bytes] = deque(maxlen=2)
    skipped: deque[bytes] = deque(maxlen=2)
    for piece in read_whole_lines(journal):
        rare: list[bytes] = []
        for line in piece.split(b"\n"):
            if line.startswith(_STEP):
                steps.append(line)
            elif line.startswith(_SKIPPED):
                skipped.append(line)
            elif line:
                # Preceding steps first, because a resume drops some of them.
                rare.extend(steps)
                steps.clear()
                rare.append(line)
        yield rare
    yield [*steps, *skipped]
