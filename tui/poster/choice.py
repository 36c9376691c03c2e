"""Which of a run's samples hangs on the wall, and what of it."""

from __future__ import annotations

import math
import re

from babytrain.runs.events import Reading, Sample
from babytrain.runs.state import Moment

_POEM_LINES = 3
_LONGEST_VERSE_LINE = 60


def best_sample(moment: Moment) -> Sample | None:
    """The sample to show, None when there is none.

    Of those written by the best model, from the best evaluation until the next one, the one with the most valid poems,
    where somebody counted, of equals the one with the most poems of its own; otherwise the newest. When it wrote
    nothing then, anything later will do, and then anything at all. Answers to a person's own prompts count only when
    there is nothing else.
    """
    written = [sample for sample in moment.samples if sample.text.strip()]
    pool = [sample for sample in written if not sample.asked] or written
    best = moment.best_eval
    if best is not None:
        later = [sample for sample in pool if sample.step >= best.step]
        following = min((one.step for one in moment.evals if one.step > best.step), default=math.inf)
        pool = [sample for sample in later if sample.step < following] or later or pool
    if not pool:
        return None
    readings = {(one.sample_id, one.step): one for one in moment.state.readings.until(moment.t)}
    ranks = [(_merit(readings.get((one.sample_id, one.step))), place) for place, one in enumerate(pool)]
    return pool[max(ranks)[1]]


def sample_of_id(moment: Moment, sample_id: int) -> Sample | None:
    """The sample with this number; of several (a run that went back writes them anew) the newest."""
    return next((one for one in reversed(moment.samples) if one.sample_id == sample_id), None)


def _merit(reading: Reading | None) -> tuple[int, int]:
    if reading is None:
        return (0, 0)
    return (reading.valid_haiku or 0, reading.new_haiku or 0)


def whole_poems(words: str) -> list[list[str]]:
    """The three-line poems in a sample, cut ones left out; empty when it is no verse.

    The last poem is as long as the tokens lasted, so it counts only when something follows it.
    """
    parts = re.split(r"\n[ \t]*\n+", words.replace("\r\n", "\n").lstrip("\n"))
    if len(parts) < 2:
        return []
    stanzas = [[line.strip() for line in part.split("\n") if line.strip()] for part in parts]
    whole = [stanza for stanza in stanzas[:-1] if len(stanza) == _POEM_LINES]
    verse = all(len(line) <= _LONGEST_VERSE_LINE for stanza in whole for line in stanza)
    return whole if verse and 2 * len(whole) >= len(stanzas) - 1 else []
