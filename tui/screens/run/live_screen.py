"""The screen of a run that trains in this process."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue
from typing import ClassVar

from textual import on
from textual.binding import BindingType

from babytrain.runs.state.run_state import RunSnapshot
from babytrain.tui.dials.dial_input import DialRule
from babytrain.tui.engine_client.engine_thread import TrainingSession
from babytrain.tui.engine_client.run_sources import LiveSource
from babytrain.tui.keys.keymap import SCOPES_BY_MODE, KeyMode, bindings_in, commands_in, ended_run_refusal_bindings
from babytrain.tui.notifications import NewMilestones, Notifier
from babytrain.tui.screens.messages import ChatRequested, EngineAnswered, ForkRequested, LiveScreenPainted
from babytrain.tui.screens.run.steering_screen import SteeringScreen
from babytrain.tui.terminal.charset import CharsetName
from babytrain.tui.terminal.safe_text import safe_line
from babytrain.tui.text.wording import StatusLabel, run_status_label
from babytrain.tui.widgets.run.dials_pane import DialsPane

# Disabled once the run has ended; forking stays available.
_LIVE_ACTIONS = frozenset(command.action.partition("(")[0] for command in commands_in("live")) - {"fork_run"}


class LiveScreen(SteeringScreen):
    """The app calls `session_over` when the session's thread has ended."""

    mode: ClassVar[KeyMode] = "live"
    refusal: ClassVar[str] = "this run is over."
    # The refusals come last: they apply when the commands are disabled after the end of the run.
    BINDINGS: ClassVar[list[BindingType]] = [*bindings_in(*SCOPES_BY_MODE["live"]), *ended_run_refusal_bindings()]

    def __init__(
        self,
        session: TrainingSession,
        charset: CharsetName,
        printed: SimpleQueue[str] | None = None,
        *,
        dials: Sequence[DialRule] = (),
        notifier: Notifier | None = None,
    ) -> None:
        super().__init__(LiveSource(session.feed), charset, lambda: session.run_dir, printed, dials)
        self.session = session
        self._new_milestones = NewMilestones()
        self._disk_wait_announced = False
        self._known_dir: Path | None = None
        self._notifier = notifier

    def on_mount(self) -> None:
        """Start the session after the first paint, since importing torch holds the interpreter lock for seconds."""
        self.call_after_refresh(self.post_message, LiveScreenPainted())

        self.session.feed.on_answer = self._wake

    def _wake(self) -> None:
        """Called in the engine's thread."""
        with suppress(RuntimeError):  # the app has ended while the engine still saves
            self.post_message(EngineAnswered())

    @on(EngineAnswered)
    def _engine_answered(self) -> None:
        if not self.can_draw:
            return
        self.query_one(DialsPane).show(self.read_source(), self.pending)
        if self.pending is None:  # with a key held down the next command waits already, and the rest can wait too
            self._budget.answered()
            self.tick()

    def session_over(self) -> None:
        """Training has ended and is saved, or has failed."""
        self.over = True
        self.live_source.thread_ended = True
        snapshot = self.read_source()
        ended = self.source.snapshot().ended
        if self.session.error and (ended is None or ended.t <= self.session.feed.history_t):
            self.print_line(self.session.error)  # it failed before this could be journaled
        if self._notifier is not None:
            self._notifier.look(snapshot, self.session.run_dir)
            self._notifier.notify_end(snapshot, self.session.run_dir, self.session.error)
        self.refresh_bindings()
        self.refresh_now()

    def run_status(self, snapshot: RunSnapshot) -> StatusLabel:
        """Also covers sessions that failed before writing to the journal."""
        return run_status_label(snapshot, self.glyphs, error=self.session.error if self.over else None)

    def is_under_way(self, snapshot: RunSnapshot) -> bool:
        """Not after the end, even where that is not on record."""
        return not self.over and super().is_under_way(snapshot)

    def advice(self, snapshot: RunSnapshot) -> str:
        """After the end: the result and what to do next."""
        if not self.over:
            return ""
        return self.session.error or "enter: runs, q: quit"

    def action_chat(self) -> None:
        """Chat with the run while it trains, afterwards with its checkpoint."""
        if self.over:
            super().action_chat()
        else:
            self.post_message(
                ChatRequested(self.display_run_name, lambda: self.run_folder, self.source.state, self.live_source)
            )

    def action_fork_run(self) -> None:
        """Fork the run; the app asks, and stops this run first."""
        if self.session.run_dir is None:
            self.notify("There is no checkpoint yet to fork from.", markup=False, timeout=4)
        else:
            self.post_message(ForkRequested(self.session.run_dir, self.display_run_name))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Disable run commands after the end, and leaving by Enter before it."""
        if action in _LIVE_ACTIONS:
            return not self.over
        if action in ("refuse", "leave_ended"):
            return self.over
        return super().check_action(action, parameters)

    def before_frame(self) -> None:
        """Send the waiting dial step, and notify a user who is away."""
        self.send_waiting_dial_step()
        self._announce_disk_wait()
        self._announce_new_folder()
        if self._notifier is not None and not self.over:
            self._notifier.look(self.source.snapshot(), self.session.run_dir)

    def _announce_new_folder(self) -> None:
        """Announce that the run goes on in another folder because its own went away."""
        before, self._known_dir = self._known_dir, self.session.run_dir
        if before not in (None, self._known_dir):
            sentence = f"The folder of this run went away: it is saved in {self._known_dir} and goes on there."
            self.notify(safe_line(sentence), severity="error", markup=False, timeout=20)

    def _announce_disk_wait(self) -> None:
        """Announce, above any open dialog, that the final checkpoint waits for disk space."""
        snapshot = self.source.snapshot()
        waits = not self.over and snapshot.phase == "stopping" and bool(snapshot.failing_storage)
        if waits and not self._disk_wait_announced:
            sentence = "The disk takes no checkpoint: make room and it is saved. Ctrl-C twice leaves without it."
            self.notify(sentence, severity="error", markup=False, timeout=20)
        self._disk_wait_announced = waits
