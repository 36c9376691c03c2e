"""One sample to be read at leisure: what is known about it, the text, what the judges say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.binding import BindingType
from textual.content import Content

from babytrain.runs.events import Sample
from babytrain.tui.charset import CharsetName
from babytrain.tui.reading_words import copied_marks, verdict_lines
from babytrain.tui.safe_text import Mark, safe_content, safe_line, safe_marked
from babytrain.tui.sample_compare import Stretch
from babytrain.tui.sample_walk import ShownSample
from babytrain.tui.widgets.text_pane import TextPane
from babytrain.tui.widgets.units import format_count, format_factor, format_loss

LONGEST_TEXT = 20_000  # characters; a longer sample shows its beginning
LONGEST_PROMPT = 60
LONGEST_NAME = 24
DIFFERENT_STYLE = "bold $accent"
PROMPT_STYLE = "$foreground 60%"


class SampleCard(TextPane, inherit_bindings=False):
    """A pane that shows one sample, or says that there is none. The screen around it scrolls."""

    BINDINGS: ClassVar[list[BindingType]] = []
    can_focus = False

    def __init__(self, *, id: str, charset: CharsetName = "braille", hint: str = "") -> None:
        self._shown: ShownSample | None = None
        self._different: tuple[Stretch, ...] | None = None
        self._hint = hint
        super().__init__("sample", id=id, charset=charset, classes="pane card")

    def show(self, shown: ShownSample | None, different: Sequence[Stretch] | None = None, *, sign: str = "") -> None:
        """Show a sample. `different` are the stretches of its text that another one does not have, None where it is
        compared with none; `sign` stands before its title."""
        before, self._shown = self._shown, shown
        self._different = None if different is None else tuple(different)
        self.set_title(self._title_of(shown, sign))
        self.rebuild()
        if before is None or shown is None or before.sample is not shown.sample:
            self.scroll_home(animate=False, immediate=True)

    def build(self, width: int) -> list[Content]:
        """Facts, text and verdicts."""
        shown = self._shown
        if shown is None:
            return Content.assemble((self._hint, "$foreground 60% italic")).wrap(width)
        lines = Content.assemble((self._facts(shown.sample), "$foreground 60%")).wrap(width)
        lines.append(Content(""))
        lines += self._text(shown).wrap(width)
        verdicts = verdict_lines(shown.sample, shown.reading, self.glyphs)
        if verdicts:
            lines.append(Content.assemble((self.glyphs.bar_rest * width, "$foreground 30%")))
            lines += [line for verdict in verdicts for line in verdict.wrap(width)]
        return lines

    def _text(self, shown: ShownSample) -> Content:
        sample = shown.sample
        text = sample.text[:LONGEST_TEXT]
        if self._different is None:
            marks = copied_marks(shown.reading)
        else:
            marks = [Mark(start, end, DIFFERENT_STYLE, "[", "]") for start, end in self._different]
        more = Content()
        if len(sample.text) > LONGEST_TEXT:
            left_out = format_count(len(sample.text) - LONGEST_TEXT)
            more = Content.assemble((f"\n{self.glyphs.ellipsis} and {left_out} characters more", "$foreground 60%"))
        return Content.assemble(safe_content(sample.prompt, PROMPT_STYLE), safe_marked(text, marks), more)

    def _title_of(self, shown: ShownSample | None, sign: str) -> Content:
        if shown is None:
            return Content("sample")
        dot = f" {self.glyphs.dot} "
        run = f"{safe_line(shown.run, LONGEST_NAME)}{dot}" if shown.run else ""
        loss = "" if shown.val_loss is None else f"{dot}val {format_loss(shown.val_loss)}"
        return Content(f"{sign}{run}step {format_count(shown.sample.step)}{loss}")

    def _facts(self, sample: Sample) -> str:
        """How it was drawn; what stands at its default is left out."""
        facts = [f"T {format_factor(sample.temperature)}"]
        if sample.top_k:
            facts.append(f"top-k {format_count(sample.top_k)}")
        if sample.top_p < 1:
            facts.append(f"top-p {format_factor(sample.top_p)}")
        if sample.min_p > 0:
            facts.append(f"min-p {format_factor(sample.min_p)}")
        if sample.repetition_penalty != 1:
            facts.append(f"repetition {format_factor(sample.repetition_penalty)}")
        facts.append(f"seed {sample.seed}")
        facts.append("asked for" if sample.asked else "")
        prompt = f'"{safe_line(sample.prompt, LONGEST_PROMPT)}"' if sample.prompt else "no prompt"
        return f" {self.glyphs.dot} ".join(fact for fact in (prompt, *facts) if fact)
