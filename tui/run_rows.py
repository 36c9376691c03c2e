"""The lines of the home screen: a person's own runs, then the recordings that came with the program.

Reading them touches every run's folder, so `read_rows` is called in a worker thread; it also imports there what the
first frame does not need.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from babytrain.runs.errors import RunsError
from babytrain.runs.folder import RunFolder

if TYPE_CHECKING:
    from babytrain.runs.lineage import Relative
    from babytrain.runs.summary import RunSummary, SummaryStatus


@dataclass(frozen=True)
class RunRow:
    """One line. `folder` is None for a recording that came with the program."""

    key: str
    name: str
    corpus: str
    parameters: int
    step: int
    total_steps: int
    best_val_loss: float | None
    status: SummaryStatus
    started_wall_time: float
    journal: Path
    folder: RunFolder | None
    can_resume: bool = False
    kinship: str = ""  # "fork", "rerun" or nothing
    parent_step: int = 0  # of a fork: where it left the run it came from
    is_last: tuple[bool, ...] = ()  # its place under what it came from, as in `runs.lineage.Relative`

    @property
    def is_demo(self) -> bool:
        """Whether it came with the program."""
        return self.folder is None


@dataclass(frozen=True)
class RunList:
    """What there is to show, and what went wrong while looking."""

    rows: tuple[RunRow, ...]
    problem: str = ""


def read_rows(runs_dir: Path) -> RunList:
    """Every run, newest first, forks and reruns under what they came from; then the recordings."""
    from babytrain.runs.library import list_runs
    from babytrain.runs.lineage import family_tree
    from babytrain.runs.recorded import recorded_runs

    problem = ""
    summaries: list[RunSummary] = []
    try:
        summaries = list_runs(runs_dir)
    except RunsError as error:
        problem = str(error)
    rows = [_row(relative) for relative in family_tree(summaries)]
    demos = [row for path in recorded_runs() if (row := _demo_row(path)) is not None]
    return RunList((*rows, *demos), problem)


def _row(relative: Relative) -> RunRow:
    summary = relative.summary
    folder = RunFolder(summary.path)
    return RunRow(
        key=f"run:{summary.run_id}",
        name=summary.name,
        corpus=summary.corpus,
        parameters=summary.parameters,
        step=summary.step,
        total_steps=summary.total_steps,
        best_val_loss=summary.best_val_loss,
        status=summary.status,
        started_wall_time=summary.started_wall_time,
        journal=folder.journal,
        folder=folder,
        can_resume=summary.has_checkpoint and summary.status in ("interrupted", "failed"),
        kinship=relative.kinship,
        parent_step=summary.parent_step,
        is_last=relative.is_last,
    )


def _demo_row(path: Path) -> RunRow | None:
    from babytrain.runs.journal import load_state

    try:
        state = load_state(path)
    except RunsError:
        return None  # a recording that cannot be opened is no use in a list
    started = state.started
    if started is None:
        return None
    moment = state.at()
    best = moment.best_eval
    return RunRow(
        key=f"demo:{path.stem}",
        name=started.name,
        corpus=started.corpus.name,
        parameters=started.parameters,
        step=moment.step,
        total_steps=moment.total_steps,
        best_val_loss=best.val_loss if best else None,
        status=moment.status if moment.ended else "interrupted",
        started_wall_time=started.wall_time,
        journal=path,
        folder=None,
    )
