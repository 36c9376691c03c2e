"""All runs in a folder: list, find, move to the trash and restore."""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable
from pathlib import Path

from babytrain.runs import recorded
from babytrain.runs.errors import RunsError
from babytrain.runs.files.home_folder import expand_home
from babytrain.runs.files.regular_files import is_real_folder
from babytrain.runs.store.folder import RunFolder
from babytrain.runs.store.lock import RunLock, lock_owner
from babytrain.runs.store.summary import RunSummary, run_id_in_journal, run_name_in_journal, summarize_run

TRASH = ".trash"
# What is in the folder of a run that was killed before it had a journal.
_FIRST_FILES = frozenset({"lock", "run.toml", "tokenizer.json", "corpus.txt", "text.gz", "checkpoints", "crash.log"})
_MOST_NAMED = 5  # runs listed in an error


class SummaryCache:
    """Summaries of runs; one is read again only after its journal, its checkpoints or the lock has changed."""

    def __init__(self) -> None:
        self._known: dict[RunFolder, tuple[object, RunSummary]] = {}

    def __call__(self, folder: RunFolder) -> RunSummary:
        """As `summarize_run`."""
        stamp = (_stamp(folder.journal), _stamp(folder.checkpoints), lock_owner(folder) is not None)
        known = self._known.get(folder)
        if known is None or known[0] != stamp:
            known = self._known[folder] = stamp, summarize_run(folder)
        return known[1]


def _stamp(path: Path) -> tuple[int, int]:
    """Size and modification time of a file or folder, zeros when it is not there."""
    try:
        facts = path.stat()
    except OSError:
        return 0, 0
    return facts.st_size, facts.st_mtime_ns


def list_runs(runs_dir: Path, summarize: Callable[[RunFolder], RunSummary] = summarize_run) -> list[RunSummary]:
    """Every run in `runs_dir`, newest first, broken ones included; empty when there is no such folder."""
    summaries = [summarize(folder) for folder in run_folders(runs_dir)]
    return sorted(summaries, key=lambda summary: (summary.started_wall_time, summary.run_id), reverse=True)


def find_run(runs_dir: Path, text: str) -> RunFolder:
    """The run that `text` names. Raises RunsError, naming the nearest runs, when none or several fit.

    In this order: a run's id, `last` for the newest, a name only one run has, the beginning of one id, the path of a
    run folder or of the journal in it.
    """
    folder = find_run_or_recording(runs_dir, text)
    if folder.journal_file is None:
        return folder
    raise RunsError(
        f"{folder.name} is a demo, a recording that came with the program: it has no saved model and nothing to go on "
        f"from or to delete; `replay {folder.name}` and `report {folder.name}` work."
    )


def find_run_or_recording(runs_dir: Path, text: str) -> RunFolder:
    """As `find_run`; after all runs also a demo by its id or name. Raises RunsError."""
    folders = {folder.run_id: folder for folder in run_folders(runs_dir)}
    if text in folders:
        return folders[text]
    if text == "last":
        return _newest(runs_dir)
    names = {run_id: run_name_in_journal(folder) for run_id, folder in folders.items()}
    if (own := _match(text, folders, names)) is not None:
        return own
    if (by_path := _run_at(text)) is not None:
        return by_path
    demos = {demo.run_id: demo for demo in recordings()}
    demo_names = {run_id: demo.name for run_id, demo in demos.items()}
    if (demo := _match(text, demos, demo_names)) is not None:
        return demo
    raise RunsError(_nothing_fits(runs_dir, text, names, demo_names))


def find_moved_run(runs_dir: Path, run_id: str) -> RunFolder | None:
    """The folder of a run that began as `run_id` and was moved: the one in which it is trained, else the newest."""
    try:
        found = [folder for folder in run_folders(runs_dir) if run_id_in_journal(folder.journal) == run_id]
    except RunsError:
        return None
    return max(found, key=lambda folder: (lock_owner(folder) is not None, _stamp(folder.journal)[1]), default=None)


def recordings() -> list[RunFolder]:
    """The demos that can be read."""
    ids = ((path, run_id_in_journal(path)) for path in recorded.recorded_runs())
    return [RunFolder(path.with_name(run_id), path) for path, run_id in ids if run_id]


def _match(text: str, folders: dict[str, RunFolder], names: dict[str, str]) -> RunFolder | None:
    for fits in _match_rules(text, names):
        matches = [run_id for run_id in folders if fits(run_id)]
        if len(matches) == 1:
            return folders[matches[0]]
        if matches:
            raise RunsError(f"Several runs fit {text!r}: {_first_names(matches)}; give more of the name.")
    return None


def find_journal(runs_dir: Path, text: str) -> Path:
    """The journal that `text` names: any journal file, or of what `find_run_or_recording` finds."""
    path = _as_path(text)
    if path is not None and path.is_file():
        return path.resolve()  # a link that a person typed is followed
    return find_run_or_recording(runs_dir, text).journal


def delete_run(runs_dir: Path, folder: RunFolder) -> Path:
    """Move a run of `runs_dir` into the trash folder there and return its new path. Raises RunsError.

    Of a run that is kept elsewhere and linked to, only the link is moved.
    """
    if not _is_in(runs_dir, folder.path):
        raise RunsError(f"{folder.path} is not in the runs folder {runs_dir}; nothing was deleted.")
    if not _looks_like_a_run(folder):
        raise RunsError(f"{folder.path} is not a run; nothing was deleted.")
    trashed = _free_path_in_trash(folder.path.parent / TRASH, folder.run_id)
    if folder.path.is_symlink():
        if (owner := lock_owner(folder)) is not None:
            raise RunsError(f"{folder.run_id} is being trained by {owner.describe()}; stop it there first.")
        _move(folder.path, trashed)
        return trashed
    with RunLock(folder):
        _move(folder.path, trashed)
    return trashed


