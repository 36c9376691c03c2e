"""The samples of a run through time, each with what the judges said of it."""

from __future__ import annotations

from collections.abc import Sequence

from babytrain.runs.events import Sample
from babytrain.runs.state import Moment
from babytrain.tui.poster.choice import best_sample
from babytrain.tui.poster.facts import drawn_how, judged
from babytrain.tui.poster.markup import Markup, joined
from babytrain.tui.report.hypertext import tag, words
from babytrain.tui.report.side_by_side import names_of
from babytrain.tui.widgets.units import format_count

MOST_SAMPLES = 60
MOST_CHARACTERS = 1500


def samples_through_time(moment: Moment, most: int = MOST_SAMPLES) -> Markup:
    """Every sample of a short run; of a long one `most` (at least two) of them, evenly chosen, from first to last."""
    samples = moment.samples
    if not samples:
        return tag("p", words("It wrote nothing."))
    shown = samples
    if len(samples) > most:
        places = (round(index * (len(samples) - 1) / (most - 1)) for index in range(most))
        shown = [samples[place] for place in places]
    parts = [_card(moment, sample, f"step {format_count(sample.step)}") for sample in shown]
    if len(shown) < len(samples):
        parts.insert(0, tag("p", words(f"{len(shown)} of {len(samples)} samples, evenly chosen.")))
    return tag("div", *parts, _class="samples")


def best_samples(moments: Sequence[Moment]) -> Markup:
    """The best sample of each run, side by side."""
    cards = []
    for name, moment in zip(names_of(moments), moments, strict=True):
        sample = best_sample(moment)
        if sample is not None:
            cards.append(_card(moment, sample, f"{name}, step {format_count(sample.step)}"))
    return tag("div", *cards, _class="samples") if cards else tag("p", words("They wrote nothing."))


def _card(moment: Moment, sample: Sample, title: str) -> Markup:
    said = ", ".join([*judged(moment.reading_of(sample)), drawn_how(sample), *(["asked for"] if sample.asked else [])])
    text = sample.text if sample.prompt else sample.text.lstrip("\n")
    cut = len(text) > MOST_CHARACTERS
    prompt = tag("b", words(sample.prompt[:MOST_CHARACTERS])) if sample.prompt else joined()
    written = tag("pre", prompt, words(text[:MOST_CHARACTERS] + (" …" if cut else "")), dir="auto")
    return tag("article", tag("h3", words(title)), written, tag("p", words(said), _class="said"))
