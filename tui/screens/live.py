"""A run that this program trains: the run screen with the keys that steer it."""

from __future__ import annotations

import math
import time
from queue import SimpleQueue
from typing import ClassVar

from textual.binding import BindingType

from babytrain.runs.eta import SecondsRange, estimate_eta
from babytrain.runs.events import CommandAction, Request
from babytrain.runs.state import Moment
from babytrain.tui.charset import CharsetName
from babytrain.tui.frame_budget import TICK_SECONDS
from babytrain.tui.keymap import MODES, Mode, bindings_in, live_refusals
from babytrain.tui.launcher import TrainingSession
from babytrain.tui.messages import LiveScreenPainted
from babytrain.tui.screens.ask import AskScreen
from babytrain.tui.screens.run import RunScreen
from babytrain.tui.source import LiveSource
from babytrain.tui.widgets.progress_header import HeaderFacts
from babytrain.tui.widgets.units import format_learning_rate
from babytrain.tui.wording import State, learning_rate_dial, state_of

LR_STEP = 1.1
SMALLEST_FACTOR, LARGEST_FACTOR = 1e-6, 1e6
LONGEST_NOTE = 2000
_LIVE_ACTIONS = frozenset(
    {
        "toggle_pause",
        "scale_lr",
        "type_lr",
        "sample_now",
        "evaluate_now",
        "checkpoint_now",
        "note",
        "advance",
    }
)


