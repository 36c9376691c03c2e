"""Commands: what a person asked for, obeyed between two steps and put on record with what became of it.

Every command that changes the course of a run changes it here and leaves a `Command` event with the step it took effect
at, which is what lets a steered run be repeated. Those that wait are applied one by one, in the order they came.
"""

from __future__ import annotations

from queue import Empty

from babytrain.engine.checkpoints.lookup import CheckpointNotFound, name_problem
from babytrain.engine.config.build import checked_value
from babytrain.engine.training.checkpoint_writer import CheckpointWriter
from babytrain.engine.training.evaluation import Evaluator
from babytrain.engine.training.power_policy.duty_cycle import DutyCycleController
from babytrain.engine.training.recorder import RunOutput
from babytrain.engine.training.recovery import Recovery
from babytrain.engine.training.sample_events import SampleWriter
from babytrain.engine.training.train_state import TrainState
from babytrain.runs.dials.changes import DIAL_ACTIONS, DialChange, apply_command
from babytrain.runs.dials.spec import MACHINE_DIALS
from babytrain.runs.events import Command, Request
from babytrain.runs.events.sampling_options import parse_sampling_options

PAUSE_POLL_SECONDS = 0.05


class Commands:
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
        duty_cycle_controller: DutyCycleController,
        windows_per_epoch: int,
    ) -> None:
        self._state, self._output = state, output
        self._evaluator, self._checkpoints, self._samples = evaluator, checkpoints, samples
        self._recovery, self._housekeeper = recovery, duty_cycle_controller
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
        for request in waiting:
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
        change, refusal = DialChange(state.dials), ""
        step = state.progress.step
        match request.action:
            case "pause" | "resume":
                if request.action == "resume" and not self.waits:  # it can only mean a rule that holds the run back
                    self._housekeeper.overrule(state.dials)
                self.paused, self.advance = request.action == "pause", 0
            case "advance":
                self.paused, self.advance = True, max(1, int(request.value or 1))
            case "sample":
                wish = parse_sampling_options(request.dial)
                prompt, given_up = request.text or state.config.prompt, feed.cancelled
                refusal = self._samples.write(
                    prompt, wish, requested=True, given_up=lambda: request.command_id in given_up
                )
            case "predict":
                refusal = self._samples.predict(request.text)
            case "evaluate":
                self._evaluator.evaluate()
            case "checkpoint":
                refusal = name_problem(request.text) or self._checkpoints.save("requested", name=request.text) or ""
            case "stop":
                self.stopping = True
            case "note":
                pass  # the command itself, with its text, is the record
            case "rollback":
                refusal = self._go_back(request.text)
            case _:
                change = apply_command(state.config, state.dials, request, step, checked_value, self._windows_per_epoch)
                refusal = change.refusal
                self._adopt(change)
        # A prediction comes with every letter that is typed: shown, and not worth a line of the journal.
        record = feed.publish if request.action == "predict" else recorder.emit
        record(
            Command(
                t=recorder.now(),
                step=step,
                command_id=request.command_id,
                action=request.action,
                status="refused" if refusal else "applied",
                dial=change.dial or request.dial,
                value=request.value,
                text=request.text,
                before=change.before,
                after=change.after,
                reason=refusal,
                dials=None if refusal or request.action not in DIAL_ACTIONS else dict(change.positions),
            )
        )

    def _adopt(self, change: DialChange) -> None:
        self._state.dials = change.dials
        if change.positions.keys() - set(MACHINE_DIALS):  # the others change nothing that is trained or judged
            self._state.apply_dials()
            self.turned = True

    def _go_back(self, text: str) -> str:
        """To a checkpoint by its name; returns why not, or nothing."""
        try:
            self._recovery.roll_back(text or "best", "asked for")
        except CheckpointNotFound as error:
            return str(error)
        self.turned = True
        return ""
