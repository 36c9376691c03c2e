"""Commands: what a person asked for, obeyed between two steps and put on record with what became of it.

Every command that changes the course of a run changes it here and leaves a `Command` event with the step it took effect
at, which is what lets a steered run be repeated. Of several turns of one dial that wait only the newest counts.
"""

from __future__ import annotations

from dataclasses import asdict, replace
from queue import Empty
from typing import Any

from babytrain.engine.checkpoints.lookup import name_problem
from babytrain.engine.dials import Turn, turn_dial, without_house
from babytrain.engine.places import PlaceError, go_back
from babytrain.engine.workbench import Workbench, evaluate, save
from babytrain.engine.writing import predict, write_sample
from babytrain.runs.events import Command, Request
from babytrain.runs.sampling_wish import read_sampling_words

PAUSE_POLL_SECONDS = 0.05
MOST_UNDOS = 50
# Of these only the newest of each dial counts when several wait: a key that is held down.
_COALESCED = ("lr_scale", "lr_hold", "set", "total_steps")


class Control:
    """Obeys requests for one trainer. Its state: `paused`, `advance` (steps before pausing), `stopping`."""

    def __init__(self, bench: Workbench, windows_per_epoch: int) -> None:
        self._bench = bench
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
        if self._bench.feed.stop_requested.is_set():
            self.stopping = True
        waiting = waiting or []
        while True:
            try:
                waiting.append(self._bench.feed.requests.get_nowait())
            except Empty:
                break
        newest = {(one.action, one.dial): one for one in waiting if one.action in _COALESCED}
        for request in waiting:
            if newest.get((request.action, request.dial), request) is request:
                self.apply(request)

    def wait_for_request(self) -> None:
        """Idle until the next request, filing what the sensors say meanwhile."""
        try:
            request = self._bench.feed.requests.get(timeout=PAUSE_POLL_SECONDS)
        except Empty:
            self._bench.recorder.file_handed_over()
            return
        self.obey_waiting([request])

    def apply(self, request: Request) -> None:
        """Obey one request and put on record what became of it."""
        bench = self._bench
        dial, turn, refusal = request.dial, Turn(bench.dials), ""
        step = bench.progress.step
        match request.action:
            case "pause" | "resume":
                if request.action == "resume" and not self.waits:  # it can only mean a rule that holds the run back
                    bench.housekeeper.overrule(bench.dials)
                self.paused, self.advance = request.action == "pause", 0
            case "advance":
                self.paused, self.advance = True, max(1, int(request.value or 1))
            case "sample":
                wish = read_sampling_words(request.dial)
                prompt, given_up = request.text or bench.config.prompt, bench.feed.given_up
                refusal = write_sample(bench, prompt, wish, asked=True, given_up=lambda: request.command_id in given_up)
            case "predict":
                refusal = predict(bench, request.text)
                # One comes with every letter that is typed: shown, and not worth a line of the journal.
                answer = Command(
                    t=bench.recorder.now(),
                    step=step,
                    command_id=request.command_id,
                    action="predict",
                    status="refused" if refusal else "applied",
                    text=request.text,
                    reason=refusal,
                )
                bench.feed.publish(answer)
                return
            case "evaluate":
                evaluate(bench)
            case "checkpoint":
                refusal = name_problem(request.text) or save(bench, "asked", name=request.text) or ""
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
                turn = turn_dial(bench.config, bench.dials, request, step, most_windows)
                refusal = turn.refusal
                if not refusal and request.command_id:
                    self._remember(request, turn)
                self._put_in_force(turn)
        bench.recorder.emit(
            Command(
                t=bench.recorder.now(),
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
        before, self._bench.dials = self._bench.dials, turn.dials
        if without_house(turn.dials) != without_house(before):  # the others change nothing that is trained or judged
            self._bench.put_dials_in_force()
            self.turned = True

    def _remember(self, request: Request, turn: Turn) -> None:
        """Keep what an undo has to put back: the fields this turn changed, as they were."""
        before, after = asdict(self._bench.dials), asdict(turn.dials)
        changed = {name: before[name] for name in before if before[name] != after[name]}
        if changed:
            self._bench.undos.append({"dial": request.dial or request.action, "fields": changed})
            del self._bench.undos[:-MOST_UNDOS]

    def _undo(self) -> tuple[str, Turn, str]:
        """Take back the newest turn: the dial, the turn and, if there is none, why not."""
        bench = self._bench
        if not bench.undos:
            return "", Turn(bench.dials), "no dial has been turned"
        newest: dict[str, Any] = bench.undos.pop()
        fields = newest["fields"]
        turn = Turn(replace(bench.dials, **fields))
        name, before = next(iter(fields.items()))
        after = getattr(bench.dials, name)
        if isinstance(before, (int, float)) and isinstance(after, (int, float)):
            turn = replace(turn, before=float(after), after=float(before))
        self._put_in_force(turn)
        return str(newest["dial"]), turn, ""

    def _go_back(self, text: str) -> str:
        """To a checkpoint by its name; returns why not, or nothing."""
        try:
            go_back(self._bench, text or "best", "asked for")
        except PlaceError as error:
            return str(error)
        self.turned = True
        return ""
