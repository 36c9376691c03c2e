"""The journal: a run's events on disk, one JSON object per line, append-only.

One `write()` per line, so a killed process loses nothing that `append` returned for; `fdatasync` every two seconds and
at evaluations, checkpoints and the end, so a power cut loses seconds. Lines that do not parse are counted and skipped.
"""

from babytrain.runs.journal.codec import decode_event, encode_event
from babytrain.runs.journal.reader import JournalContents, load_state, read_journal
from babytrain.runs.journal.tail import JournalTail
from babytrain.runs.journal.writer import JournalWriter
