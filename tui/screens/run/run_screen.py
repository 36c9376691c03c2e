"""The base of the live, replay and watch screens of a run.

One timer polls the source ten times a second and draws what changed, within the frame budget; no message is sent per
training step. Keys are handled at once.

| pane | drawn by | at most |
| --- | --- | --- |
| loss | `LossPane.show`, only changed rows | 10 times a second |
| header, health, dials, sample, log | only if the text changed | 4 times a second |
| vitals | `VitalsPane.show` | once a second |
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container

from babytrain.runs.errors import RunsError
from babytrain.runs.events import Request
from babytrain.runs.forecast.eta import estimate_eta, why_no_eta
from babytrain.runs.state.run_state import RunSnapshot
from babytrain.tui.engine_client.run_sources import RunSource
from babytrain.tui.keys.keymap import COMMANDS_BY_ID, KeyMode
from babytrain.tui.notifications import MilestoneGroups, NewMilestones
from babytrain.tui.screens.base import OverlayScreen
from babytrain.tui.screens.dialogs.milestones import (
    MIN_ROWS_FOR_TOAST,
    MilestonesPane,
    MilestonesScreen,
    milestone_announcement,
)
from babytrain.tui.screens.messages import ChatRequested, LeaveRequested, LettersRequested, SamplesRequested
from babytrain.tui.screens.run.frame_budget import TICK_SECONDS, DueParts, FrameBudget
from babytrain.tui.screens.run.pane_screen import PaneScreen
from babytrain.tui.terminal.charset import CharsetName
from babytrain.tui.text.wording import StatusLabel, run_status_label
from babytrain.tui.widgets.common.key_bar import KeyBar
from babytrain.tui.widgets.loss.loss_pane import LossPane
from babytrain.tui.widgets.run.dials_pane import DialsPane
from babytrain.tui.widgets.run.health_bar import ADVICE_IDS, ForecastCache, HealthBar, HealthFacts
from babytrain.tui.widgets.run.log_pane import LogPane, PrintedLine
from babytrain.tui.widgets.run.progress_header import HeaderFacts, ProgressHeader
from babytrain.tui.widgets.samples.sample_panes import SamplePane
from babytrain.tui.widgets.vitals.gpu_gauges import watts_and_fan
from babytrain.tui.widgets.vitals.vitals_pane import VitalsPane


class RunScreen(PaneScreen):
    """Panes, header and key bar of a run; subclasses add commands."""

    mode: ClassVar[KeyMode] = "watch"
    program: ClassVar[str] = "babytrain"
    sample_hint: ClassVar[str] = "Nothing written yet."
    refusal: ClassVar[str] = ""  # why commands of a live run are not available here
    BINDINGS: ClassVar[list[BindingType]] = []

    def __init__(
        self,
        source: RunSource,
        title: str,
        charset: CharsetName,
        folder: Callable[[], Path | None],
        printed: SimpleQueue[str] | None = None,
    ) -> None:
        super().__init__(charset, folder)
        self.source = source
        self.run_title = title
        self._budget = FrameBudget()
        self._incoming: SimpleQueue[str] = printed if printed is not None else SimpleQueue()
        self._printed: deque[PrintedLine] = deque(maxlen=300)
        self._printed_count = 0
        self._change_token: object = None  # at the last tick
        self._vitals_count = -1
        self._read_error = ""
        self._forecast_cache = ForecastCache()
        self._new_milestones: NewMilestones | None = None  # None for a recording: no toasts
        self._milestone_groups = MilestoneGroups()

    def compose(self) -> ComposeResult:
        """Header, health lines, five panes, key bar."""
        yield ProgressHeader(self.charset, self.program)
        yield HealthBar(self.charset)
        with Container(id="panes"):
            yield LossPane(charset=self.charset)
            yield VitalsPane(charset=self.charset)
            yield DialsPane(charset=self.charset)
            yield SamplePane(charset=self.charset, hint=self.sample_hint)
            yield LogPane(charset=self.charset)
        yield from self.compose_below()
        yield KeyBar()

    def compose_below(self) -> ComposeResult:
        """Widgets between the panes and the key bar."""
        return ()

    def on_mount(self) -> None:
        """Start the timer."""
        self.query_one("#loss").focus()
        self.set_interval(TICK_SECONDS, self.tick)
        self.call_after_refresh(self.refresh_now)

    def tick(self) -> None:
        """Called by the timer: read the source and draw what is due."""
        if not self.can_draw:
            return
        self.before_frame()
        self._take_printed()
        self._budget.has_focus = self.app.app_focus
        snapshot = self.read_source()
        for screen in self.app.screen_stack:
            if isinstance(screen, OverlayScreen):
                screen.follow(snapshot)
        self.announce(snapshot)
        token = self.change_token(snapshot)
        vitals_count = snapshot.state.vitals.count_until(snapshot.t)
        due = self._budget.due(changed=token != self._change_token, vitals_changed=vitals_count != self._vitals_count)
        self._change_token, self._vitals_count = token, vitals_count
        self.draw(snapshot, due)

    def refresh_now(self) -> None:
        """Draw everything that changed now, after a key or a resize."""
        if not self.can_draw:
            return
        self.draw(self.read_source(), DueParts(chart=True, numbers=True, vitals=True))
        self._budget.drawn()

    @property
    def can_draw(self) -> bool:
        """Whether the panes exist: False before the screen is composed and while it is removed."""
        return self.is_running and self.is_attached and bool(self.query("LogPane"))

    def read_source(self) -> RunSnapshot:
        """Poll the source and return the run as of now."""
        try:
            self.source.poll()
        except RunsError as error:
            self._notify_read_error(str(error))
        return self.source.snapshot()

    def before_frame(self) -> None:
        """Hook called before the source is read."""

    def change_token(self, snapshot: RunSnapshot) -> object:
        """A value that changes whenever anything but the sensors changed."""
        state, t = snapshot.state, snapshot.t
        often = (state.evals, state.samples, state.commands, state.checkpoints, state.phases, state.log_messages)
        seldom = (state.resumes, state.session_ends, state.guard_events, state.verdicts, state.repeated_verdicts)
        rest = (state.policy_events, state.text_metrics, state.letters, state.baselines, state.milestones)
        counts = tuple(timeline.count_until(t) for timeline in (*often, *seldom, *rest))
        return (id(state), snapshot.rows, snapshot.step, counts, id(snapshot.sample_piece), self._printed_count)

    def draw(self, snapshot: RunSnapshot, due: DueParts) -> None:
        """Draw the parts that are due."""
        if due.chart:
            self.query_one("#loss", LossPane).show(snapshot)
        if due.vitals:
            self._show_vitals(snapshot)
        if due.numbers:
            under_way = self.is_under_way(snapshot)
            eta = estimate_eta(snapshot) if under_way else None
            no_eta = why_no_eta(snapshot) if under_way and eta is None else ""
            vitals = None if self.query_one(VitalsPane).display else snapshot.vitals
            machine = "" if vitals is None else watts_and_fan(vitals)
            status, advice = self.run_status(snapshot), self.advice(snapshot)
            header = HeaderFacts(snapshot, status, eta, advice, self.run_title, no_eta, machine)
            self.query_one(ProgressHeader).show(header)
            forecast = self._forecast_cache.at(snapshot) if under_way else None
            self.query_one(HealthBar).show(HealthFacts(snapshot, eta, forecast, self._advice_keys(snapshot)))
            self.query_one(DialsPane).show(snapshot, self.pending)
            sample = self.query_one(SamplePane)
            if sample.display:
                sample.show(snapshot)
            self.query_one(LogPane).show(snapshot, self._printed, self._printed_count)

    def _show_vitals(self, snapshot: RunSnapshot) -> None:
        """Draw the sensors; their history shares the chart's window."""
        pane = self.query_one(VitalsPane)
        if pane.display:
            pane.show(snapshot, self._loss.settings)

    @on(LossPane.ViewChanged)
    def _view_changed(self) -> None:
        if self.can_draw:
            self._show_vitals(self.source.snapshot())

    def _advice_keys(self, snapshot: RunSnapshot) -> dict[str, tuple[str, str]]:
        """Keys that apply the advice, as displayed and as sent, by binding id; empty without advice or training."""
        if snapshot.verdict is None or snapshot.verdict.advice is None:
            return {}
        bindings = [active.binding for active in self.active_bindings.values() if active.enabled]
        return {
            binding.id: (self.app.get_key_display(binding), binding.key)
            for binding in bindings
            if binding.id in ADVICE_IDS and binding.id is not None
        }

    def run_status(self, snapshot: RunSnapshot) -> StatusLabel:
        """The state of the run in words."""
        return run_status_label(snapshot, self.glyphs)

    def is_under_way(self, snapshot: RunSnapshot) -> bool:
        """Whether the run goes on by itself, so that its end is forecast."""
        return snapshot.ended is None

    @property
    def pending(self) -> Request | None:
        """The newest command sent from here without an answer."""
        return None

    def advice(self, snapshot: RunSnapshot) -> str:
        """What to do next, shown in place of the estimate."""
        return ""

    def print_line(self, text: str) -> None:
        """Add a line to the log pane at the present running time; it is not written to the journal."""
        snapshot = self.source.snapshot()
        self._printed.append(PrintedLine(snapshot.t, snapshot.step, text))
        self._printed_count += 1

    def _take_printed(self) -> None:
        with suppress(Empty):
            while True:
                self.print_line(self._incoming.get_nowait())

    def _notify_read_error(self, sentence: str) -> None:
        if sentence != self._read_error:
            self._read_error = sentence
            self.print_line(sentence)
            self.notify(sentence, severity="error", markup=False)

    def on_key(self) -> None:
        """Report any key to the frame budget."""
        self._budget.input_seen()

    def on_click(self) -> None:
        """Report any click to the frame budget."""
        self._budget.input_seen()

    def on_resize(self, event: events.Resize) -> None:
        """Draw again: other panes may be visible."""
        self.call_after_refresh(self.refresh_now)

    def action_browse_samples(self) -> None:
        """Open the sample browser at the run's present position."""
        snapshot = self.source.snapshot()
        samples = snapshot.samples
        newest = len(samples) == len(snapshot.state.samples)
        at = samples[-1] if samples and not newest else None
        self.post_message(SamplesRequested(state=snapshot.state, at=at, folder=self.run_folder))

    def action_letters(self) -> None:
        """Open the letter board."""
        self.post_message(LettersRequested(snapshot=self.source.snapshot(), folder=self.run_folder))

    def action_milestones(self) -> None:
        """Open the list of milestones."""
        snapshot = self.source.snapshot()
        to_come = len(snapshot.state.milestones) > 0 or snapshot.state.at().ended is None
        self.app.push_screen(MilestonesScreen(MilestonesPane(snapshot.milestones, self.charset, to_come=to_come)))

    def announce(self, snapshot: RunSnapshot) -> None:
        """Show a toast about new milestones, those of a short time together."""
        if self._new_milestones is not None:
            news = self._new_milestones.look(snapshot)
            group = self._milestone_groups.add(news, is_last=snapshot.ended is not None)
            sentence = milestone_announcement(group, self.glyphs)
            if sentence and self.app.size.height >= MIN_ROWS_FOR_TOAST:
                self.notify(sentence, markup=False, timeout=6)

    def action_chat(self) -> None:
        """Chat with a checkpoint of this run."""
        if self.run_folder is None:
            self.notify("Only the recording is here, not its model: nobody to talk to.", markup=False, timeout=4)
        else:
            self.post_message(ChatRequested(self.display_run_name, lambda: self.run_folder, self.source.state))

    @property
    def display_run_name(self) -> str:
        """The name of the run to display."""
        started = self.source.state.started
        return started.name if started else self.run_title or "The run"

    def action_back(self) -> None:
        """Restore a maximised pane, else clear the crosshair, else leave."""
        if self.maximised_pane is not None:
            self._maximise(None)
        elif self._loss.crosshair_step is not None:
            self._loss.clear_crosshair()
        else:
            self.action_leave_ended()

    def action_leave_ended(self) -> None:
        """Return to the list of runs; the app asks first if the run trains here."""
        self.post_message(LeaveRequested())

    @on(DialsPane.Chosen)
    def _dial_chosen(self, message: DialsPane.Chosen) -> None:
        self.choose_dial(message.dial)

    def choose_dial(self, name: str) -> None:
        """A dial was clicked; only a run that trains here can change it."""
        self.action_refuse("live.dial")

    def action_refuse(self, command_id: str) -> None:
        """Say why a command of a live run is not available here."""
        self.notify(f"{COMMANDS_BY_ID[command_id].title}: {self.refusal}", markup=False, timeout=4)
