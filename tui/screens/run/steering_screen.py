"""Commands of a person to a training run, each shown as pending until it is answered."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from queue import SimpleQueue
from typing import ClassVar

from babytrain.runs.events import CommandAction, Request, SuggestedCommand
from babytrain.runs.formatting import UNKNOWN, format_count, format_learning_rate, format_loss
from babytrain.runs.state.run_state import RunSnapshot
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
from babytrain.tui.engine_client.run_sources import LiveSource, SentRequest
from babytrain.tui.screens.base import PaletteEntry
from babytrain.tui.screens.dialogs.question import ConfirmScreen, TextInputScreen
from babytrain.tui.screens.run.run_screen import RunScreen
from babytrain.tui.terminal.charset import CharsetName
from babytrain.tui.terminal.safe_text import safe_line, safe_text
from babytrain.tui.text.wording import describe_command, format_dial_value
from babytrain.tui.widgets.run.dials_pane import DialsPane
from babytrain.tui.widgets.run.health_bar import is_advice_followed

ANSWER_TIMEOUT_SECONDS = 2.0  # then the next step of a dial is sent although the previous one is unanswered
_MAX_CHECKPOINT_NAME = 80
_STEPS_QUESTIONS: Mapping[CommandAction, str] = {
    "advance": "Run some steps, then pause",
    "rewarm": "Warm the learning rate up again, over how many steps?",
}


class SteeringScreen(RunScreen):
    """A run screen whose run takes commands until it is `over`."""

    sample_hint: ClassVar[str] = "Nothing written yet; s asks for a sample now."

    def __init__(
        self,
        source: LiveSource,
        charset: CharsetName,
        folder: Callable[[], Path | None],
        printed: SimpleQueue[str] | None,
        dials: Sequence[DialRule],
    ) -> None:
        super().__init__(source, "", charset, folder, printed)
        self.live_source = source
        self._dial_rules = tuple(dials)
        self.over = False
        self._newest: SentRequest | None = None
        self._dial_step: SentRequest | None = None  # the newest dial step that was sent
        self._waiting_dial_step: Request | None = None  # waits until the one above is answered
        self._explained_names: set[str] = set()  # sentences on old names of dials already shown
        self._limit_announced_for = ""  # the dial whose limit was already announced
        self._unanswered: list[SentRequest] = []

    def on_mount(self) -> None:
        """Let the dials pane select dials."""
        self.query_one(DialsPane).can_choose = True

    def ask(self, action: CommandAction, value: float | None = None, text: str = "", dial: str = "") -> None:
        """Send a command, after the waiting dial step, and show it as pending."""
        self._send_dial_step()  # keeps the order, or an undo would precede the change it reverts
        self._newest = self._sent(self.live_source.ask(action, value, text, dial))
        self.refresh_now()

    def _sent(self, request: SentRequest) -> SentRequest:
        self._unanswered.append(request)
        return request

    def announce(self, snapshot: RunSnapshot) -> None:
        """Also say which commands were refused and why, whole: the panes may have no room for it."""
        super().announce(snapshot)
        answers = [(sent, sent.answer(snapshot.state)) for sent in self._unanswered]
        self._unanswered = [sent for sent, answer in answers if answer is None]
        for _, answer in answers:
            if answer is not None and answer.status == "refused":
                words = describe_command(answer.action, answer.value, answer.text, self.glyphs, answer.dial)
                sentence = safe_text(f"{words}: {answer.reason}")
                self.notify(sentence, severity="warning", markup=False, timeout=max(6.0, len(sentence) / 18))

    def action_ask_once(self, action: CommandAction, value: float | None = None) -> None:
        """Send a command unless the same one is pending, as with a held key."""
        if not self.is_pending(action):
            self.ask(action, value)

    def _ask_typed(self, dialog: TextInputScreen, send: Callable[[str], None]) -> None:
        self.app.push_screen(dialog, lambda text: send(text) if text else None)

    @property
    def pending(self) -> Request | None:
        """The newest command, while it is unanswered."""
        if self._waiting_dial_step is not None:
            return self._waiting_dial_step
        newest = self._newest
        return newest.request if newest is not None and newest.answer(self.source.state) is None else None

    def is_pending(self, *actions: CommandAction) -> bool:
        """Whether the newest command is one of these and unanswered."""
        return self.pending is not None and self.pending.action in actions

    def action_toggle_pause(self) -> None:
        """Pause or resume."""
        paused = self.source.snapshot().phase in ("paused", "policy_pause")
        if self.is_pending("pause", "resume", "advance"):
            paused = not self.is_pending("resume")
        self.ask("resume" if paused else "pause")

    def action_ask_for_steps(self, action: CommandAction) -> None:
        """Ask for a number of steps and send the command with it."""
        limits = next((rule.limits for rule in self._dial_rules if rule.action == action), None)
        most = MAX_RUN_STEPS if limits is None else int(limits[1])

        def check(text: str) -> str | None:
            fits = 1 <= (steps_typed(text) or 0) <= most
            return None if fits else f"Type a number of steps between 1 and {most:,}, such as 100."

        dialog = TextInputScreen(_STEPS_QUESTIONS[action], placeholder="such as 100", check=check)
        self._ask_typed(dialog, lambda text: self.ask(action, float(steps_typed(text) or 0)))

    def action_checkpoint_named(self) -> None:
        """Save a named checkpoint, which is never deleted to free space."""
        dialog = TextInputScreen("Save a checkpoint under a name", placeholder="before-the-cliff")
        self._ask_typed(dialog, lambda text: self.ask("checkpoint", text=text[:_MAX_CHECKPOINT_NAME]))

    def action_note(self) -> None:
        """Add a note to the log."""
        dialog = TextInputScreen("A note for the log", placeholder="what happened, what you tried")
        self._ask_typed(dialog, lambda text: self.ask("note", text=text[:2000]))

    def action_rollback_to(self) -> None:
        """Roll back to a chosen checkpoint of this run."""
        snapshot = self.source.snapshot()
        checkpoints = snapshot.state.checkpoints.until(snapshot.t)
        saved = {event.directory.rpartition("/")[2]: event for event in checkpoints}
        dot = f" {self.glyphs.dot} "
        known = dot.join(event.name or format_count(event.step) for event in list(saved.values())[-12:])
        dialog = TextInputScreen(
            "Back to which checkpoint?",
            detail="A step, a name, best or last. The steps after it are given up; dials stay as they are.",
            placeholder="best",
            below=f"Saved: {known}" if known else "",
        )
        self._ask_typed(dialog, lambda text: self.ask("rollback", text=text[:_MAX_CHECKPOINT_NAME]))

    def action_type_lr(self) -> None:
        """Hold the learning rate at a typed value, or release it."""

        def done(text: str | None) -> None:
            if text:
                self._send_changes(f"{LEARNING_RATE_DIAL} {text}")
            elif text is not None:
                self.ask("lr_release")

        current = self._shown_position(LEARNING_RATE_DIAL)
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
        """Type new positions of one or several dials."""
        name = name or self.query_one(DialsPane).chosen
        dot = f" {self.glyphs.dot} "
        positions = dot.join(f"{rule.name} {self._shown_position(rule.name)}" for rule in self._dial_rules)
        dialog = TextInputScreen(
            "Turn a dial",
            detail="Its name and its new position, such as dropout 0.1. Several with commas between them.",
            initial=f"{name} " if name else "",
            placeholder="dropout 0.1, weight_decay 0.2",
            check=lambda text: problem_in(text, self._dial_rules),
            hint=self._dial_hint,
            below=f"Now: {positions}",
        )
        self._ask_typed(dialog, self._send_changes)

    def choose_dial(self, name: str) -> None:
        """A dial was clicked."""
        if self.over:
            self.action_refuse("live.dial")
        elif name == LEARNING_RATE_DIAL:
            self.action_type_lr()
        else:
            self.action_turn_dial(name)

    def palette_entries(self) -> Sequence[PaletteEntry]:
        """One entry per dial."""
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

    def _send_changes(self, typed: str) -> None:
        """Send every change in a checked line; explain each old dial name once."""
        for note in old_names_typed(typed):
            if note not in self._explained_names:
                self._explained_names.add(note)
                self.notify(note, markup=False, timeout=8)
        for change in parse_changes(typed, self._dial_rules):
            self._send(change)

    def _dial_hint(self, typed: str) -> str:
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

    def action_rollback(self) -> None:
        """Roll back to the best checkpoint, after confirmation."""
        self._confirm_going_back(SuggestedCommand(label="", action="rollback", text="best"))

    def action_apply_advice(self, which: int) -> None:
        """Carry out the advice (1) or its alternative (2)."""
        snapshot = self.source.snapshot()
        verdict = snapshot.verdict
        advice = None if verdict is None else verdict.advice if which == 1 else verdict.alternative
        if advice is None:
            self.notify("The diagnosis has no such advice now.", markup=False, timeout=4)
        elif is_advice_followed(snapshot, advice):
            self.notify(f"Done already: {safe_line(advice.label)}.", markup=False, timeout=4)
        elif advice.action == "rollback":
            self._confirm_going_back(advice)
        elif advice.action == "stop":
            self._confirm(f"{safe_line(advice.label).capitalize()}?", "A checkpoint is saved first.", advice)
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

        self.app.push_screen(ConfirmScreen(question, detail), done)

    def _send(self, command: Request | SuggestedCommand) -> None:
        self.ask(command.action, command.value, command.text, command.dial)

    def action_step_dial(self, direction: int) -> None:
        """Step the dial chosen in the dials pane (default: lr) up or down from its last requested position."""
        pane = self.query_one(DialsPane)
        name = pane.chosen or LEARNING_RATE_DIAL
        change = next_change(name, direction, self.source.snapshot().dials, self.pending, self._dial_rules)
        if change is None:
            self._announce_limit(name)
            return
        if self._waiting_dial_step is not None and self._waiting_dial_step.dial != change.dial:
            self._send_dial_step()  # another dial was changed just before
        # A held key repeats thirty times a second. Each press redraws only the dials pane, because drawing holds up
        # training. One step of a dial is in flight, and only the newest waiting one is kept: at most one command a
        # training step, and few for an undo to revert.
        self._waiting_dial_step = change
        self.send_waiting_dial_step()
        pane.show(self.source.snapshot(), self.pending)

    def _announce_limit(self, name: str) -> None:
        """Announce why a step has no effect, once per held key."""
        if self._limit_announced_for != name:
            self._limit_announced_for = name
            why = limit_message(name, self.source.snapshot().dials, self._dial_rules)
            self.notify(f"{why}; d types it.", markup=False, timeout=4)

    def send_waiting_dial_step(self) -> None:
        """Send the waiting dial step once the previous one is answered or has timed out."""
        sent = self._dial_step
        under_way = sent is not None and sent.answer(self.source.state) is None
        if sent is None or not under_way or time.monotonic() - sent.sent_at >= ANSWER_TIMEOUT_SECONDS:
            self._send_dial_step()

    def _send_dial_step(self) -> None:
        step, self._waiting_dial_step = self._waiting_dial_step, None
        if step is not None and not self.over:
            self._limit_announced_for = ""
            sent = self._sent(self.live_source.ask(step.action, step.value, step.text, step.dial))
            self._newest = self._dial_step = sent
