"""Commands: what a person asked for, obeyed between two steps and put on record with what became of it.

Every command that changes the course of a run changes it here and leaves a `Command` event with the step it took effect
at, which is what lets a steered run be repeated. Of several turns of one dial that wait only the newest counts.
"""

from __future__ import annotations

from dataclasses import asdict, replace
from queue import Empty
from typing import Any

from babytrain.engine.checkpoints.lookup import CheckpointNotFound, name_problem
from babytrain.engine.dials import Turn, turn_dial, without_house
from babytrain.engine.recorder import RunOutput
from babytrain.engine.restraint.housekeeper import Housekeeper
from babytrain.engine.training.checkpoint_writer import CheckpointWriter
from babytrain.engine.training.evaluation import Evaluator
from babytrain.engine.training.recovery import Recovery
from babytrain.engine.training.sample_events import SampleWriter
from babytrain.engine.training.train_state import TrainState
from babytrain.runs.events import Command, Request
from babytrain.runs.sampling_wish import read_sampling_words

PAUSE_POLL_SECONDS = 0.05
MOST_UNDOS = 50
# Of these only the newest of each dial counts when several wait: a key that is held down.
_COALESCED = ("lr_scale", "lr_hold", "set", "total_steps")


class Control:
    """Obeys requests for one trainer. Its state: `paused`, `advance` (steps before pausing), `stopping`."""

    def __init__(
        self,
        state: TrainState,
        output: RunOutput,
        *,
        evaluator: Evaluator,
        checkpoints: CheckpointWriter,
        samples: SampleWriter,
        recovery: Recovery,
        housekeeper: Housekeeper,
        windows_per_epoch: int,
    ) -> None:
        self._state, self._output = state, output
        self._evaluator, self._checkpoints, self._samples = evaluator, checkpoints, samples
        self._recovery, self._housekeeper = recovery, housekeeper
        self._windows_per_epoch = windows_per_epoch
        self.paused = False
        self.advance = 0
        self.stopping = False
        self.turned = False  # a dial was, or the run went back, since somebody last looked

    @property
    def waits(self) -> bool:
        """Whether training holds until the next request."""
        return self.paused and not self.advance

    def obey_waiting(self, waiting: list[Request] | None = None) -> None:
        """Apply everything that was asked since the last step."""
        if self._output.feed.stop_requested.is_set():
            self.stopping = True
        waiting = waiting or []
        while True:
            try:
                waiting.append(self._output.feed.requests.get_nowait())
            except Empty:
                break
        newest = {(one.action, one.dial): one for one in waiting if one.action in _COALESCED}
        for request in waiting:
            if newest.get((request.action, request.dial), request) is request:
                self.apply(request)

    def wait_for_request(self) -> None:
        """Idle until the next request, filing what the sensors say meanwhile."""
        try:
            request = self._output.feed.requests.get(timeout=PAUSE_POLL_SECONDS)
        except Empty:
            self._output.recorder.file_handed_over()
            return
        self.obey_waiting([request])

    def apply(self, request: Request) -> None:
        """Obey one request and put on record what became of it."""
        state, recorder, feed = self._state, self._output.recorder, self._output.feed
        dial, turn, refusal = request.dial, Turn(state.dials), ""
        step = state.progress.step
        match request.action:
            case "pause" | "resume":
                if request.action == "resume" and not self.waits:  # it can only mean a rule that holds the run back
                    self._housekeeper.overrule(state.dials)
                self.paused, self.advance = request.action == "pause", 0
            case "advance":
                self.paused, self.advance = True, max(1, int(request.value or 1))
            case "sample":
                wish = read_sampling_words(request.dial)
                prompt, given_up = request.text or state.config.prompt, feed.given_up
                refusal = self._samples.write(prompt, wish, asked=True, given_up=lambda: request.command_id in given_up)
            case "predict":
                refusal = self._samples.predict(request.text)
                # One comes with every letter that is typed: shown, and not worth a line of the journal.
                answer = Command(
                    t=recorder.now(),
                    step=step,
                    command_id=request.command_id,
                    action="predict",
                    status="refused" if refusal else "applied",
                    text=request.text,
                    reason=refusal,
                )
                feed.publish(answer)
                return
            case "evaluate":
                self._evaluator.evaluate()
            case "checkpoint":
                refusal = name_problem(request.text) or self._checkpoints.save("asked", name=request.text) or ""
            case "stop":
                self.stopping = True
            case "note":
                pass  # the command itself, with its text, is the record
            case "go_back":
                refusal = self._go_back(request.text)
            case "undo":
                dial, turn, refusal = self._undo()
            case _:
                # What the engine does of itself is no wish to refuse: a preset's batch may be larger than a tiny text.
                most_windows = self._windows_per_epoch if request.command_id else None
                turn = turn_dial(state.config, state.dials, request, step, most_windows)
                refusal = turn.refusal
                if not refusal and request.command_id:
                    self._remember(request, turn)
                self._put_in_force(turn)
        recorder.emit(
            Command(
                t=recorder.now(),
                step=step,
                command_id=request.command_id,
                action=request.action,
                status="refused" if refusal else "applied",
                dial=dial,
                value=request.value,
                text=request.text,
                before=turn.before,
                after=turn.after,
                reason=refusal,
            )
        )

    def _put_in_force(self, turn: Turn) -> None:
        before, self._state.dials = self._state.dials, turn.dials
        if without_house(turn.dials) != without_house(before):  # the others change nothing that is trained or judged
            self._state.apply_dials()
            self.turned = True

    def _remember(self, request: Request, turn: Turn) -> None:
        """Keep what an undo has to put back: the fields this turn changed, as they were."""
        before, after = asdict(self._state.dials), asdict(turn.dials)
        changed = {name: before[name] for name in before if before[name] != after[name]}
        if changed:
            self._state.undos.append({"dial": request.dial or request.action, "fields": changed})
            del self._state.undos[:-MOST_UNDOS]

    def _undo(self) -> tuple[str, Turn, str]:
        """Take back the newest turn: the dial, the turn and, if there is none, why not."""
        state = self._state
        if not state.undos:
            return "", Turn(state.dials), "no dial has been turned"
        newest: dict[str, Any] = state.undos.pop()
        fields = newest["fields"]
        turn = Turn(replace(state.dials, **fields))
        name, before = next(iter(fields.items()))
        after = getattr(state.dials, name)
        if isinstance(before, (int, float)) and isinstance(after, (int, float)):
            turn = replace(turn, before=float(after), after=float(before))
        self._put_in_force(turn)
        return str(newest["dial"]), turn, ""

    def _go_back(self, text: str) -> str:
        """To a checkpoint by its name; returns why not, or nothing."""
        try:
            self._recovery.roll_back(text or "best", "asked for")
        except CheckpointNotFound as error:
            return str(error)
        self.turned = True
        return ""
