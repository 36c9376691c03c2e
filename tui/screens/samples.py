"""The sample browser: the texts of a run through time, one by one or two side by side with their differences marked.

It stands on the screen of a run, or on the list of runs, and shows every sample there is, also those after the moment
a replay stands at. While the run goes on below, new samples come in; nobody is moved away from what is being read,
except from the newest one to a newer one. Left is what is held fast (a pinned sample, or this run where two runs are
compared), right is the other.
"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container

from babytrain.runs.events import Sample
from babytrain.runs.state.run_state import RunSnapshot, RunState
from babytrain.tui.keys.keymap import SCOPES_BY_MODE, KeyMode, bindings_in
from babytrain.tui.screens.base import OverlayScreen
from babytrain.tui.screens.dialogs.choose_run import ChooseRunScreen
from babytrain.tui.screens.journal_reader import show_after_reading
from babytrain.tui.terminal.charset import CharsetName
from babytrain.tui.terminal.glyphs import GLYPHS
from babytrain.tui.terminal.safe_text import safe_line
from babytrain.tui.text.formatting import format_count, format_percent
from babytrain.tui.widgets.common.key_bar import KeyBar
from babytrain.tui.widgets.common.runs_table import RunRow
from babytrain.tui.widgets.samples.sample_comparison import (
    Alignment,
    SampleWithMetrics,
    compare_texts,
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
    """Shows `state`, of a run kept in `folder`; `at` is the sample to begin with, the newest when there is none."""

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
        super().__init__(classes="samples")
        self._state = state
        self.run_folder = folder
        self._runs_dir = runs_dir
        self._charset = charset
        self._glyphs = GLYPHS[charset]
        self._seen = (len(state.samples), len(state.text_metrics))
        self._unseen_count = 0  # samples of this prompt that came while an older one was being read
        self._selected = at or (state.samples.events[-1] if state.samples.events else None)
        self._prompt = self._selected.prompt if self._selected else ""
        if at is None and self._selected is not None:  # of several prompts written at the same step the first one
            self._prompt = prompts_of(state.samples.events)[0]
            self._selected = nearest_sample(
                samples_with_prompt(state.samples.events, self._prompt), self._selected.step
            )
        self._all_seen()
        self.pinned: Sample | None = None
        self.other: RunState | None = None
        self.align: Alignment = "step"

    def compose(self) -> ComposeResult:
        """A rail with the way through time, two cards, footer."""
        yield SampleTimeline(self._charset)
        with Container(id="cards"):
            yield SampleCard(id="left", charset=self._charset, hint=NO_SAMPLE_YET)
            yield SampleList(self._charset)
            yield SampleCard(id="right", charset=self._charset, hint="This run has no sample to hold against it.")
        yield KeyBar()

    def on_mount(self) -> None:
        """Everything is known already."""
        self.apply_breakpoints()
        self._show()

    def on_resize(self, event: events.Resize) -> None:
        """Side by side, or one above the other."""
        self.query_one("#cards").set_class(event.size.width >= SIDE_BY_SIDE_COLUMNS, "-side-by-side")
        self._show()

    # what there is

    @property
    def selected(self) -> Sample | None:
        """The sample one stands at."""
        return self._selected

    @property
    def samples(self) -> list[Sample]:
        """The samples of the prompt one stands at."""
        return samples_with_prompt(self._state.samples.events, self._prompt)

    @property
    def is_comparing(self) -> bool:
        """Whether two samples are shown."""
        return self.pinned is not None or self.other is not None

    def follow(self, snapshot: RunSnapshot) -> None:
        """The run below went on: announce what is new, and show what the judges said meanwhile."""
        self._state = snapshot.state
        count, readings = len(snapshot.state.samples), len(snapshot.state.text_metrics)
        before, self._seen = self._seen, (count, readings)
        if self._seen == before or not self.can_draw:
            return
        if count != before[0]:
            self._samples_changed()
        self._show()

    def _samples_changed(self) -> None:
        samples = self.samples
        standing = self._selected
        if standing is None:
            prompts = prompts_of(self._state.samples.events)
            self._prompt = prompts[0] if prompts else ""
            self._selected = self.samples[-1] if self.samples else None
            self._all_seen()
            return
        newest = next((index for index, one in enumerate(samples) if same_sample(one, self._newest)), None)
        if not any(same_sample(one, standing) for one in samples):
            # The run went back: this sample is no longer part of it.
            self._selected = nearest_sample(samples, standing.step)
            self._all_seen()
        elif newest is None:
            self._all_seen()
        elif same_sample(standing, self._newest) and not self.is_comparing:
            self._selected = samples[-1]
            self._all_seen()
        else:
            self._unseen_count = len(samples) - 1 - newest
        if not any(same_sample(one, self.pinned) for one in self._state.samples.events):
            self.pinned = None

    def _all_seen(self) -> None:
        samples = self.samples
        self._newest, self._unseen_count = samples[-1] if samples else None, 0

    # what is shown

    def _show(self) -> None:
        left, right = self.query_one("#left", SampleCard), self.query_one("#right", SampleCard)
        selected = self._known(self._selected)
        news = f"{format_count(self._unseen_count)} new {self._glyphs.arrow} end" if self._unseen_count else ""
        through_time = self.query_one(SampleList)
        through_time.display = not self.is_comparing and self.app.size.width >= SIDE_BY_SIDE_COLUMNS
        if through_time.display:
            self._show_list(through_time)
        if not self.is_comparing:
            left.show(selected)
            right.display = False
        else:
            pair = self._pair()
            right.display = True
            texts = [one.sample.text if one is not None else "" for one in pair]
            compared = compare_texts(texts[0], texts[1])
            sign = f"{self._glyphs.best} " if self.pinned is not None else ""
            left.show(pair[0], compared.left if pair[1] else (), sign=sign)
            right.show(pair[1], compared.right if pair[0] else ())
            if pair[0] is not None and pair[1] is not None and not news:
                news = self._compared_words(compared.same_share, compared.is_whole)
        left.set_class(self.is_comparing, "-half")
        self._show_rail(news)
        self.refresh_bindings()

    def _show_list(self, through_time: SampleList) -> None:
        samples = self.samples
        selected = next((index for index, one in enumerate(samples) if same_sample(one, self._selected)), None)
        losses = val_losses_when_written(self._state, samples)
        through_time.show([SampleWithMetrics(*pair, None) for pair in zip(samples, losses, strict=True)], selected)

    def _compared_words(self, same_share: float, is_whole: bool) -> str:
        words = "the same words" if same_share == 1 else f"{format_percent(100 * same_share)} the same words"
        if self.other is not None:
            words += f" {self._glyphs.dot} by {'step' if self.align == 'step' else 'share of the run'}"
        return words if is_whole else f"{words} in the first part"

    def _pair(self) -> tuple[SampleWithMetrics | None, SampleWithMetrics | None]:
        if self.other is None:
            return self._known(self.pinned), self._known(self._selected)
        mine = self._known(self._selected, recorded_run_name(self._state))
        if self._selected is None:
            return None, None
        theirs = matching_sample(self._state, self.other, self._selected, self.align)
        return mine, with_metrics(self.other, theirs, recorded_run_name(self.other)) if theirs else None

    def _known(self, sample: Sample | None, run: str = "") -> SampleWithMetrics | None:
        return None if sample is None else with_metrics(self._state, sample, run)

    def _show_rail(self, words: str) -> None:
        samples, prompts = self.samples, prompts_of(self._state.samples.events)
        places = {id(sample): index for index, sample in enumerate(samples)}

        def place(wanted: Sample | None) -> int | None:
            if wanted is None:
                return None
            found = places.get(id(wanted))
            if found is not None:
                return found
            return next((index for index, one in enumerate(samples) if same_sample(one, wanted)), None)

        self.query_one(SampleTimeline).show(
            TimelineState(
                run=recorded_run_name(self._state),
                prompt=self._prompt,
                prompt_number=prompts.index(self._prompt) + 1 if self._prompt in prompts else 0,
                prompts=len(prompts),
                steps=non_decreasing_steps([sample.step for sample in samples]),
                selected=place(self._selected),
                pinned=place(self.pinned),
                words=words,
                is_news=bool(self._unseen_count),
            )
        )

    # walking

    def action_walk(self, count: int) -> None:
        """Earlier (-1) or later (1)."""
        samples = self.samples
        places = [index for index, one in enumerate(samples) if same_sample(one, self._selected)]
        if places:
            self._go(samples[min(len(samples) - 1, max(0, places[0] + count))])

    def action_walk_to(self, end: int) -> None:
        """To the first (0) or the newest (-1)."""
        if self.samples:
            self._go(self.samples[end])

    def action_other_prompt(self, count: int) -> None:
        """The texts from another prompt, at the step nearest to this one."""
        prompts = prompts_of(self._state.samples.events)
        if self._selected is None or len(prompts) < 2:
            return
        self._prompt = prompts[(prompts.index(self._prompt) + count) % len(prompts)]
        sample = nearest_sample(self.samples, self._selected.step)
        if sample is not None:
            self._all_seen()
            self._go(sample)

    def _go(self, sample: Sample) -> None:
        self._selected = sample
        if same_sample(sample, self.samples[-1]):
            self._all_seen()
        self._show()

    @on(SampleList.Chosen)
    @on(SampleTimeline.Chosen)
    def _clicked(self, message: SampleTimeline.Chosen | SampleList.Chosen) -> None:
        if message.index < len(self.samples):
            self._go(self.samples[message.index])

    def action_scroll_cards(self, pages: int) -> None:
        """Both texts, a page up or down."""
        for card in self.query(SampleCard):
            card.action_scroll_pages(pages)

    # comparing

    def action_pin(self) -> None:
        """Hold this sample fast and compare others with it; pressed again, let it go."""
        if self.is_comparing:
            self._let_go()
        elif self._selected is not None:
            self.pinned = self._selected
            self._show()

    def action_swap(self) -> None:
        """The pinned sample and the one stood at change places."""
        if self.pinned is not None and self._selected is not None:
            self.pinned, self._selected = self._selected, self.pinned
            self._prompt = self._selected.prompt
            self._show()

    def _let_go(self) -> None:
        self.pinned = self.other = None
        self._show()

    def action_choose_run(self) -> None:
        """Hold another run against this one."""
        own = self._state.started.run_id if self._state.started else ""

        def done(row: RunRow | None) -> None:
            if row is not None:
                show_after_reading(self.app, row.journal, self._compare_with)

        self.app.push_screen(
            ChooseRunScreen(
                "Compare with which run?", self._runs_dir, self._glyphs, lambda row: row.key != f"run:{own}"
            ),
            done,
        )

    def _compare_with(self, other: RunState) -> None:
        if other.samples.events:
            self.pinned, self.other = None, other
            self._show()
        else:
            self.notify(safe_line(f"{recorded_run_name(other)} has no samples."), markup=False, timeout=5)

    def action_change_alignment(self) -> None:
        """Of the other run the sample of the nearest step, or after the same share of the run."""
        self.align = "share" if self.align == "step" else "step"
        self._show()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer what makes sense."""
        if action == "change_alignment":
            return self.other is not None
        if action == "swap":
            return self.pinned is not None
        return super().check_action(action, parameters)

    def action_close(self) -> None:
        """One thing back: the comparison, then the browser."""
        if self.is_comparing:
            self._let_go()
        else:
            self.dismiss(None)
