"""A whole journal, as events or as the state of the run.

Read in pieces of whole lines, so that the memory taken is the run's and not several times the file's, and one damaged
line slows down its own piece only.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from babytrain.runs.errors import RunsError
from babytrain.runs.events import AnyEvent
from babytrain.runs.journal.codec import decode_lines
from babytrain.runs.journal.schema_v1 import is_schema_1, upgrade_lines
from babytrain.runs.state.run_state import RunState

READ_CHUNK_BYTES = 2 * 2**20  # decoded it is some twenty times as large, for a moment


@dataclass(frozen=True)
class JournalContents:
    """The events of a journal, and how many of its lines could not be read.

    `bad_lines` are damage (torn, garbled, of wrong types); `unknown_lines` are events of a newer version.
    """

    events: list[AnyEvent]
    bad_lines: int = 0
    unknown_lines: int = 0


def read_journal(path: Path) -> JournalContents:
    """Every readable event, in the order written. Raises RunsError when there is no such file to read."""
    events: list[AnyEvent] = []
    bad_lines = unknown_lines = 0
    for lines in read_whole_lines(path):
        more, bad, unknown = decode_lines(lines)
        events.extend(more)
        bad_lines += bad
        unknown_lines += unknown
    return JournalContents(events, bad_lines, unknown_lines)


def load_state(path: Path) -> RunState:
    """The run a journal tells of. Raises RunsError when there is no such file to read."""
    state = RunState()
    for lines in read_whole_lines(path):
        events, bad_lines, unknown_lines = decode_lines(lines)
        state.apply_all(events)
        state.bad_lines += bad_lines
        state.unknown_lines += unknown_lines
    return state


def read_whole_lines(path: Path) -> Iterator[bytes]:
    """The file in pieces of whole lines, in the present schema; the last line may lack its newline.

    Raises RunsError as it goes.
    """
    old: bool | None = None  # whether the file is of schema 1
    try:
        with path.open("rb") as file:
            while data := file.read(READ_CHUNK_BYTES):
                data += file.readline()
                if old is None:
                    old = is_schema_1(data)
                yield upgrade_lines(data) if old else data
    except OSError as error:
        raise RunsError(f"Cannot read the journal {path}: {error.strerror or error}; check the path.") from error
