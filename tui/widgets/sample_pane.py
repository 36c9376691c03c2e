"""What the model writes: the newest sample, or the one being written, letter by letter, and the ones before it below.

The older ones make the pane a little history of how the model learnt to speak. Line breaks are kept, since a haiku is
three lines; everything else that is not plainly text is shown as a symbol. What the newest one copied word for word is
underlined, and a line below it says what the judges think.
"""

from __future__ import annotations

from textual.content import Content

from babytrain.runs.events import Reading, Sample, SamplePiece
from babytrain.runs.state import Moment
from babytrain.tui.charset import CharsetName
from babytrain.tui.reading_words import copied_marks, short_verdicts
from babytrain.tui.safe_text import safe_content, safe_line, safe_marked
from babytrain.tui.widgets.text_pane import TextPane
from babytrain.tui.widgets.units import format_count, format_factor

LONGEST_TEXT = 20_000  # characters; a longer sample shows its beginning
LONGEST_EARLIER_TEXT = 400
EARLIER_SAMPLES = 12
LONGEST_PROMPT = 40


class SamplePane(TextPane):
    """Pane 4."""

    def __init__(self, *, number: str = "4", charset: CharsetName = "braille", hint: str = "") -> None:
        self._number = number
        self._hint = hint
        self._shown: Sample | SamplePiece | None = None
        self._earlier: list[Sample] = []
        self._reading: Reading | None = None  # what the judges say of the newest
        super().__init__(f"{number} sample", id="sample", charset=charset, classes="pane")

    def show(self, moment: Moment) -> None:
        """Show the newest sample; nothing happens when it is the one on the screen already."""
        samples = moment.samples
        newest: Sample | SamplePiece | None = moment.sample_piece or (samples[-1] if samples else None)
        reading = moment.reading_of(newest) if isinstance(newest, Sample) else None
        if newest is self._shown and reading is self._reading:
            return
        before, self._shown = self._shown, newest
        self._reading = reading
        older = samples if isinstance(newest, SamplePiece) else samples[:-1]
        self._earlier = older[: -EARLIER_SAMPLES - 1 : -1]
        self.set_title(self._heading(newest))
        self.rebuild()
        if newest is None or before is None or newest.sample_id != before.sample_id:
            self.scroll_home(animate=False, immediate=True)

    def build(self, width: int) -> list[Content]:
        """The prompt, quietly, and the text after it; earlier samples fainter, each under its step."""
        sample = self._shown
        if sample is None:
            return Content.assemble((self._hint, "$foreground 60% italic")).wrap(width)
        text = safe_marked(sample.text[:LONGEST_TEXT], copied_marks(self._reading))
        caret = Content.assemble((self.glyphs.caret, "$accent")) if isinstance(sample, SamplePiece) else Content()
        lines = Content.assemble(safe_content(sample.prompt, "$foreground 60%"), text, caret).wrap(width)
        verdicts = f" {self.glyphs.dot} ".join(short_verdicts(self._reading))
        if verdicts:
            lines += Content.assemble((verdicts, "$foreground 55% italic")).wrap(width)
        for earlier in self._earlier:
            rule = f"@{format_count(earlier.step)} "
            rule += self.glyphs.bar_rest * max(0, width - len(rule))
            lines.append(Content.assemble((rule[:width], "$foreground 30%")))
            lines += safe_content((earlier.prompt + earlier.text)[:LONGEST_EARLIER_TEXT], "$foreground 55%").wrap(width)
        return lines

    def _heading(self, sample: Sample | SamplePiece | None) -> Content:
        dot = f" {self.glyphs.dot} "
        if sample is None:
            return Content(f"{self._number} sample")
        prompt = f'{dot}"{safe_line(sample.prompt, LONGEST_PROMPT)}"' if sample.prompt else ""
        if isinstance(sample, SamplePiece):
            return Content(f"{self._number} sample{dot}writing{self.glyphs.ellipsis}{prompt}")
        facts = f"@{format_count(sample.step)}{dot}T {format_factor(sample.temperature)}"
        return Content(f"{self._number} sample {facts}{prompt}")
