"""The metrics of a sample as text. Words from a model are untrusted and shown as data."""

from __future__ import annotations

from textual.content import Content

from babytrain.runs.events import Sample, TextMetrics
from babytrain.runs.formatting import format_count, format_percent
from babytrain.runs.state.memorisation_verdict import NOTHING_TO_JUDGE, MemorisationVerdict, judge_memorisation
from babytrain.tui.terminal.glyphs import Glyphs
from babytrain.tui.terminal.safe_text import TextHighlight, safe_content, safe_line
from babytrain.tui.widgets.common.line_widget import DIM

_VERDICT_STYLES: dict[MemorisationVerdict, str] = {
    "repeats itself": "bold",
    "no text yet": "bold",
    "no more than unseen text": "bold $success",
    "copies a little": "bold $warning",
    "copies a lot": "bold $error",
}
SHORTEST_SHOWN_MATCH = 12  # characters; shorter matches are common in any text
LONGEST_QUOTE = 160
COPIED_STYLE = "underline $secondary"


def copied_highlights(metrics: TextMetrics | None) -> list[TextHighlight]:
    """The piece of the sample copied verbatim from the training text, if long enough."""
    if metrics is None or metrics.longest_match < SHORTEST_SHOWN_MATCH:
        return []
    return [TextHighlight(metrics.match_start, metrics.match_start + metrics.longest_match, COPIED_STYLE)]


def short_metrics(sample: Sample, metrics: TextMetrics | None) -> list[str]:
    """The most important metrics in a few words each, most important first."""
    if metrics is None:
        return []
    words: list[str] = []
    verdict = judge_memorisation(sample.text, metrics)
    if verdict is not None:
        words.append(verdict if verdict in NOTHING_TO_JUDGE else f"copied {metrics.memorisation:.1f}× chance")
    if metrics.haiku:
        words.append(f"5-7-5 {format_count(metrics.valid_haiku or 0)}/{format_count(metrics.haiku)}")
    if metrics.real_word_share is not None:
        words.append(f"real words {format_percent(100 * metrics.real_word_share)}")
    return words


def metrics_lines(sample: Sample, metrics: TextMetrics | None, glyphs: Glyphs) -> list[Content]:
    """All metrics, one per line, each to be wrapped."""
    if metrics is None:
        return []
    lines: list[Content] = []

    def say(label: str, *words: Content | str | tuple[str, str]) -> None:
        lines.append(Content.assemble((f"{label} ", DIM), *words))

    verdict = judge_memorisation(sample.text, metrics)
    if verdict is not None:
        nothing = ": nothing to judge" if verdict in NOTHING_TO_JUDGE else ""
        say("copied", (f"{metrics.memorisation:.1f}× chance", _VERDICT_STYLES[verdict]), f"  {verdict}{nothing}")
    if metrics.longest_match >= SHORTEST_SHOWN_MATCH:
        end = metrics.match_start + metrics.longest_match
        copied = safe_line(sample.text[metrics.match_start : end], LONGEST_QUOTE)
        say(f"copied, {format_count(metrics.longest_match)} characters", (f'"{copied}"', COPIED_STYLE))
        if metrics.source_line:
            quoted = safe_content(metrics.source_line[:LONGEST_QUOTE], "italic", one_line=True)
            say(f"from line {format_count(metrics.source_line_number)}", quoted)
    named = {
        "real words": metrics.real_word_share,
        "coherent sentences": metrics.coherent_sentence_share,
        "different word pairs": metrics.distinct_pairs_share,
    }
    shares = [
        Content.assemble((f"{name} ", DIM), format_percent(100 * share))
        for name, share in named.items()
        if share is not None
    ]
    if shares:
        lines.append(Content.assemble((f" {glyphs.dot} ", DIM)).join(shares))
    if metrics.haiku:
        valid, new = metrics.valid_haiku or 0, metrics.new_haiku or 0
        sign = glyphs.done if valid == metrics.haiku else glyphs.dot
        say("haiku", f"{sign} {valid} of {metrics.haiku} in 5-7-5, {new} of them never trained on")
    if metrics.new_words:
        words = ", ".join(safe_line(word, 24) for word in metrics.new_words[:12])
        say("new words", Content(words))
    return lines
