"""A run that this program trains: the run screen with the keys that steer it."""

from __future__ import annotations

from collections.abc import Sequence
from queue import SimpleQueue
from typing import ClassVar

from textual.binding import BindingType

from babytrain.runs.forecast.value_range import ValueRange
from babytrain.runs.state.run_state import RunSnapshot
from babytrain.tui.dials.dial_input import DialRule
from babytrain.tui.engine_client.engine_thread import TrainingSession
from babytrain.tui.engine_client.run_sources import LiveSource
from babytrain.tui.keys.keymap import SCOPES_BY_MODE, KeyMode, bindings_in, commands_in, ended_run_refusal_bindings
from babytrain.tui.notifications import NewMilestones, Notifier
from babytrain.tui.screens.messages import ChatRequested, ForkRequested, LiveScreenPainted
from babytrain.tui.screens.run.steering_screen import SteeringScreen
from babytrain.tui.terminal.charset import CharsetName
from babytrain.tui.text.wording import StatusLabel, run_status_label

# A run that is over takes none of these; it can still be forked.
_LIVE_ACTIONS = frozenset(command.action.partition("(")[0] for command in commands_in("live")) - {"fork_run"}


class LiveScreen(SteeringScreen):
    """`session_over` is called by the app when the session's thread has ended."""

    mode: ClassVar[KeyMode] = "live"
    refusal: ClassVar[str] = "this run is over."
    # The refusals come last: they are reached when the commands are switched off, after the end of the run.
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
        self._notifier = notifier

    def on_mount(self) -> None:
        """The engine waits for the first paint, since loading torch takes the interpreter's lock for seconds."""
        self.call_after_refresh(self.post_message, LiveScreenPainted())

    def session_over(self) -> None:
        """Training has ended and everything is saved, or it has failed."""
        self.over = True
        self.live_source.thread_ended = True
        snapshot = self.read_source()
        if self.session.error and self.source.snapshot().ended is None:
            self.print_line(self.session.error)  # it failed before it could write this into the journal
        if self._notifier is not None:
            self._notifier.look(snapshot, self.session.run_dir)
            self._notifier.notify_end(snapshot, self.session.run_dir, self.session.error)
        self.refresh_bindings()
        self.refresh_now()

    def run_status(self, snapshot: RunSnapshot) -> StatusLabel:
        """Also knows of sessions that failed before they could say so."""
        return run_status_label(snapshot, self.glyphs, error=self.session.error if self.over else None)

    def estimate(self, snapshot: RunSnapshot) -> ValueRange | None:
        """Only while it trains."""
        return None if self.over else super().estimate(snapshot)

    def advice(self, snapshot: RunSnapshot) -> str:
        """When it is over: how it went and where to go."""
        if not self.over:
            return ""
        return self.session.error or "enter: runs, q: quit"

    def action_chat(self) -> None:
        """Talk to the run while it trains, and afterwards to what it saved."""
        if self.over:
            super().action_chat()
        else:
            self.post_message(
                ChatRequested(self.display_run_name, lambda: self.run_folder, self.source.state, self.live_source)
            )

    def action_fork_run(self) -> None:
        """A new run from one of its checkpoints; the app asks, and stops this one first."""
        if self.session.run_dir is None:
            self.notify("There is no checkpoint yet to fork from.", markup=False, timeout=4)
        else:
            self.post_message(ForkRequested(self.session.run_dir, self.display_run_name))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """A run that is over takes no commands; one that trains is not left by Enter."""
        if action in _LIVE_ACTIONS:
            return not self.over
        if action in ("refuse", "leave_ended"):
            return self.over
        return super().check_action(action, parameters)

    def before_frame(self) -> None:
        """Send the step of a dial that waits, and notify a person who is not looking."""
        self.send_waiting_dial_step()
        self._announce_disk_wait()
        if self._notifier is not None and not self.over:
            self._notifier.look(self.source.snapshot(), self.session.run_dir)

    def _announce_disk_wait(self) -> None:
        """A run at its end that finds no room on the disk: said above whatever dialog is open."""
        snapshot = self.source.snapshot()
        waits = not self.over and snapshot.phase == "stopping" and bool(snapshot.failing_storage)
        if waits and not self._disk_wait_announced:
            sentence = "The disk takes no checkpoint: make room and it is saved. Ctrl-C twice leaves without it."
            self.notify(sentence, severity="error", markup=False, timeout=20)
        self._disk_wait_announced = waits
