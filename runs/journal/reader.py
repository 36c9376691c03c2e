"""A whole journal, as events or as the state of the run."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from babytrain.runs.errors import RunsError
from babytrain.runs.events import AnyEvent
from babytrain.runs.files.regular_files import UnfitFileError, open_regular_file
from babytrain.runs.journal.codec import MAX_JOURNAL_LINE_BYTES, decode_lines
from babytrain.runs.journal.schema_v1 import is_schema_1, upgrade_lines
from babytrain.runs.state.run_state import RunState

READ_CHUNK_BYTES = 2 * 2**20  # read in pieces, because events take about twenty times the memory of their lines


@dataclass(frozen=True)
class JournalContents:
    """The events of a journal; `bad_lines` are damaged (torn, garbled), `unknown_lines` are of a newer version."""

    events: list[AnyEvent]
    bad_lines: int = 0
    unknown_lines: int = 0


def read_journal(path: Path) -> JournalContents:
    """Every readable event, in the order written. Raises RunsError when the file cannot be read."""
    events: list[AnyEvent] = []
    bad_lines = unknown_lines = 0
    for lines in read_whole_lines(path):
        more, bad, unknown = decode_lines(lines)
        events.extend(more)
        bad_lines += bad
        unknown_lines += unknown
    return JournalContents(events, bad_lines, unknown_lines)


def load_state(path: Path) -> RunState:
    """The state of the run in a journal. Raises RunsError when the file cannot be read."""
    state = RunState()
    for lines in read_whole_lines(path):
        events, bad_lines, unknown_lines = decode_lines(lines)
        state.apply_all(events)
        state.bad_lines += bad_lines
        state.unknown_lines += unknown_lines
    return state


def read_whole_lines(path: Path) -> Iterator[bytes]:
    """Pieces of whole lines, in the present schema; the last line may lack its newline. Raises RunsError on the way.

    A line over `MAX_JOURNAL_LINE_BYTES` is cut, which makes it a bad line, and its rest is not read into memory.
    """
    old: bool | None = None  # whether the file is of schema 1
    try:
        with os.fdopen(open_regular_file(path), "rb") as file:
            while data := file.read(READ_CHUNK_BYTES):
                data += (rest := file.readline(MAX_JOURNAL_LINE_BYTES))
                if len(rest) == MAX_JOURNAL_LINE_BYTES and not rest.endswith(b"\n"):
                    data = data[: data.rfind(b"\n") + 1] + b"{too long}\n"
                    while len(rest) == MAX_JOURNAL_LINE_BYTES and not rest.endswith(b"\n"):
                        rest = file.readline(MAX_JOURNAL_LINE_BYTES)
                if old is None:
                    old = is_schema_1(data)
                yield upgrade_lines(data) if old else data
    except FileNotFoundError as error:
        raise RunsError(
            f"There is no {path.name} in {path.parent}: nothing was trained there, or it was removed. Checkpoints, if "
            "there are any, can be sampled and forked; `runs delete` takes the folder away."
        ) from error
    except OSError as error:
        hint = "" if isinstance(error, UnfitFileError) else "; check the path"
        raise RunsError(f"Cannot read the journal {path}: {error.strerror or error}{hint}.") from error
