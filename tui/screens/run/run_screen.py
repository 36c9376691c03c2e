"""One run on the screen, whoever feeds it: the base of the live, the replay and the watch screen.

The screen pulls. ONE timer looks at the source ten times a second and draws what changed, as often as the frame budget
allows; nothing is posted per training step. Keys answer at once, whatever the budget says.

| pane   | drawn by                                | at most          |
| ------ | --------------------------------------- | ---------------- |
| loss   | `LossPane.show`, only changed rows      | 10 times a second |
| header, health, dials, sample, log | only if a letter changed | 4 times a second |
| vitals | `VitalsPane.show`                       | once a second    |
"""

from __future__ import annotations

from collections import deque
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container

from babytrain.runs.errors import RunsError
from babytrain.runs.events import Request
from babytrain.runs.forecast.value_range import ValueRange
from babytrain.runs.state.run_state import RunSnapshot
from babytrain.tui.engine_client.run_sources import RunSource
from babytrain.tui.keys.keymap import COMMANDS_BY_ID, KeyMode
from babytrain.tui.notifications import NewMilestones
from babytrain.tui.screens.base import OverlayScreen
from babytrain.tui.screens.dialogs.milestones import MIN_ROWS_FOR_TOAST, milestone_announcement
from babytrain.tui.screens.messages import ChatRequested, LeaveRequested, LettersRequested, SamplesRequested
from babytrain.tui.screens.run.frame_budget import TICK_SECONDS, DueParts, FrameBudget
from babytrain.tui.screens.run.pane_screen import PaneScreen
from babytrain.tui.terminal.charset import CharsetName
from babytrain.tui.terminal.glyphs import GLYPHS
from babytrain.tui.text.wording import StatusLabel, run_status_label
from babytrain.tui.widgets.common.key_bar import KeyBar
from babytrain.tui.widgets.loss.loss_pane import LossPane
from babytrain.tui.widgets.run.dials_pane import DialsPane
from babytrain.tui.widgets.run.health_bar import ADVICE_IDS, ForecastCache, HealthBar, HealthFacts
from babytrain.tui.widgets.run.log_pane import LogPane, PrintedLine
from babytrain.tui.widgets.run.progress_header import HeaderFacts, ProgressHeader
from babytrain.tui.widgets.samples.sample_panes import SamplePane
from babytrain.tui.widgets.vitals.vitals_pane import VitalsPane

MAX_PRINTED_LINES = 300


