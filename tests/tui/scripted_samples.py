"""Runs with something to read: two prompts a step, and what the judges say of each sample."""

from __future__ import annotations

from msgspec.structs import replace

from babytrain.runs.events import AnyEvent, Sample, TextMetrics
from tests.tui.scripted import script


def spoken(steps: int = 620) -> list[AnyEvent]:
    """A scripted run that writes to two prompts and is judged."""
    events: list[AnyEvent] = []
    for event in script(steps):
        events.append(event)
        if isinstance(event, Sample):
            events.append(replace(event, sample_id=event.sample_id + 1, prompt="the old frog", text=" sits"))
            events.append(text_metrics_of(event))
    return events


def text_metrics_of(sample: Sample) -> TextMetrics:
    """What the judges say of a scripted sample."""
    return TextMetrics(
        t=sample.t,
        step=sample.step,
        sample_id=sample.sample_id,
        memorisation=1.1 if sample.step < 600 else 2.3,
        longest_match=20,
        match_start=0,
        source_line="a snake in the grass [red]\x1b[31m",
        source_line_number=1204,
        real_word_share=0.96,
        new_words=("thae", "snr\x1bse"),
        distinct_pairs_share=0.9,
        coherent_sentence_share=0.5,
        haiku=3,
        valid_haiku=2,
        new_haiku=1,
    )
