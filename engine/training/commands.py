"""Applies the commands of a person or the engine between two steps and records each as a `Command` event."""

from __future__ import annotations

from contextlib import suppress
from queue import Empty

from babytrain.engine.checkpoints.lookup import CheckpointNotFound, name_problem
from babytrain.engine.config.build import checked_value
from babytrain.engine.training.checkpoint_writer import CheckpointWriter
from babytrain.engine.training.diagnosis_monitor import DiagnosisMonitor
from babytrain.engine.training.evaluation import Evaluator
from babytrain.engine.training.power_policy.duty_cycle import DutyCycleController
from babytrain.engine.training.recorder import Recorder
from babytrain.engine.training.recovery import Recovery
from babytrain.engine.training.sample_writer import SampleWriter
from babytrain.engine.training.train_state import TrainState
from babytrain.runs.dials.apply_and_undo import DIAL_ACTIONS, DialChange, apply_command
from babytrain.runs.dials.learning_rate_schedule import learning_rate
from babytrain.runs.dials.spec import MACHINE_DIALS
from babytrain.runs.events import Command, Request
from babytrain.runs.events.sampling_options import parse_sampling_options

PAUSE_POLL_SECONDS = 0.05
LARGE_RAISE = 2.0  # of the learning rate, as a factor: the run may well diverge


class Commands:
    """Applies requests for one trainer. Its state: `paused`, `advance` (steps before pausing), `stopping`."""

    def __init__(
        self,
        state: TrainState,
        recorder: Recorder,
        *,
        evaluator: Evaluator,
        checkpoints: CheckpointWriter,
        samples: SampleWriter,
        recovery: Recovery,
        monitor: DiagnosisMonitor,
        duty_cycle: DutyCycleController,
        windows_per_epoch: int,
    ) -> None:
        self._state, self._recorder = state, recorder
        self._evaluator, self._checkpoints, self._samples = evaluator, checkpoints, samples
        self._recovery, self._monitor, self._duty_cycle = recovery, monitor, duty_cycle
        self._windows_per_epoch = windows_per_epoch
        self.paused, self.advance, self.stopping = False, 0, False

    @property
    def is_waiting(self) -> bool:
        """Whether training waits for the next request."""
        return self.paused and not self.advance

    def apply_waiting(self, first: Request | None = None) -> None:
        """Apply `first`, then every request since the last step."""
        feed = self._recorder.feed
        if feed.stop_requested.is_set():
            self.stopping = True
        waiting = [] if first is None else [first]
        with suppress(Empty):
            while True:
                waiting.append(feed.requests.get_nowait())
        for request in waiting:
            self.apply(request)

    def wait_for_request(self) -> None:
        """Wait a short time for a request; without one write the sensor readings."""
        try:
            request = self._recorder.feed.requests.get(timeout=PAUSE_POLL_SECONDS)
        except Empty:
            self._recorder.write_handed_over()
            return
        self.apply_waiting(request)

    def apply(self, request: Request) -> None:
        """Apply one request and record the outcome."""
        state, recorder, feed = self._state, self._recorder, self._recorder.feed
        change, refusal = DialChange(state.dials), ""
        step = state.progress.step
        match request.action:
            case "pause" | "resume":
                if request.action == "resume" and not self.is_waiting:  # a power policy rule pauses the run
                    self._duty_cycle.overrule(state.dials)
                self.paused, self.advance = request.action == "pause", 0
            case "advance":
                self.paused, self.advance = True, max(1, int(request.value or 1))
            case "sample":
                refusal = self._samples.write(
                    request.text or state.config.prompt,
                    parse_sampling_options(request.dial),
                    requested=True,
                    is_cancelled=lambda: request.command_id in feed.cancelled,
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
                pass  # the command event is the record
            case "rollback":
                refusal = self._roll_back(request.text)
            case _:
                change = apply_command(state.config, state.dials, request, step, checked_value, self._windows_per_epoch)
                refusal = change.refusal
                self._adopt(change, by_person=request.command_id != 0)
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

    def _adopt(self, change: DialChange, *, by_person: bool) -> None:
        state, before, step = self._state, self._state.dials, self._state.progress.step
        was, rate = (learning_rate(state.config, dials, step) for dials in (before, change.dials))
        if by_person and rate >= LARGE_RAISE * was > 0.0:
            self._checkpoints.save("before a change")  # for the guard to go back to
        state.dials = change.dials
        if not change.positions.keys() - set(MACHINE_DIALS):
            return  # machine dials affect neither training nor diagnosis
        state.apply_dials()
        state.guard.dials_changed(change.positions)
        self._monitor.dial_changed()
        if by_person:
            self._recovery.dials_changed(before, step)

    def _roll_back(self, text: str) -> str:
        """Roll back to a checkpoint by name. Returns why that failed, or ""."""
        try:
            self._recovery.roll_back(text or "best", "asked for")
        except CheckpointNotFound as error:
            return str(error)
        self._monitor.dial_changed()
        return ""
