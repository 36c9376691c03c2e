"""How a person steers a run that trains: keys and dialogs become commands, each shown until it has its answer."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from queue import SimpleQueue
from typing import ClassVar

from babytrain.runs.events import Advice, CommandAction, Request
from babytrain.tui.charset import CharsetName
from babytrain.tui.dial_input import (
    LONGEST_RUN,
    DialRule,
    parse_changes,
    problem_in,
    rule_in_progress,
    steps_typed,
)
from babytrain.tui.dial_steps import LEARNING_RATE, edge_words, next_change
from babytrain.tui.engine_client.run_sources import LiveSource
from babytrain.tui.frame_budget import TICK_SECONDS
from babytrain.tui.health_lines import is_followed
from babytrain.tui.safe_text import safe_line
from babytrain.tui.screens.ask import AskScreen, ConfirmScreen
from babytrain.tui.screens.base import PaletteEntry
from babytrain.tui.screens.run import RunScreen
from babytrain.tui.widgets.dials_pane import DialsPane
from babytrain.tui.widgets.units import UNKNOWN, format_count, format_learning_rate, format_loss
from babytrain.tui.wording import format_position

LONGEST_NOTE = 2000
LONGEST_NAME = 80


class SteeringScreen(RunScreen):
    """A run screen whose run takes commands until it is `over`."""

    sample_hint: ClassVar[str] = "Nothing written yet; s asks for a sample now."

    def __init__(
        self, source: LiveSource, charset: CharsetName, printed: SimpleQueue[str] | None, dials: Sequence[DialRule]
    ) -> None:
        super().__init__(source, "", charset, printed)
        self._dial_rules = tuple(dials)
        self.over = False
        self._request: Request | None = None  # the newest command
        self._commands_before = 0  # how many commands were on record when it was sent
        self._goal: Request | None = None  # the newest step of a dial
        self._goal_unsent = False
        self._goal_sent_at = -math.inf
        self._edge = ""  # the dial of which was said that it goes no further

    def on_mount(self) -> None:
        """Here the dials can be chosen and turned."""
        self.query_one(DialsPane).can_choose = True

    def ask(self, action: CommandAction, value: float | None = None, text: str = "", dial: str = "") -> None:
        """Send a command, after the step of a dial that still waits, and show at once that it was asked."""
        self.send_what_waits()  # or an undo would come before what it takes back
        self._send_request(action, value, text, dial)
        self.refresh_now()

    def _send_request(self, action: CommandAction, value: float | None = None, text: str = "", dial: str = "") -> None:
        self._commands_before = len(self.source.state.commands)
        self._request = self.source.ask(action, value, text, dial)

    @property
    def pending(self) -> Request | None:
        """The newest command, while it has no answer. Ids begin anew with each session: older answers do not count."""
        if self._goal_unsent and self._goal is not None:
            return self._goal
        request = self._request
        if request is None:
            return None
        newer = self.source.state.commands.events[self._commands_before :]
        answered = any(command.command_id == request.command_id for command in newer)
        return None if answered else request

    def is_pending(self, *actions: CommandAction) -> bool:
        """Whether the newest command is one of these and has no answer yet."""
        return self.pending is not None and self.pending.action in actions

    def action_toggle_pause(self) -> None:
        """Pause, or go on."""
        paused = self.source.moment().phase in ("paused", "resting")
        pending = self.pending
        if pending is not None and pending.action in ("pause", "resume", "advance"):
            paused = pending.action != "resume"
        self.ask("resume" if paused else "pause")

    def action_advance(self) -> None:
        """One step, then pause."""
        self._ask_once("advance", 1)

    def action_advance_many(self) -> None:
        """As many steps as are typed, then pause."""
        self._ask_for_steps("Run some steps, then pause", "advance")

    def action_rewarm(self) -> None:
        """A second warm-up of the learning rate."""
        self._ask_for_steps("Warm the learning rate up again, over how many steps?", "rewarm")

    def _ask_for_steps(self, question: str, action: CommandAction) -> None:
        limits = next((rule.limits for rule in self._dial_rules if rule.action == action), None)
        most = LONGEST_RUN if limits is None else int(limits[1])

        def done(text: str | None) -> None:
            if text:
                self.ask(action, float(steps_typed(text) or 0))

        def check(text: str) -> str | None:
            fits = 1 <= (steps_typed(text) or 0) <= most
            return None if fits else f"Type a number of steps between 1 and {most:,}, such as 100."

        self.app.push_screen(AskScreen(question, placeholder="such as 100", check=check), done)

    def _send_changes(self, typed: str) -> None:
        """Every change in a line that will do."""
        for change in parse_changes(typed, self._dial_rules):
            self.ask(change.action, change.value, change.text, change.dial)

    def action_sample_now(self) -> None:
        """A sample, between two steps."""
        self._ask_once("sample")

    def action_evaluate_now(self) -> None:
        """An evaluation, between two steps."""
        self._ask_once("evaluate")

    def action_checkpoint_now(self) -> None:
        """A checkpoint, between two steps."""
        self._ask_once("checkpoint")

    def action_checkpoint_named(self) -> None:
        """A checkpoint with a name, which is never tidied away."""

        def done(text: str | None) -> None:
            if text:
                self.ask("checkpoint", text=text[:LONGEST_NAME])

        self.app.push_screen(AskScreen("Save a checkpoint under a name", placeholder="before-the-cliff"), done)

    def action_go_back_to(self) -> None:
        """To any checkpoint of this run."""
        saved = {event.directory.rpartition("/")[2]: event for event in self.source.moment().checkpoints}
        dot = f" {self.glyphs.dot} "
        known = dot.join(event.name or format_count(event.step) for event in list(saved.values())[-12:])

        def done(text: str | None) -> None:
            if text:
                self.ask("go_back", text=text[:LONGEST_NAME])

        self.app.push_screen(
            AskScreen(
                "Back to which checkpoint?",
                detail="A step, a name, best or last. The steps after it are given up; dials stay as they are.",
                placeholder="best",
                below=f"Saved: {known}" if known else "",
            ),
            done,
        )

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

        current = format_learning_rate(self.source.moment().learning_rate)

        def done(text: str | None) -> None:
            if text:
                self._send_changes(f"{LEARNING_RATE} {text}")
            elif text is not None:
                self.ask("lr_release")

        self.app.push_screen(
            AskScreen(
                "Learning rate",
                detail=f"Now {current}. A number holds it there; nothing gives it back to the schedule.",
                placeholder="such as 1e-3",
                check=lambda text: problem_in(f"{LEARNING_RATE} {text}", self._dial_rules) if text else None,
            ),
            done,
        )

    def action_turn_dial(self, name: str = "") -> None:
        """Type the new position of one dial, or of several."""
        name = name or self.query_one(DialsPane).chosen

        def done(text: str | None) -> None:
            if text:
                self._send_changes(text)

        self.app.push_screen(
            AskScreen(
                "Turn a dial",
                detail="Its name and its new position, such as dropout 0.1. Several with commas between them.",
                initial=f"{name} " if name else "",
                placeholder="dropout 0.1, weight_decay 0.2",
                check=lambda text: problem_in(text, self._dial_rules),
                hint=self._dial_hint,
                below=self._all_dials(),
            ),
            done,
        )

    def _dial_hint(self, typed: str) -> str:
        """What is known about the dial that is being typed."""
        rule = rule_in_progress(typed, self._dial_rules)
        if rule is None:
            return " "
        return f"{rule.name}: {rule.explanation}. {rule.allowed}; now {self._shown_position(rule.name)}."

    def _shown_position(self, name: str) -> str:
        moment = self.source.moment()
        if name == LEARNING_RATE:
            return format_learning_rate(moment.learning_rate)
        position = moment.dials.position({"rewarm": "rewarm_steps", "steps": "total_steps"}.get(name, name))
        return UNKNOWN if position is None else format_position(position)

    def _all_dials(self) -> str:
        dot = f" {self.glyphs.dot} "
        return "Now: " + dot.join(f"{rule.name} {self._shown_position(rule.name)}" for rule in self._dial_rules)

    def action_undo_turn(self) -> None:
        """Take back the newest turn."""
        self._ask_once("undo")

    def action_go_back(self) -> None:
        """To the best checkpoint, after a question."""
        self._confirm_going_back(Advice(label="", action="go_back", text="best"))

    def action_apply_advice(self, which: int) -> None:
        """Do what the diagnosis advises (1), or the other thing (2)."""
        moment = self.source.moment()
        verdict = moment.verdict
        advice = None if verdict is None else verdict.advice if which == 1 else verdict.alternative
        if advice is None:
            self.notify("The diagnosis has no such advice now.", markup=False, timeout=4)
        elif is_followed(moment, advice):
            self.notify(f"Done already: {safe_line(advice.label, 60)}.", markup=False, timeout=4)
        elif advice.action == "go_back":
            self._confirm_going_back(advice)
        elif advice.action == "stop":
            self._confirm(f"{safe_line(advice.label, 60).capitalize()}?", "A checkpoint is saved first.", advice)
        elif not self.is_pending(advice.action):
            self._send(advice)

    def _confirm_going_back(self, advice: Advice) -> None:
        moment = self.source.moment()
        best = moment.best_eval
        detail = "Training goes on from there; the steps after it are given up. Dials stay as they are."
        if best is not None:
            where = f"Step {format_count(best.step)}, val {format_loss(best.val_loss)}: now it is step"
            detail = f"{where} {format_count(moment.step)}. {detail}"
        self._confirm("Back to the best checkpoint?", detail, advice)

    def _confirm(self, question: str, detail: str, advice: Advice) -> None:
        def done(agreed: bool | None) -> None:
            if agreed and not self.over:
                self._send(advice)

        self.app.push_screen(ConfirmScreen(question, detail=detail), done)

    def _send(self, advice: Advice) -> None:
        self.ask(advice.action, advice.value, advice.text, advice.dial)

    def choose_dial(self, name: str) -> None:
        """A dial was clicked."""
        if self.over:
            self.action_refuse("live.dial")
        elif name == "lr":
            self.action_type_lr()
        else:
            self.action_turn_dial(name)

    def palette_entries(self) -> Sequence[PaletteEntry]:
        """Every dial by its name."""
        if self.over:
            return ()
        return [
            PaletteEntry(
                f"Set the {rule.name.replace('_', ' ')}{self.glyphs.ellipsis}",
                f"{rule.explanation[0].upper()}{rule.explanation[1:]}: {rule.allowed}.",
                f"turn_dial('{rule.name}')",
            )
            for rule in self._dial_rules
        ]

    def action_step_dial(self, direction: int) -> None:
        """One step up or down, from what was asked for last: the dial chosen in the dials pane, or else the lr."""
        pane = self.query_one(DialsPane)
        name = pane.chosen or LEARNING_RATE
        change = next_change(name, direction, self.source.moment().dials, self.pending, self._dial_rules)
        if change is None:
            self._tell_edge(name)
            return
        if self._goal_unsent and self._goal is not None and self._goal.dial != change.dial:
            self._send_goal()  # another dial was moved a moment ago
        self._goal = change
        # A held key comes thirty times a second: the first press goes at once, of the others only the newest. What is
        # asked is shown with every press, but only in the pane that says so: training waits while anything is drawn.
        if time.monotonic() - self._goal_sent_at >= TICK_SECONDS:
            self._send_goal()
        else:
            self._goal_unsent = True
        pane.show(self.source.moment(), self.pending)

    def _tell_edge(self, name: str) -> None:
        """Why a step does nothing, once and not for every press of a held key."""
        if self._edge != name:
            self._edge = name
            why = edge_words(name, self.source.moment().dials, self._dial_rules)
            self.notify(f"{why}; d types it.", markup=False, timeout=4)

    def send_what_waits(self) -> None:
        """The newest of the presses that came too fast."""
        if self._goal_unsent:
            self._send_goal()

    def _send_goal(self) -> None:
        self._goal_unsent = False
        self._goal_sent_at = time.monotonic()
        self._edge = ""
        if self._goal is not None and not self.over:
            self._send_request(self._goal.action, self._goal.value, self._goal.text, self._goal.dial)
