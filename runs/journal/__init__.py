"""The journal: a run's events on disk, one JSON object a line, only ever appended to. Notable choices:

- One `write()` a line, so a killed process loses nothing that `append` returned for; `fdatasync` every couple of
  seconds and at evaluations, checkpoints and the end, so a power cut loses seconds.
- Whatever does not parse is skipped and counted, never fatal: a torn tail costs the torn line alone.
- Events of a kind this version does not know are counted apart from damage: they come from a newer version.
"""

from babytrain.runs.journal.codec import decode_event, encode_event
from babytrain.runs.journal.reader import JournalContents, load_state, read_journal
from babytrain.runs.journal.tail import JournalTail
from babytrain.runs.journal.writer import JournalWriter
