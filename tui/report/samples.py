"""The samples of a run through time, each with what the judges said of it."""

from __future__ import annotations

from collections.abc import Sequence

from babytrain.runs.events import Sample
from babytrain.runs.state import Moment
from babytrain.tui.poster.choice import best_sample
from babytrain.tui.poster.facts import drawn_how, judged, run_name
from babytrain.tui.poster.markup import Markup, joined
from babytrain.tui.report.hypertext import tag, words
from babytrain.tui.widgets.units import format_count

MOST_SAMPLES = 60
MOST_CHARACTERS = 1500


def samples_through_time(moment: Moment) -> Markup:
    """Every sample of a short run; of a long one, evenly chosen ones, the first and the last among them."""
    samples = moment.samples
    if not samples:
        return tag("p", words("It wrote nothing."))
    shown = samples
    if len(samples) > MOST_SAMPLES:
        places = (round(index * (len(samples) - 1) / (MOST_SAMPLES - 1)) for index in range(MOST_SAMPLES))
        shown = [samples[place] for place in places]
    parts = [_card(moment, sample, f"step {format_count(sample.step)}") for sample in shown]
    if len(shown) < len(samples):
        parts.insert(0, tag("p", words(f"{len(shown)} of {len(samples)} samples, evenly chosen.")))
    return tag("div", *parts, _class="samples")


def best_samples(moments: Sequence[Moment]) -> Markup:
    """The best sample of each run, side by side."""
    cards = []
    for moment in moments:
        sample = best_sample(moment)
        if sample is not None:
            cards.append(_card(moment, sample, f"{run_name(moment)}, step {format_count(sample.step)}"))
    return tag("div", *cards, _class="samples") if cards else tag("p", words("They wrote nothing."))


def _card(moment: Moment, sample: Sample, title: str) -> Markup:
    said = ", ".join([*judged(moment.reading_of(sample)), drawn_how(sample), *(["asked for"] if sample.asked else [])])
    text = sample.text
    cut = len(text) > MOST_CHARACTERS
    prompt = tag("b", words(sample.prompt[:MOST_CHARACTERS])) if sample.prompt else joined()
    written = tag("pre", prompt, words(text[:MOST_CHARACTERS] + (" …" if cut else "")), dir="auto")
    return tag("article", tag("h3", words(title)), written, tag("p", words(said), _class="said"))
