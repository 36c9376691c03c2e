"""The metrics of a sample as text. Everything here may hold words of a model: it is shown as data."""

from __future__ import annotations

import math

from textual.content import Content

from babytrain.runs.events import Sample, TextMetrics
from babytrain.tui.terminal.glyphs import Glyphs
from babytrain.tui.terminal.safe_text import TextHighlight, safe_content, safe_line
from babytrain.tui.text.formatting import format_count, format_percent

SHORTEST_SHOWN_MATCH = 12  # characters; shorter pieces stand in every text
MOST_NEW_WORDS = 12
LONGEST_QUOTE = 160
COPIED_STYLE = "underline $secondary"


def copied_highlights(reading: TextMetrics | None) -> list[TextHighlight]:
    """The piece of the sample's text that stands word for word in the training text, if it is worth showing."""
    if reading is None or reading.longest_match < SHORTEST_SHOWN_MATCH:
        return []
    return [TextHighlight(reading.match_start, reading.match_start + reading.longest_match, COPIED_STYLE)]


def short_metrics(reading: TextMetrics | None) -> list[str]:
    """The most telling figures, a few words each, the first the most important."""
    if reading is None:
        return []
    words: list[str] = []
    if reading.memorisation is not None and math.isfinite(reading.memorisation):
        words.append(f"parrot {reading.memorisation:.1f}")
    if reading.haiku:
        words.append(f"5-7-5 {format_count(reading.valid_haiku or 0)}/{format_count(reading.haiku)}")
    if reading.real_word_share is not None:
        words.append(f"real words {format_percent(100 * reading.real_word_share)}")
    return words


def metrics_lines(sample: Sample, reading: TextMetrics | None, glyphs: Glyphs) -> list[Content]:
    """All that was measured, one thing a line, each to be wrapped."""
    if reading is None:
        return []
    lines: list[Content] = []

    def say(label: str, *words: Content | str | tuple[str, str]) -> None:
        lines.append(Content.assemble((f"{label} ", "$foreground 60%"), *words))

    if reading.memorisation is not None and math.isfinite(reading.memorisation):
        verdict, style = _parrot_verdict(reading.memorisation)
        say("parrot", (f"{reading.memorisation:.1f}", style), f"  {verdict}")
    if reading.longest_match >= SHORTEST_SHOWN_MATCH:
        end = reading.match_start + reading.longest_match
        copied = safe_line(sample.text[reading.match_start : end], LONGEST_QUOTE)
        say(
            f"copied, {format_count(reading.longest_match)} characters", Content.assemble((f'"{copied}"', COPIED_STYLE))
        )
        if reading.source_line:
            quoted = safe_content(reading.source_line[:LONGEST_QUOTE], "italic", one_line=True)
            say(f"from line {format_count(reading.source_line_number)}", quoted)
    shares = [
        (name, share)
        for name, share in (
            ("real words", reading.real_word_share),
            ("coherent sentences", reading.coherent_sentence_share),
            ("different word pairs", reading.distinct_pairs_share),
        )
        if share is not None
    ]
    if shares:
        parts: list[Content | str | tuple[str, str]] = []
        for name, share in shares:
            parts += [(f"{' ' + glyphs.dot + ' ' if parts else ''}{name} ", "$foreground 60%")]
            parts.append(format_percent(100 * share))
        lines.append(Content.assemble(*parts))
    if reading.haiku:
        valid, new = reading.valid_haiku or 0, reading.new_haiku or 0
        sign = glyphs.done if valid == reading.haiku else glyphs.dot
        say("haiku", f"{sign} {valid} of {reading.haiku} in 5-7-5, {new} of them never trained on")
    if reading.new_words:
        words = ", ".join(safe_line(word, 24) for word in reading.new_words[:MOST_NEW_WORDS])
        say("new words", Content(words))
    return lines


def _parrot_verdict(index: float) -> tuple[str, str]:
    """An index in words and its style: 1 is what held-out text has by chance, 2 a parrot."""
    if index >= 2:
        return "copies a lot", "bold $error"
    return ("copies a little", "bold $warning") if index >= 1.5 else ("honest", "bold $success")
