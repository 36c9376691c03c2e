"""`SamplePane` on the run screen (the newest sample and earlier ones), and `SampleCard` in the sample browser.

Line breaks are kept; other control characters are shown as symbols. Text copied verbatim from the training text is
underlined.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.binding import BindingType
from textual.content import Content

from babytrain.runs.events import Sample, SamplePiece, TextMetrics
from babytrain.runs.formatting import format_count, format_factor, format_loss
from babytrain.runs.state.run_state import RunSnapshot
from babytrain.tui.terminal.charset import CharsetName
from babytrain.tui.terminal.safe_text import TextHighlight, safe_content, safe_highlighted, safe_line
from babytrain.tui.widgets.common.full_text import READ_BINDING
from babytrain.tui.widgets.common.line_widget import DIM
from babytrain.tui.widgets.common.text_pane import TextPane
from babytrain.tui.widgets.samples.sample_comparison import SampleWithMetrics, TextRange
from babytrain.tui.widgets.samples.text_metrics_lines import copied_highlights, metrics_lines, short_metrics

_MAX_SAMPLE_TEXT = 20_000  # characters; longer samples are cut


class SamplePane(TextPane):
    """Pane 4."""

    BINDINGS: ClassVar[list[BindingType]] = [READ_BINDING]

    def __init__(self, charset: CharsetName, hint: str = "") -> None:
        self._hint = hint
        self._shown: Sample | SamplePiece | None = None
        self._earlier: list[Sample] = []
        self._metrics: TextMetrics | None = None  # of the newest
        super().__init__("4 sample", id="sample", charset=charset, classes="pane")

    def show(self, snapshot: RunSnapshot) -> None:
        """Show the newest sample; does nothing if it is shown already."""
        samples = snapshot.samples
        newest: Sample | SamplePiece | None = snapshot.sample_piece or (samples[-1] if samples else None)
        metrics = snapshot.text_metrics_of(newest) if isinstance(newest, Sample) else None
        if newest is self._shown and metrics is self._metrics:
            return
        before, self._shown = self._shown, newest
        self._metrics = metrics
        older = samples if isinstance(newest, SamplePiece) else samples[:-1]
        self._earlier = older[:-13:-1]  # the twelve newest, newest first
        self.set_title(self._heading(newest))
        self.rebuild()
        if newest is None or before is None or newest.sample_id != before.sample_id:
            self.scroll_home(animate=False, immediate=True)

    def build(self, width: int) -> list[Content]:
        """The dim prompt and the text after it; earlier samples dim, each under its step."""
        sample = self._shown
        if sample is None:
            return Content.assemble((self._hint, f"{DIM} italic")).wrap(width)
        text = safe_highlighted(sample.text[:_MAX_SAMPLE_TEXT], copied_highlights(self._metrics))
        caret = Content.assemble((self.glyphs.caret, "$accent")) if isinstance(sample, SamplePiece) else Content()
        lines = Content.assemble(safe_content(sample.prompt, DIM), text, caret).wrap(width)
        metrics = short_metrics(sample, self._metrics) if isinstance(sample, Sample) else []
        summary = f" {self.glyphs.dot} ".join(metrics)
        if summary:
            lines += Content.assemble((summary, "$foreground 55% italic")).wrap(width)
        for earlier in self._earlier:
            rule = f"@{format_count(earlier.step)} "
            rule += self.glyphs.bar_rest * max(0, width - len(rule))
            lines.append(Content.assemble((rule[:width], "$foreground 30%")))
            lines += safe_content((earlier.prompt + earlier.text)[:400], "$foreground 55%").wrap(width)
        return lines

    def in_full(self) -> list[Content]:
        """The newest sample with its prompt."""
        sample = self._shown
        if sample is None:
            return []
        prompt = [safe_content(f'prompt "{sample.prompt}"', DIM, one_line=True)] if sample.prompt else []
        return [*prompt, *safe_content(sample.prompt + sample.text).split("\n", allow_blank=True)]

    def _heading(self, sample: Sample | SamplePiece | None) -> Content:
        dot = f" {self.glyphs.dot} "
        if sample is None:
            return Content("4 sample")
        prompt = f'{dot}"{safe_line(sample.prompt, 40)}"' if sample.prompt else ""
        if isinstance(sample, SamplePiece):
            return Content(f"4 sample{dot}writing{self.glyphs.ellipsis}{prompt}")
        facts = f"@{format_count(sample.step)}{dot}temperature {format_factor(sample.temperature)}"
        return Content(f"4 sample {facts}{prompt}")


class SampleCard(TextPane, inherit_bindings=False):
    """A pane that shows one sample, or a hint without one. The screen scrolls it."""

    BINDINGS: ClassVar[list[BindingType]] = []
    can_focus = False

    def __init__(self, *, id: str, charset: CharsetName = "braille", hint: str = "") -> None:
        self._shown: SampleWithMetrics | None = None
        self._different: tuple[TextRange, ...] | None = None
        self._hint = hint
        super().__init__("sample", id=id, charset=charset, classes="pane card")

    def show(
        self, shown: SampleWithMetrics | None, different: Sequence[TextRange] | None = None, *, sign: str = ""
    ) -> None:
        """Show a sample. `different` are the ranges of its text missing in the other one, None without a comparison;
        `sign` precedes its title."""
        before, self._shown = self._shown, shown
        self._different = None if different is None else tuple(different)
        self.set_title(self._title_of(shown, sign))
        self.rebuild()
        if before is None or shown is None or before.sample is not shown.sample:
            self.scroll_home(animate=False, immediate=True)

    def build(self, width: int) -> list[Content]:
        """Facts, text and metrics."""
        shown = self._shown
        if shown is None:
            return Content.assemble((self._hint, f"{DIM} italic")).wrap(width)
        lines = Content.assemble((self._facts(shown.sample), DIM)).wrap(width)
        lines.append(Content(""))
        lines += self._text(shown).wrap(width)
        metric_lines = metrics_lines(shown.sample, shown.metrics, self.glyphs)
        if metric_lines:
            lines.append(Content.assemble((self.glyphs.bar_rest * width, "$foreground 30%")))
            lines += [line for metric in metric_lines for line in metric.wrap(width)]
        return lines

    def in_full(self) -> list[Content]:
        """The run, the prompt, the text with its facts and metrics."""
        shown = self._shown
        if shown is None:
            return []
        run = [safe_content(f"run {shown.run}", one_line=True)] if shown.run else []
        text = self._text(shown).split("\n", allow_blank=True)
        return [
            *run,
            Content(self._facts(shown.sample)),
            *text,
            *metrics_lines(shown.sample, shown.metrics, self.glyphs),
        ]

    def _text(self, shown: SampleWithMetrics) -> Content:
        sample = shown.sample
        text = sample.text[:_MAX_SAMPLE_TEXT]
        if self._different is None:
            marks = copied_highlights(shown.metrics)
        else:
            marks = [TextHighlight(start, end, "bold $accent", "[", "]") for start, end in self._different]
        more = Content()
        if len(sample.text) > _MAX_SAMPLE_TEXT:
            left_out = format_count(len(sample.text) - _MAX_SAMPLE_TEXT)
            more = Content.assemble((f"\n{self.glyphs.ellipsis} and {left_out} characters more", DIM))
        return Content.assemble(safe_content(sample.prompt, DIM), safe_highlighted(text, marks), more)

    def _title_of(self, shown: SampleWithMetrics | None, sign: str) -> Content:
        if shown is None:
            return Content("sample")
        dot = f" {self.glyphs.dot} "
        run = f"{safe_line(shown.run, 24)}{dot}" if shown.run else ""
        loss = "" if shown.val_loss is None else f"{dot}val {format_loss(shown.val_loss)}"
        return Content(f"{sign}{run}step {format_count(shown.sample.step)}{loss}")

    def _facts(self, sample: Sample) -> str:
        """How it was sampled; settings at their defaults are omitted."""
        prompt = f'"{safe_line(sample.prompt)}"' if sample.prompt else "no prompt"
        facts = (
            prompt,
            f"temperature {format_factor(sample.temperature)}",
            f"top-k {format_count(sample.top_k)}" if sample.top_k else "",
            f"top-p {format_factor(sample.top_p)}" if sample.top_p < 1 else "",
            f"min-p {format_factor(sample.min_p)}" if sample.min_p > 0 else "",
            f"repetition {format_factor(sample.repetition_penalty)}" if sample.repetition_penalty != 1 else "",
            f"seed {sample.seed}",
            "asked for" if sample.requested else "",
        )
        return f" {self.glyphs.dot} ".join(filter(None, facts))
