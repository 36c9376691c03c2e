"""The sample browser: the samples of a run one at a time, or two side by side with their differences marked.

Shows every sample of the run, also those after a replay's position. The selected sample stays when new ones arrive,
unless it is the newest. Left is the pinned sample, or this run when two runs are compared.
"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container

from babytrain.runs.events import Sample
from babytrain.runs.formatting import format_count, format_percent
from babytrain.runs.state.run_state import RunSnapshot, RunState
from babytrain.tui.keys.keymap import SCOPES_BY_MODE, KeyMode, bindings_in
from babytrain.tui.screens.base import OverlayScreen
from babytrain.tui.screens.dialogs.choose_run import ChooseRunScreen
from babytrain.tui.screens.thread_reads import read_journal_in_thread
from babytrain.tui.terminal.charset import CharsetName
from babytrain.tui.terminal.safe_text import safe_content, safe_line
from babytrain.tui.widgets.common.full_text import FullText
from babytrain.tui.widgets.common.key_bar import KeyBar
from babytrain.tui.widgets.common.runs_table import RunRow
from babytrain.tui.widgets.samples.sample_comparison import (
    Alignment,
    SampleWithMetrics,
    compare_texts,
    index_of,
    matching_sample,
    nearest_sample,
    prompts_of,
    recorded_run_name,
    same_sample,
    samples_with_prompt,
    val_losses_when_written,
    with_metrics,
)
from babytrain.tui.widgets.samples.sample_navigation import (
    SampleList,
    SampleTimeline,
    TimelineState,
    non_decreasing_steps,
)
from babytrain.tui.widgets.samples.sample_panes import SampleCard

SIDE_BY_SIDE_COLUMNS = 72  # columns; below, one sample stands above the other
NO_SAMPLE_YET = "No sample yet. The first one is written before the first step, if the run writes any."


class SamplesScreen(OverlayScreen):
    """Shows `state`, of a run stored in `folder`; `at` is the sample to start with, None for the newest."""

    mode: ClassVar[KeyMode] = "samples"
    required_widgets: ClassVar[tuple[str, ...]] = ("#left", "#right", "SampleList", "SampleTimeline")
    BINDINGS: ClassVar[list[BindingType]] = list(bindings_in(*SCOPES_BY_MODE["samples"]))

    def __init__(
        self,
        state: RunState,
        runs_dir: Path,
        charset: CharsetName,
        *,
        at: Sample | None = None,
        folder: Path | None = None,
    ) -> None:
        super().__init__(charset, lambda: folder)
        self._state = state
        self._runs_dir = runs_dir
        self._counts = (len(state.samples), len(state.text_metrics))
        events = state.samples.events
        # With several prompts at the same step, the first one.
        self._prompt = at.prompt if at is not None else next(iter(prompts_of(events)), "")
        self._selected = at or nearest_sample(self.samples, events[-1].step if events else 0)
        self._newest_seen = self._newest
        self.pinned: Sample | None = None
        self.other: RunState | None = None
        self.align: Alignment = "step"

    def compose(self) -> ComposeResult:
        """The timeline, two cards with the list between them, the key bar."""
        yield SampleTimeline(self.charset)
        with Container(id="cards"):
            yield SampleCard(id="left", charset=self.charset, hint=NO_SAMPLE_YET)
            yield SampleList(self.charset)
            yield SampleCard(id="right", charset=self.charset, hint="This run has no sample to hold against it.")
        yield KeyBar()

    def on_mount(self) -> None:
        """Draw the first sample."""
        self._show()

    def on_resize(self, event: events.Resize) -> None:
        """Cards side by side, or stacked."""
        self.query_one("#cards").set_class(event.size.width >= SIDE_BY_SIDE_COLUMNS, "-side-by-side")
        self._show()

    @property
    def selected(self) -> Sample | None:
        """The sample that is shown, on the right when two are compared."""
        return self._selected

    @property
    def samples(self) -> list[Sample]:
        """The samples of the prompt that is shown."""
        return samples_with_prompt(self._state.samples.events, self._prompt)

    @property
    def _newest(self) -> Sample | None:
        return self.samples[-1] if self.samples else None

    @property
    def _unseen_count(self) -> int:
        samples = self.samples
        seen = index_of(samples, self._newest_seen)
        return 0 if seen is None else len(samples) - 1 - seen

    @property
    def is_comparing(self) -> bool:
        """Whether two samples are shown."""
        return self.pinned is not None or self.other is not None

    def follow(self, snapshot: RunSnapshot) -> None:
        """Update from the run below; redraw if samples or metrics were added."""
        self._state = snapshot.state
        before, self._counts = self._counts, (len(snapshot.state.samples), len(snapshot.state.text_metrics))
        if self._counts == before or not self.can_draw:
            return
        if self._counts[0] != before[0]:
            self._samples_changed()
        self._show()

    def _samples_changed(self) -> None:
        events = self._state.samples.events
        if self._selected is None:
            self._prompt = next(iter(prompts_of(events)), "")
        samples = self.samples
        if self._selected is None or (same_sample(self._selected, self._newest_seen) and not self.is_comparing):
            self._selected = self._newest_seen = self._newest
        elif index_of(samples, self._selected) is None:  # removed by a rollback
            self._selected = nearest_sample(samples, self._selected.step)
            self._newest_seen = self._newest
        elif index_of(samples, self._newest_seen) is None:
            self._newest_seen = self._newest
        if index_of(events, self.pinned) is None:
            self.pinned = None

    def _show(self) -> None:
        left, right = self.query_one("#left", SampleCard), self.query_one("#right", SampleCard)
        samples, unseen = self.samples, self._unseen_count
        words = f"{format_count(unseen)} new {self.glyphs.arrow} end" if unseen else ""
        through_time = self.query_one(SampleList)
        through_time.display = not self.is_comparing and self.app.size.width >= SIDE_BY_SIDE_COLUMNS
        if through_time.display:
            losses = val_losses_when_written(self._state, samples)
            rows = [SampleWithMetrics(*pair, None) for pair in zip(samples, losses, strict=True)]
            through_time.show(rows, index_of(samples, self._selected))
        right.display = self.is_comparing
        if self.is_comparing:
            first, second = self._pair()
            compared = compare_texts(first.sample.text if first else "", second.sample.text if second else "")
            sign = f"{self.glyphs.best} " if self.pinned is not None else ""
            left.show(first, compared.left if second else (), sign=sign)
            right.show(second, compared.right if first else ())
            if first and second:
                words = words or self._compared_words(compared.same_share, compared.is_whole)
        else:
            left.show(self._with_metrics(self._selected))
        left.set_class(self.is_comparing, "-half")
        self._show_timeline(samples, words, is_news=bool(unseen))
        self.refresh_bindings()

    def _compared_words(self, same_share: float, is_whole: bool) -> str:
        words = "the same words" if same_share == 1 else f"{format_percent(100 * same_share)} the same words"
        if self.other is not None:
            words += f" {self.glyphs.dot} by {'step' if self.align == 'step' else 'share of the run'}"
        return words if is_whole else f"{words} in the first part"

    def _pair(self) -> tuple[SampleWithMetrics | None, SampleWithMetrics | None]:
        if self.other is None:
            return self._with_metrics(self.pinned), self._with_metrics(self._selected)
        if self._selected is None:
            return None, None
        mine = self._with_metrics(self._selected, recorded_run_name(self._state))
        theirs = matching_sample(self._state, self.other, self._selected, self.align)
        return mine, with_metrics(self.other, theirs, recorded_run_name(self.other)) if theirs else None

    def _with_metrics(self, sample: Sample | None, run: str = "") -> SampleWithMetrics | None:
        return None if sample is None else with_metrics(self._state, sample, run)

    def _show_timeline(self, samples: list[Sample], words: str, *, is_news: bool) -> None:
        prompts = prompts_of(self._state.samples.events)
        self.query_one(SampleTimeline).show(
            TimelineState(
                run=recorded_run_name(self._state),
                prompt=self._prompt,
                prompt_number=prompts.index(self._prompt) + 1 if self._prompt in prompts else 0,
                prompts=len(prompts),
                steps=non_decreasing_steps([sample.step for sample in samples]),
                selected=index_of(samples, self._selected),
                pinned=index_of(samples, self.pinned),
                words=words,
                is_news=is_news,
            )
        )

    def full_texts(self) -> list[FullText]:
        """The run, each sample that is shown, and the list of all."""
        run = FullText("position", "the run", [safe_content(recorded_run_name(self._state), one_line=True)])
        cards = [card for card in self.query(SampleCard) if card.display]
        through_time = FullText("through-time", "through time", self.query_one(SampleList).in_full())
        return [run, *(FullText(card.id or "", "sample", card.in_full()) for card in cards), through_time]

    def action_walk(self, count: int) -> None:
        """Select an earlier (-1) or later (1) sample."""
        samples = self.samples
        index = index_of(samples, self._selected)
        if samples and index is not None:
            self._go(samples[min(len(samples) - 1, max(0, index + count))])

    def action_walk_to(self, end: int) -> None:
        """Select the first (0) or the newest (-1) sample."""
        if self.samples:
            self._go(self.samples[end])

    def action_other_prompt(self, count: int) -> None:
        """Switch to another prompt, at the sample nearest to the present step."""
        prompts = prompts_of(self._state.samples.events)
        if self._selected is None or len(prompts) < 2:
            return
        self._prompt = prompts[(prompts.index(self._prompt) + count) % len(prompts)]
        sample = nearest_sample(self.samples, self._selected.step)
        if sample is not None:
            self._newest_seen = self._newest
            self._go(sample)

    def _go(self, sample: Sample) -> None:
        self._selected = sample
        if same_sample(sample, self._newest):
            self._newest_seen = sample
        self._show()

    @on(SampleList.Chosen)
    @on(SampleTimeline.Chosen)
    def _clicked(self, message: SampleTimeline.Chosen | SampleList.Chosen) -> None:
        if message.index < len(self.samples):
            self._go(self.samples[message.index])

    def action_scroll_cards(self, pages: int) -> None:
        """Scroll both texts by pages."""
        for card in self.query(SampleCard):
            card.action_scroll_pages(pages)

    def action_pin(self) -> None:
        """Pin the selected sample for comparison, or stop comparing."""
        if self.is_comparing:
            self._stop_comparing()
        elif self._selected is not None:
            self.pinned = self._selected
            self._show()

    def action_swap(self) -> None:
        """Swap the pinned and the selected sample."""
        if self.pinned is not None and self._selected is not None:
            self.pinned, self._selected = self._selected, self.pinned
            self._prompt = self._selected.prompt
            self._show()

    def _stop_comparing(self) -> None:
        self.pinned = self.other = None
        self._show()

    def action_choose_run(self) -> None:
        """Choose another run to compare with."""
        own = self._state.started.run_id if self._state.started else ""

        def done(row: RunRow | None) -> None:
            if row is not None:
                read_journal_in_thread(self.app, row.journal, self._compare_with)

        self.app.push_screen(
            ChooseRunScreen("Compare with which run?", self._runs_dir, self.glyphs, exclude=f"run:{own}"), done
        )

    def _compare_with(self, other: RunState) -> None:
        if other.samples.events:
            self.pinned, self.other = None, other
            self._show()
        else:
            self.notify(safe_line(f"{recorded_run_name(other)} has no samples."), markup=False, timeout=5)

    def action_change_alignment(self) -> None:
        """Match the other run's samples by nearest step, or by share of the run."""
        self.align = "share" if self.align == "step" else "step"
        self._show()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Enable alignment and swap only while they apply."""
        if action == "change_alignment":
            return self.other is not None
        if action == "swap":
            return self.pinned is not None
        return super().check_action(action, parameters)

    def action_close(self) -> None:
        """Stop comparing, or close the browser."""
        if self.is_comparing:
            self._stop_comparing()
        else:
            self.dismiss(None)
