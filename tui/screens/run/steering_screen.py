"""How a person steers a run that trains: keys and dialogs become commands, each shown until it has its answer."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from queue import SimpleQueue
from typing import ClassVar

from babytrain.runs.events import CommandAction, Request, SuggestedCommand
from babytrain.tui.dials.dial_input import (
    MAX_RUN_STEPS,
    DialRule,
    old_names_typed,
    parse_changes,
    problem_in,
    rule_in_progress,
    steps_typed,
)
from babytrain.tui.dials.dial_steps import LEARNING_RATE_DIAL, limit_message, next_change
from babytrain.tui.engine_client.run_sources import LiveSource
from babytrain.tui.screens.base import PaletteEntry
from babytrain.tui.screens.dialogs.question import ConfirmScreen, TextInputScreen
from babytrain.tui.screens.run.frame_budget import TICK_SECONDS
from babytrain.tui.screens.run.run_screen import RunScreen
from babytrain.tui.terminal.charset import CharsetName
from babytrain.tui.terminal.safe_text import safe_line
from babytrain.tui.text.formatting import UNKNOWN, format_count, format_learning_rate, format_loss
from babytrain.tui.text.wording import format_dial_value
from babytrain.tui.widgets.run.dials_pane import DialsPane
from babytrain.tui.widgets.run.health_bar import is_advice_followed

_MAX_NOTE = 2000
_MAX_CHECKPOINT_NAME = 80


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
        self._dial_step: Request | None = None  # the newest step of a dial
        self._dial_step_unsent = False
        self._dial_step_sent_at = -math.inf
        self._told_renames: set[str] = set()  # what was said of old names of dials
        self._limit_announced_for = ""  # the dial of which was said that it goes no further

    def on_mount(self) -> None:
        """Here the dials can be chosen and turned."""
        self.query_one(DialsPane).can_choose = True

    def ask(self, action: CommandAction, value: float | None = None, text: str = "", dial: str = "") -> None:
        """Send a command, after the step of a dial that still waits, and show at once that it was asked."""
        self.send_waiting_dial_step()  # or an undo would come before what it takes back
        self._send_request(action, value, text, dial)
        self.refresh_now()

    def _send_request(self, action: CommandAction, value: float | None = None, text: str = "", dial: str = "") -> None:
        self._commands_before = len(self.source.state.commands)
        self._request = self.source.ask(action, value, text, dial)

    @property
    def pending(self) -> Request | None:
        """The newest command, while it has no answer. Ids begin anew with each session: older answers do not count."""
        if self._dial_step_unsent and self._dial_step is not None:
            return self._dial_step
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
        paused = self.source.snapshot().phase in ("paused", "policy_pause")
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
        most = MAX_RUN_STEPS if limits is None else int(limits[1])

        def done(text: str | None) -> None:
            if text:
                self.ask(action, float(steps_typed(text) or 0))

        def check(text: str) -> str | None:
            fits = 1 <= (steps_typed(text) or 0) <= most
            return None if fits else f"Type a number of steps between 1 and {most:,}, such as 100."

        self.app.push_screen(TextInputScreen(question, placeholder="such as 100", check=check), done)

    def _send_changes(self, typed: str) -> None:
        """Every change in a line that will do."""
        for note in old_names_typed(typed):
            if note not in self._told_renames:
                self._told_renames.add(note)
                self.notify(note, markup=False, timeout=8)
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
                self.ask("checkpoint", text=text[:_MAX_CHECKPOINT_NAME])

        self.app.push_screen(TextInputScreen("Save a checkpoint under a name", placeholder="before-the-cliff"), done)

    def action_rollback_to(self) -> None:
        """To any checkpoint of this run."""
        snapshot = self.source.snapshot()
        checkpoints = snapshot.state.checkpoints.until(snapshot.t)
        saved = {event.directory.rpartition("/")[2]: event for event in checkpoints}
        dot = f" {self.glyphs.dot} "
        known = dot.join(event.name or format_count(event.step) for event in list(saved.values())[-12:])

        def done(text: str | None) -> None:
            if text:
                self.ask("rollback", text=text[:_MAX_CHECKPOINT_NAME])

        self.app.push_screen(
            TextInputScreen(
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
                self.ask("note", text=text[:_MAX_NOTE])

        self.app.push_screen(TextInputScreen("A note for the log", placeholder="what happened, what you tried"), done)

    def action_type_lr(self) -> None:
        """Hold the learning rate at a typed value, or give it back."""

        current = format_learning_rate(self.source.snapshot().learning_rate)

        def done(text: str | None) -> None:
            if text:
                self._send_changes(f"{LEARNING_RATE_DIAL} {text}")
            elif text is not None:
                self.ask("lr_release")

        self.app.push_screen(
            TextInputScreen(
                "Learning rate",
                detail=f"Now {current}. A number holds it there; nothing gives it back to the schedule.",
                placeholder="such as 1e-3",
                check=lambda text: problem_in(f"{LEARNING_RATE_DIAL} {text}", self._dial_rules) if text else None,
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
            TextInputScreen(
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
        snapshot = self.source.snapshot()
        if name == LEARNING_RATE_DIAL:
            return format_learning_rate(snapshot.learning_rate)
        position = snapshot.dials.position({"rewarm": "rewarm_steps", "steps": "total_steps"}.get(name, name))
        return UNKNOWN if position is None else format_dial_value(position)

    def _all_dials(self) -> str:
        dot = f" {self.glyphs.dot} "
        return "Now: " + dot.join(f"{rule.name} {self._shown_position(rule.name)}" for rule in self._dial_rules)

    def action_undo_turn(self) -> None:
        """Take back the newest turn."""
        self._ask_once("undo")

    def action_rollback(self) -> None:
        """To the best checkpoint, after a question."""
        self._confirm_going_back(SuggestedCommand(label="", action="rollback", text="best"))

    def action_apply_advice(self, which: int) -> None:
        """Do what the diagnosis advises (1), or the other thing (2)."""
        snapshot = self.source.snapshot()
        verdict = snapshot.verdict
        advice = None if verdict is None else verdict.advice if which == 1 else verdict.alternative
        if advice is None:
            self.notify("The diagnosis has no such advice now.", markup=False, timeout=4)
        elif is_advice_followed(snapshot, advice):
            self.notify(f"Done already: {safe_line(advice.label, 60)}.", markup=False, timeout=4)
        elif advice.action == "rollback":
            self._confirm_going_back(advice)
        elif advice.action == "stop":
            self._confirm(f"{safe_line(advice.label, 60).capitalize()}?", "A checkpoint is saved first.", advice)
        elif not self.is_pending(advice.action):
            self._send(advice)

    def _confirm_going_back(self, advice: SuggestedCommand) -> None:
        snapshot = self.source.snapshot()
        best = snapshot.best_eval
        detail = "Training goes on from there; the steps after it are given up. Dials stay as they are."
        if best is not None:
            where = f"Step {format_count(best.step)}, val {format_loss(best.val_loss)}: now it is step"
            detail = f"{where} {format_count(snapshot.step)}. {detail}"
        self._confirm("Back to the best checkpoint?", detail, advice)

    def _confirm(self, question: str, detail: str, advice: SuggestedCommand) -> None:
        def done(agreed: bool | None) -> None:
            if agreed and not self.over:
                self._send(advice)

        self.app.push_screen(ConfirmScreen(question, detail=detail), done)

    def _send(self, advice: SuggestedCommand) -> None:
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
        name = pane.chosen or LEARNING_RATE_DIAL
        change = next_change(name, direction, self.source.snapshot().dials, self.pending, self._dial_rules)
        if change is None:
            self._announce_limit(name)
            return
        if self._dial_step_unsent and self._dial_step is not None and self._dial_step.dial != change.dial:
            self._send_dial_step()  # another dial was moved a moment ago
        self._dial_step = change
        # A held key comes thirty times a second: the first press goes at once, of the others only the newest. What is
        # asked is shown with every press, but only in the pane that says so: training waits while anything is drawn.
        if time.monotonic() - self._dial_step_sent_at >= TICK_SECONDS:
            self._send_dial_step()
        else:
            self._dial_step_unsent = True
        pane.show(self.source.snapshot(), self.pending)

    def _announce_limit(self, name: str) -> None:
        """Why a step does nothing, once and not for every press of a held key."""
        if self._limit_announced_for != name:
            self._limit_announced_for = name
            why = limit_message(name, self.source.snapshot().dials, self._dial_rules)
            self.notify(f"{why}; d types it.", markup=False, timeout=4)

    def send_waiting_dial_step(self) -> None:
        """The newest of the presses that came too fast."""
        if self._dial_step_unsent:
            self._send_dial_step()

    def _send_dial_step(self) -> None:
        self._dial_step_unsent = False
        self._dial_step_sent_at = time.monotonic()
        self._limit_announced_for = ""
        if self._dial_step is not None and not self.over:
            self._send_request(
                self._dial_step.action, self._dial_step.value, self._dial_step.text, self._dial_step.dial
            )