class LiveScreen(RunScreen):
    """`session_over` is called by the app when the session's thread has ended."""

    mode: ClassVar[Mode] = "live"
    sample_hint: ClassVar[str] = "Nothing written yet; s asks for a sample now."
    # The refusals come last: they are reached when the commands are switched off, after the end of the run.
    BINDINGS: ClassVar[list[BindingType]] = [*bindings_in(*MODES["live"]), *live_refusals()]

    def __init__(self, session: TrainingSession, charset: CharsetName, printed: SimpleQueue[str] | None = None) -> None:
        super().__init__(LiveSource(session.feed), "", charset, printed)
        self.session = session
        self.over = False
        self._request: Request | None = None  # the newest command
        self._commands_before = 0  # how many commands were on record when it was sent
        self._goal: tuple[CommandAction, float] | None = None  # the learning rate asked for last
        self._goal_unsent = False
        self._goal_sent_at = -math.inf

    def on_mount(self) -> None:
        """The engine waits for the first paint, since loading torch takes the interpreter's lock for seconds."""
        self.call_after_refresh(self.post_message, LiveScreenPainted())

    # how it stands

    def session_over(self) -> None:
        """Training has ended and everything is saved, or it has failed."""
        self.over = True
        self.look()
        if self.session.error and self.source.moment().ended is None:
            self.print_line(self.session.error)  # it failed before it could write this into the journal
        self.refresh_bindings()
        self.refresh_now()

    @property
    def display_name(self) -> str:
        """What to call the run in a question."""
        started = self.source.state.started
        return started.name if started else "The run"

    def run_state(self, moment: Moment) -> State:
        """Also knows of sessions that failed before they could say so."""
        return state_of(moment, self.glyphs, error=self.session.error if self.over else None)

    def estimate(self, moment: Moment) -> SecondsRange | None:
        """Only while it trains."""
        return None if self.over else estimate_eta(moment)

    def advice(self, moment: Moment) -> str:
        """When it is over: how it went and where to go."""
        if not self.over:
            return ""
        return self.session.error or "enter: runs, q: quit"

    def header_facts(self, moment: Moment) -> HeaderFacts:
        """The estimate counts running time, which a pause stops."""
        return HeaderFacts(
            moment,
            self.run_state(moment),
            self.estimate(moment),
            self.advice(moment),
            self.run_title,
            paused=moment.phase == "paused" and not self.over,
        )

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """A run that is over takes no commands; one that trains is not left by Enter."""
        if action in _LIVE_ACTIONS:
            return not self.over
        if action in ("refuse", "leave_ended"):
            return self.over
        return super().check_action(action, parameters)

    def refusal(self) -> str:
        """Why nothing happens."""
        return "this run is over."

    # steering it

    def ask(self, action: CommandAction, value: float | None = None, text: str = "") -> None:
        """Send a command, and show at once that it was asked."""
        self._commands_before = len(self.source.state.commands)
        self._request = self.source.ask(action, value, text)
        self.refresh_now()

    @property
    def pending(self) -> Request | None:
        """The newest command, while it has no answer. Ids begin anew with each session: older answers do not count."""
        request = self._request
        if request is None:
            return None
        newer = self.source.state.commands.events[self._commands_before :]
        answered = any(command.command_id == request.command_id and command.status != "asked" for command in newer)
        return None if answered else request

    def is_pending(self, *actions: CommandAction) -> bool:
        """Whether the newest command is one of these and has no answer yet."""
        return self.pending is not None and self.pending.action in actions

    def action_toggle_pause(self) -> None:
        """Pause, or go on."""
        paused = self.source.moment().phase == "paused"
        pending = self.pending
        if pending is not None and pending.action in ("pause", "resume", "advance"):
            paused = pending.action != "resume"
        self.ask("resume" if paused else "pause")

    def action_advance(self) -> None:
        """One step, then pause."""
        self._ask_once("advance", 1)

    def action_sample_now(self) -> None:
        """A sample, between two steps."""
        self._ask_once("sample")

    def action_evaluate_now(self) -> None:
        """An evaluation, between two steps."""
        self._ask_once("evaluate")

    def action_checkpoint_now(self) -> None:
        """A checkpoint, between two steps."""
        self._ask_once("checkpoint")

    def _ask_once(self, action: CommandAction, value: float | None = None) -> None:
        """A key that is held down asks again only once the first wish was granted."""
        if not self.is_pending(action):
            self.ask(action, value)

    def action_note(self) -> None:
        """A line for the log."""

        def done(text: str | None) -> None:
            if text:
                self.ask("note", text=text[:LONGEST_NOTE])

        self.app.push_screen(AskScreen("A note for the log", placeholder="what happened, what you tried"), done)

    def action_type_lr(self) -> None:
        """Hold the learning rate at a typed value, or give it back."""

        def done(text: str | None) -> None:
            if text is None:
                return
            self._goal = ("lr_hold", float(text)) if text else None
            if self._goal is not None:
                self.ask(*self._goal)
            else:
                self.ask("lr_release")

        current = format_learning_rate(self.source.moment().learning_rate)
        self.app.push_screen(
            AskScreen(
                "Learning rate",
                detail=f"Now {current}. A number holds it there; nothing gives it back to the schedule.",
                placeholder="such as 1e-3",
                check=learning_rate_problem,
            ),
            done,
        )

    def action_scale_lr(self, direction: int) -> None:
        """One notch up or down, from what was asked for last."""
        action, value = self._learning_rate_goal()
        value = float(f"{value * LR_STEP**direction:.6g}")
        if action == "lr_scale":
            value = min(LARGEST_FACTOR, max(SMALLEST_FACTOR, value))
        self._goal = (action, value)
        # A held key comes thirty times a second: the first press goes at once, of the others only the newest.
        if time.monotonic() - self._goal_sent_at >= TICK_SECONDS:
            self._send_goal()
        else:
            self._goal_unsent = True

    def before_frame(self) -> None:
        """Send the newest of the presses that came too fast."""
        if self._goal_unsent:
            self._send_goal()

    def _send_goal(self) -> None:
        self._goal_unsent = False
        self._goal_sent_at = time.monotonic()
        if self._goal is not None and not self.over:
            self.ask(*self._goal)

    def _learning_rate_goal(self) -> tuple[CommandAction, float]:
        """Where the dial stands, counting what is on its way."""
        if self._goal is not None and (self._goal_unsent or self.is_pending("lr_scale", "lr_hold")):
            return self._goal
        dial = learning_rate_dial(self.source.moment().commands)
        if dial.held is None or self.is_pending("lr_release"):
            return "lr_scale", dial.factor
        return "lr_hold", dial.held


def learning_rate_problem(text: str) -> str | None:
    """What is wrong with a typed learning rate, None when it will do."""
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        return f"{text!r} is not a number; write 0.001 or 1e-3."
    if not math.isfinite(value) or value <= 0:
        return "A learning rate is a number above zero, such as 1e-3."
    return None
