"""The folder of a run: its name, its files, and how it is made."""

from __future__ import annotations

import errno
import os
import random
import re
import tomllib
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

import platformdirs
import tomli_w

from babytrain.runs.dials.renamed_settings import present_settings
from babytrain.runs.errors import RunsError
from babytrain.runs.files.atomic_write import write_atomically
from babytrain.runs.files.home_folder import expand_home
from babytrain.runs.files.regular_files import read_toml_file

MAX_SLUG_LENGTH = 40
MOST_SETTINGS = 1_000  # of a run; there are about a hundred


def friendly_name(seed: int | None = None) -> str:
    """A name like `ziggy` or `sleepy-otter`; the same seed gives the same name."""
    text = files(__package__).joinpath("run_names.toml").read_text(encoding="utf-8")
    names: dict[str, list[str]] = {kind: words.split() for kind, words in tomllib.loads(text).items()}
    draw = random.Random(seed)  # not the global generator, which may have been seeded
    if draw.random() < 0.25:
        return draw.choice(names["first_names"])
    return f"{draw.choice(names['adjectives'])}-{draw.choice(names['animals'])}"


def slug(name: str) -> str:
    """`name` as part of a folder name: ASCII letters, digits and single hyphens, at most 40; may be empty."""
    plain = unicodedata.normalize("NFKD", name.casefold()).encode("ascii", "ignore").decode("ascii").lower()
    return re.sub(r"[^a-z0-9]+", "-", plain)[: MAX_SLUG_LENGTH + 1].strip("-")[:MAX_SLUG_LENGTH].strip("-")


RUNS_DIR_VARIABLE = "BABYTRAIN_RUNS_DIR"
# What `create_run` appends to a name: the time in seconds, and a number when that was taken.
_STAMP = re.compile(r"-\d{8}-\d{6}(-\d+)?$")
_MOST_COLLISIONS = 1000
_LISTS = ("argv", "paths")  # in the provenance
# Characters to escape: C1 controls and line separators, which a terminal may execute, and lone surrogates (of arguments
# that were not UTF-8), which TOML cannot hold.
_UNSAFE = re.compile("[\x80-\x9f\u2028\u2029\ud800-\udfff]")


@dataclass(frozen=True)
class RunFolder:
    """One run's folder. The properties are paths in it, whether or not they exist.

    A recording that came with the program is a `journal_file` by itself: its folder does not exist.
    """

    path: Path
    journal_file: Path | None = None

    @property
    def run_id(self) -> str:
        """The folder's name, unique among the runs beside it."""
        return self.path.name

    @property
    def name(self) -> str:
        """The run id without its time stamp."""
        return _STAMP.sub("", self.run_id)

    @property
    def has_stamp(self) -> bool:
        """Whether the folder's name has the form that `create_run` gives."""
        return _STAMP.search(self.run_id) is not None

    @property
    def journal(self) -> Path:
        """Every event of the run, one per line."""
        return self.journal_file or self.path / "journal.jsonl"

    @property
    def config_file(self) -> Path:
        """The resolved config and the provenance."""
        return self.path / "run.toml"

    @property
    def tokenizer_file(self) -> Path:
        """The tokenizer."""
        return self.path / "tokenizer.json"

    @property
    def checkpoints(self) -> Path:
        """The folder of checkpoints."""
        return self.path / "checkpoints"

    @property
    def lock_file(self) -> Path:
        """The process that trains the run; see `lock.py`."""
        return self.path / "lock"


def default_runs_dir() -> Path:
    """Where runs are kept: `BABYTRAIN_RUNS_DIR`, or `runs` in the user's data folder."""
    named = os.environ.get(RUNS_DIR_VARIABLE)
    return expand_home(named) if named else platformdirs.user_data_path("babytrain") / "runs"


def create_run(
    runs_dir: Path, name: str | None = None, *, now: datetime | None = None, seed: int | None = None
) -> RunFolder:
    """Make the private folder of a new run, `<slug of name>-<YYYYMMDD-HHMMSS>`; `now` is local time.

    Without a usable name a friendly one is drawn from `seed`. Raises RunsError when the folder cannot be made.
    """
    stamp = (now or datetime.now()).strftime("%Y%m%d-%H%M%S")
    run_id = f"{slug(name or '') or friendly_name(seed)}-{stamp}"
    try:
        runs_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        for attempt in range(1, _MOST_COLLISIONS):
            path = runs_dir / (run_id if attempt == 1 else f"{run_id}-{attempt}")
            try:
                path.mkdir(mode=0o700)
            except FileExistsError:
                continue
            return RunFolder(path)
    except OSError as error:
        raise RunsError(_why_not_made(runs_dir, error)) from error
    raise RunsError(f"Too many runs called {run_id} in {runs_dir}; give this one another name.")


def _why_not_made(runs_dir: Path, error: OSError) -> str:
    elsewhere = f"choose another place with --runs-dir or {RUNS_DIR_VARIABLE}"
    if error.errno in (errno.EEXIST, errno.ENOTDIR):
        return f"Cannot keep runs in {runs_dir}: it, or a part of its path, is a file and not a folder; {elsewhere}."
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"Cannot write to the runs folder {runs_dir}: permission denied; {elsewhere}."
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"Cannot make a folder in {runs_dir}: the disk is full; free some space or {elsewhere}."
    return f"Cannot make a folder in {runs_dir}: {error.strerror or error}; {elsewhere}."


def write_run_toml(folder: RunFolder, config: Mapping[str, Any], provenance: Mapping[str, Any]) -> None:
    """Write `run.toml` atomically. Values are str, int, float, bool and lists of str. Raises RunsError."""
    text = _UNSAFE.sub(_escape, tomli_w.dumps({"config": config, "provenance": provenance}))
    try:
        write_atomically(folder.config_file, text.encode())
    except OSError as error:
        raise RunsError(f"Cannot write {folder.config_file}: {error.strerror or error}.") from error


def _escape(match: re.Match[str]) -> str:
    code = ord(match.group())
    return f"\\\\u{code:04x}" if 0xD800 <= code < 0xE000 else f"\\u{code:04X}"


def read_run_toml(folder: RunFolder) -> tuple[dict[str, Any], dict[str, Any]]:
    """The config, by present names of settings, and the provenance. Raises RunsError if missing or damaged."""
    try:
        document = read_toml_file(folder.config_file)
    except FileNotFoundError as error:
        raise RunsError(f"{folder.path} is not a run: it has no run.toml.") from error
    except OSError as error:
        raise RunsError(f"Cannot read {folder.config_file}: {error.strerror or error}.") from error
    except ValueError as error:  # not UTF-8, or not TOML
        raise RunsError(f"{folder.config_file} is damaged: {error}.") from error
    config, provenance = document.get("config"), document.get("provenance", {})
    if not isinstance(config, dict) or not isinstance(provenance, dict):
        raise RunsError(f"{folder.config_file} is damaged: it has no [config] table.")
    if len(config) > MOST_SETTINGS:
        raise RunsError(f"{folder.config_file} is damaged: it has {len(config):,} settings.")
    for key, value in provenance.items():
        is_list = isinstance(value, list) and all(isinstance(item, str) for item in value)
        if not (is_list or (isinstance(value, str | int | float) and key not in _LISTS)):
            raise RunsError(f"{folder.config_file} is damaged: {key[:40]!r} is not what it can be.")
    return present_settings(config), provenance
