"""A run in a dozen numbers, for lists.

Most of a journal is steps and sensor readings, of which a summary needs the newest only. So the lines are told apart
by their first bytes, and only the rare ones are parsed: every evaluation counts towards the best loss, and a list of
hundreds of runs is still there at once. The numbers come from `RunState` like everywhere else.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from babytrain.runs.errors import RunsError
from babytrain.runs.journal.codec import decode_lines
from babytrain.runs.journal.reader import read_whole_lines
from babytrain.runs.state.run_state import RunState
from babytrain.runs.store.folder import RunFolder
from babytrain.runs.store.lock import lock_owner

SummaryStatus: TypeAlias = Literal["training", "done", "interrupted", "failed", "empty", "unreadable"]

_STEP = b'{"kind":"step"'
# Seen everywhere and of no use here: readings by the second, and long texts.
_SKIPPED = (b'{"kind":"vitals"', b'{"kind":"sample"', b'{"kind":"log"', b'{"kind":"phase"')


@dataclass(frozen=True)
class RunSummary:
    """One run in a list. Losses are nats per token; `seconds` is running time, waiting between sessions left out.

    `status` is `training` while a live process holds the run's lock, `interrupted` for a run that neither has that nor
    said how it ended, `empty` when it never started, `unreadable` when its journal cannot be opened.
    """

    run_id: str
    path: Path
    name: str
    status: SummaryStatus
    corpus: str = ""
    parameters: int = 0
    step: int = 0
    total_steps: int = 0
    val_loss: float | None = None
    best_val_loss: float | None = None
    started_wall_time: float = 0.0  # Unix seconds; the folder's own age when the journal does not say
    seconds: float = 0.0
    checkpoints: int = 0
    parent: str = ""  # the run id it was forked from
    parent_step: int = 0  # the step it left that run at
    rerun_of: str = ""  # the run id it repeats

    @property
    def has_checkpoint(self) -> bool:
        """Whether there is something to go on from."""
        return self.checkpoints > 0


def summarize_run(folder: RunFolder) -> RunSummary:
    """The summary of one run, whatever state its folder is in. Never raises for what lies on the disk."""
    return read_summary(folder)[0]


def read_summary(folder: RunFolder) -> tuple[RunSummary, RunState | None]:
    """The summary of one run and what was skimmed for it, None where the journal tells of no run. Never raises.

    The state lacks most steps, the readings of sensors and the texts; evaluations, the energy and what was done to the
    run are all there.
    """
    checkpoints = _count_checkpoints(folder)
    live = lock_owner(folder) is not None
    try:
        state = _skim(folder.journal)
    except RunsError:
        missing = not folder.journal.is_symlink() and not folder.journal.exists()
        status: SummaryStatus = "training" if live else "empty" if missing else "unreadable"
        return _without_journal(folder, status, checkpoints), None
    started = state.started
    if started is None:
        status = "training" if live else "unreadable" if state.bad_lines else "empty"
        return _without_journal(folder, status, checkpoints), None
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
        started_wall_time=started.wall_time,
        seconds=snapshot.t,
        checkpoints=checkpoints,
        parent=started.parent,
        parent_step=started.step,
        rerun_of=started.rerun_of,
    )
    return summary, state


def run_name_in_journal(folder: RunFolder) -> str:
    """The name in the first line of a run's journal; the folder's own when there is none."""
    try:
        with folder.journal.open("rb") as file:
            events, _, _ = decode_lines(file.readline())
    except OSError:
        return folder.name
    state = RunState()
    state.apply_all(events)
    return (state.started.name if state.started else "") or folder.name


def _without_journal(folder: RunFolder, status: SummaryStatus, checkpoints: int) -> RunSummary:
    try:
        wall_time = folder.path.stat().st_mtime
    except OSError:
        wall_time = 0.0
    return RunSummary(
        run_id=folder.run_id,
        path=folder.path,
        name=folder.name,
        status=status,
        started_wall_time=wall_time,
        checkpoints=checkpoints,
    )


def _skim(journal: Path) -> RunState:
    """The state of a run without most of its steps and without readings and texts. Raises RunsError."""
    state = RunState()
    for lines in _rare_lines(journal):
        events, bad_lines, _ = decode_lines(b"\n".join(lines))
        state.apply_all(events)
        state.bad_lines += bad_lines
    return state


def _rare_lines(journal: Path) -> Iterator[list[bytes]]:
    # Two of each: the very last line may be torn.
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
                # The steps before it come first: a resume drops some of them.
                rare.extend(steps)
                steps.clear()
                rare.append(line)
        yield rare
    yield [*steps, *skipped]


def _count_checkpoints(folder: RunFolder) -> int:
    """Complete checkpoints: their folder gets its name last, and its trainer's state makes it one to go on from."""
    try:
        return sum((path / "trainer.json").is_file() for path in folder.checkpoints.glob("step-*"))
    except OSError:
        return 0