class RunScreen(PaneScreen):
    """Panes, header and footer of a run. Subclasses add what can be done with it."""

    mode: ClassVar[KeyMode] = "watch"
    program: ClassVar[str] = "babytrain"
    sample_hint: ClassVar[str] = "Nothing written yet."
    BINDINGS: ClassVar[list[BindingType]] = []

    def __init__(
        self,
        source: RunSource,
        title: str,
        charset: CharsetName,
        printed: SimpleQueue[str] | None = None,
        budget: FrameBudget | None = None,
    ) -> None:
        super().__init__(classes="run")
        self.source = source
        self.run_title = title
        self.glyphs = GLYPHS[charset]
        self._charset = charset
        self._budget = budget or FrameBudget()
        self._incoming: SimpleQueue[str] = printed if printed is not None else SimpleQueue()
        self._printed: deque[PrintedLine] = deque(maxlen=MAX_PRINTED_LINES)
        self._printed_count = 0
        self._token: object = None
        self._vitals_count = -1
        self._read_error = ""
        self._forecast_cache = ForecastCache()
        self._new_milestones: NewMilestones | None = None  # where a run goes on: a recording celebrates nothing again

    def compose(self) -> ComposeResult:
        """Header, five panes, footer."""
        yield ProgressHeader(self._charset, self.program)
        yield HealthBar(self._charset)
        with Container(id="panes"):
            yield LossPane(charset=self._charset)
            yield VitalsPane(charset=self._charset)
            yield DialsPane(charset=self._charset)
            yield SamplePane(charset=self._charset, hint=self.sample_hint)
            yield LogPane(charset=self._charset)
        yield from self.compose_below()
        yield KeyBar()

    def compose_below(self) -> ComposeResult:
        """Widgets between the panes and the footer."""
        return iter(())

    def on_mount(self) -> None:
        """Start the one timer."""
        self.apply_breakpoints()
        self.query_one("#loss").focus()
        self.set_interval(TICK_SECONDS, self.tick)
        self.call_after_refresh(self.refresh_now)

    # what is shown

    def tick(self) -> None:
        """The timer: take in what is new, draw what is due."""
        if not self.can_draw:
            return
        self.before_frame()
        self._take_printed()
        self._budget.watched = self.app.app_focus
        snapshot = self.look()
        for screen in self.app.screen_stack:
            if isinstance(screen, OverlayScreen):
                screen.follow(snapshot)
        self.announce_milestones(snapshot)
        token = self.change_token(snapshot)
        vitals_count = snapshot.state.vitals.count_until(snapshot.t)
        due = self._budget.due(changed=token != self._token, vitals_changed=vitals_count != self._vitals_count)
        self._token, self._vitals_count = token, vitals_count
        self.draw(snapshot, due)

    def refresh_now(self) -> None:
        """Draw everything that changed, now: a key was pressed or the size is another."""
        if not self.can_draw:
            return
        self.draw(self.look(), DueParts(chart=True, numbers=True, vitals=True))
        self._budget.drawn()

    @property
    def can_draw(self) -> bool:
        """Whether there are panes to draw on: not before the screen is made, and not while it is taken down."""
        return self.is_running and self.is_attached and bool(self.query("LogPane"))

    def look(self) -> RunSnapshot:
        """The run as it stands now."""
        try:
            self.source.poll()
        except RunsError as error:
            self._tell_once(str(error))
        return self.source.snapshot()

    def before_frame(self) -> None:
        """What a subclass does before looking."""

    def change_token(self, snapshot: RunSnapshot) -> object:
        """Differs from the last one if anything but the sensors changed."""
        state, t = snapshot.state, snapshot.t
        rare = (state.evals, state.samples, state.commands, state.checkpoints, state.phases, state.log_messages)
        firsts = (state.text_metrics, state.letters, state.baselines, state.milestones)
        rarer = (
            state.resumes,
            state.session_ends,
            state.guard_events,
            state.verdicts,
            state.repeated_verdicts,
            state.policy_events,
        )
        counts = tuple(timeline.count_until(t) for timeline in (*rare, *rarer, *firsts))
        return (id(state), snapshot.rows, snapshot.step, counts, id(snapshot.sample_piece), self._printed_count)

    def draw(self, snapshot: RunSnapshot, due: DueParts) -> None:
        """Bring the parts that are due up to date."""
        if due.chart:
            self.query_one("#loss", LossPane).show(snapshot)
        if due.vitals:
            self._show_vitals(snapshot)
        if due.numbers:
            self.query_one(ProgressHeader).show(self.header_facts(snapshot))
            self.query_one(HealthBar).show(self.health_facts(snapshot))
            self.query_one(DialsPane).show(snapshot, self.pending)
            sample = self.query_one(SamplePane)
            if sample.display:
                sample.show(snapshot)
            self.query_one(LogPane).show(snapshot, self._printed, self._printed_count)

    def _show_vitals(self, snapshot: RunSnapshot) -> None:
        """The sensors; their history shows the stretch of the run that the chart shows."""
        pane = self.query_one(VitalsPane)
        if pane.display:
            pane.show(snapshot, self._loss.settings)

    @on(LossPane.ViewChanged)
    def _view_changed(self) -> None:
        if self.can_draw:
            self._show_vitals(self.source.snapshot())

    def header_facts(self, snapshot: RunSnapshot) -> HeaderFacts:
        """What the two lines on top say."""
        return HeaderFacts(
            snapshot, self.run_state(snapshot), self.estimate(snapshot), self.advice(snapshot), self.run_title
        )

    def health_facts(self, snapshot: RunSnapshot) -> HealthFacts:
        """What the lines below the header say: diagnosis, newest rescue, forecast."""
        eta = self.estimate(snapshot)
        has_forecast = self.source.kind != "replay" and snapshot.ended is None
        return HealthFacts(
            snapshot,
            eta=eta,
            forecast=self._forecast_cache.at(snapshot) if has_forecast else None,
            keys=self._advice_keys(snapshot),
        )

    def _advice_keys(self, snapshot: RunSnapshot) -> dict[str, tuple[str, str]]:
        """The keys that follow an advice, as shown and as sent; none where there is no advice, or nobody to take it."""
        verdict = snapshot.verdict
        if verdict is None or verdict.advice is None:
            return {}
        bindings = [active.binding for active in self.active_bindings.values() if active.enabled]
        return {
            binding.id: (self.app.get_key_display(binding), binding.key)
            for binding in bindings
            if binding.id in ADVICE_IDS and binding.id is not None
        }

    def run_state(self, snapshot: RunSnapshot) -> StatusLabel:
        """What the run is doing."""
        return run_status_label(snapshot, self.glyphs)

    def estimate(self, snapshot: RunSnapshot) -> ValueRange | None:
        """How long it will still take; None where that makes no sense."""
        return None

    @property
    def pending(self) -> Request | None:
        """The newest command sent from here, while it has no answer."""
        return None

    def advice(self, snapshot: RunSnapshot) -> str:
        """What to do next, where the estimate would stand."""
        return ""

    def print_line(self, text: str) -> None:
        """Add a line to the log pane, at the time it came; it never goes into the journal."""
        snapshot = self.source.snapshot()
        self._printed.append(PrintedLine(snapshot.t, snapshot.step, text))
        self._printed_count += 1

    def _take_printed(self) -> None:
        while True:
            try:
                self.print_line(self._incoming.get_nowait())
            except Empty:
                return

    def _tell_once(self, sentence: str) -> None:
        if sentence != self._read_error:
            self._read_error = sentence
            self.print_line(sentence)
            self.notify(sentence, severity="error", markup=False)

    def on_key(self) -> None:
        """Any key, whatever it does."""
        self._budget.touched()

    def on_click(self) -> None:
        """Any click too."""
        self._budget.touched()

    def on_resize(self, event: events.Resize) -> None:
        """Other panes may be visible now."""
        self.call_after_refresh(self.refresh_now)

    # what stands on top of it

    @property
    def run_folder(self) -> Path | None:
        """Where the run is kept, None where that is not known."""
        return None

    def action_browse_samples(self) -> None:
        """Everything the model wrote so far, beginning where the screen stands."""
        snapshot = self.source.snapshot()
        samples = snapshot.samples
        newest = len(samples) == len(snapshot.state.samples)
        at = samples[-1] if samples and not newest else None
        self.post_message(SamplesRequested(state=snapshot.state, at=at, folder=self.run_folder))

    def action_letters(self) -> None:
        """Which letters the model knows."""
        self.post_message(LettersRequested(snapshot=self.source.snapshot(), folder=self.run_folder))

    def action_milestones(self) -> None:
        """What happened for the first time."""
        from babytrain.tui.screens.dialogs.milestones import MilestonesScreen

        snapshot = self.source.snapshot()
        to_come = len(snapshot.state.milestones) > 0 or snapshot.state.at().ended is None
        self.app.push_screen(MilestonesScreen(snapshot.milestones, self._charset, to_come=to_come))

    def announce_milestones(self, snapshot: RunSnapshot) -> None:
        """A word about new milestones, quietly and once."""
        words = (
            milestone_announcement(self._new_milestones.look(snapshot), self.glyphs)
            if self._new_milestones is not None
            else ""
        )
        if words and self.app.size.height >= MIN_ROWS_FOR_TOAST:
            self.notify(words, markup=False, timeout=6)

    def action_talk(self) -> None:
        """Talk to what is saved of this run."""
        if self.run_folder is None:
            self.notify("Only the recording is here, not its model: nobody to talk to.", markup=False, timeout=4)
        else:
            self.post_message(ChatRequested(self.display_run_name, lambda: self.run_folder, self.source.state))

    @property
    def display_run_name(self) -> str:
        """What to call the run."""
        started = self.source.state.started
        return started.name if started else self.run_title

    def action_back(self) -> None:
        """One thing back: the maximised pane, the crosshair, and then whatever `leave` means here."""
        if self.maximised_pane is not None:
            self._maximise(None)
        elif self._loss.crosshair_step is not None:
            self._loss.clear_crosshair()
        else:
            self.leave()

    def action_leave_ended(self) -> None:
        """Back to the runs."""
        self.leave()

    def leave(self) -> None:
        """Away from this screen; the app knows what that means for a run that trains."""
        self.post_message(LeaveRequested())

    @on(DialsPane.Chosen)
    def _dial_chosen(self, message: DialsPane.Chosen) -> None:
        self.choose_dial(message.dial)

    def choose_dial(self, name: str) -> None:
        """A dial was clicked; only a run that trains here can be steered."""
        self.action_refuse("live.dial")

    def action_refuse(self, command_id: str) -> None:
        """Say why a command of a live run does nothing here."""
        self.notify(f"{COMMANDS_BY_ID[command_id].title}: {self.refusal()}", markup=False, timeout=4)

    def refusal(self) -> str:
        """Why this run takes no commands."""
        return "this run takes no commands from here."