def _is_in(runs_dir: Path, path: Path) -> bool:
    try:
        return path.parent.samefile(runs_dir)
    except (OSError, ValueError):
        return False


def restore_run(trashed: Path) -> RunFolder:
    """Move a run from the trash back to its folder. Raises RunsError when that path is taken."""
    if trashed.parent.name != TRASH or not os.path.lexists(trashed):
        raise RunsError(f"{trashed} is not a run in the trash.")
    folder = RunFolder(trashed.parent.parent / trashed.name)
    if os.path.lexists(folder.path):
        raise RunsError(f"There is a run called {folder.run_id} again; rename it before restoring the old one.")
    _move(trashed, folder.path)
    return folder


def run_folders(runs_dir: Path) -> list[RunFolder]:
    """The folder of every run in `runs_dir`, by name; empty when there is no such folder. Raises RunsError."""
    try:
        with os.scandir(runs_dir) as entries:
            paths = [Path(entry.path) for entry in entries if not entry.name.startswith(".") and _is_folder(entry)]
    except FileNotFoundError:
        return []
    except OSError as error:
        if isinstance(error, NotADirectoryError) and not os.path.lexists(runs_dir):
            return []  # a part of its path is a file
        raise RunsError(f"Cannot read the runs folder {runs_dir}: {error.strerror or error}.") from error
    return [folder for folder in map(RunFolder, sorted(paths)) if _looks_like_a_run(folder)]


def _is_folder(entry: os.DirEntry[str]) -> bool:
    """Whether it is a folder or a link to one; a link to itself, which the system refuses to look at, is none."""
    try:
        return entry.is_dir()
    except OSError:
        return False


def _looks_like_a_run(folder: RunFolder) -> bool:
    """Whether the folder has a journal or a `run.toml`, or is one that `create_run` made and a kill left so."""
    if any(os.path.lexists(path) for path in (folder.journal, folder.config_file)):
        return True
    # Photographs may also be in a folder whose name ends in a time, and a link is no folder that `create_run` made.
    if not folder.has_stamp or not is_real_folder(folder.path):
        return False
    try:
        return _FIRST_FILES.issuperset(name for name in os.listdir(folder.path) if not name.startswith("."))
    except OSError:
        return False


def _newest(runs_dir: Path) -> RunFolder:
    runs = list_runs(runs_dir)
    if not runs:
        raise RunsError(f"There are no runs in {runs_dir} yet.")
    # Prefer a run in which training began.
    return RunFolder(next((run for run in runs if run.status not in ("empty", "unreadable")), runs[0]).path)


def _match_rules(text: str, names: dict[str, str]) -> list[Callable[[str], bool]]:
    if not text.strip():
        return []
    return [
        lambda run_id: names[run_id] == text,
        lambda run_id: names[run_id].casefold() == text.casefold(),
        lambda run_id: run_id.startswith(text),
    ]


def _run_at(text: str) -> RunFolder | None:
    path = _as_path(text)
    if path is None:
        return None
    if path.is_file() and path == RunFolder(path.parent).journal:
        path = path.parent
    folder = RunFolder(path)
    return folder if _looks_like_a_run(folder) else None


def _as_path(text: str) -> Path | None:
    """The absolute path of typed text, which may be no path or too long for one; None unless it exists."""
    if not text.strip():
        return None
    try:
        path = Path(os.path.abspath(expand_home(text)))
        return path if path.exists() else None
    except (OSError, ValueError, RuntimeError):
        return None


def _nothing_fits(runs_dir: Path, text: str, names: dict[str, str], demo_names: dict[str, str]) -> str:
    if not names:
        demos = f", and the demos are called {_first_names([*demo_names.values()])}" if demo_names else ""
        return f"There is no run {text!r}: there are no runs in {runs_dir} yet{demos}."
    known = [*names, *names.values(), *demo_names.values()]
    nearest = list(dict.fromkeys(difflib.get_close_matches(text, known, n=_MOST_NAMED, cutoff=0.4)))
    hint = f"the nearest are {_first_names(nearest)}" if nearest else f"there are {_first_names(list(names))}"
    return f"There is no run {text!r} in {runs_dir}; {hint}."


def _first_names(names: list[str]) -> str:
    rest = len(names) - _MOST_NAMED
    return ", ".join(names[:_MOST_NAMED]) + (f" and {rest} more" if rest > 0 else "")


def _free_path_in_trash(trash: Path, run_id: str) -> Path:
    try:
        trash.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise RunsError(f"Cannot make the trash folder {trash}: {error.strerror or error}.") from error
    if not is_real_folder(trash):
        raise RunsError(f"{trash} is a link, and nothing is moved to where it leads: remove it.")
    path, attempt = trash / run_id, 1
    while os.path.lexists(path):
        attempt += 1
        path = trash / f"{run_id}-{attempt}"
    return path


def _move(source: Path, target: Path) -> None:
    try:
        source.rename(target)
    except OSError as error:
        raise RunsError(f"Cannot move {source} to {target}: {error.strerror or error}.") from error
