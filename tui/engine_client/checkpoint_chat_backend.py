"""Chat with a saved model, loaded and run in its own thread."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from babytrain.tui.engine_client.chat_backend import (
    LIKELIEST_TOKENS,
    ChatEvent,
    ChatFailure,
    GeneratedText,
    GenerationRequest,
    ModelReady,
    OnChatEvent,
    Prediction,
    until_blank_line,
)
from babytrain.tui.engine_client.errors import UsageError, failure_sentence

if TYPE_CHECKING:
    from babytrain.tui.engine_client.model_access import PromptReader, SavedModel

SECONDS_BETWEEN_PIECES = 1 / 20  # the screen draws each piece


@dataclass(frozen=True)
class _LoadRequest:
    """A checkpoint: "best", "last", a name or a step."""

    at: str


_Job: TypeAlias = _LoadRequest | GenerationRequest | str  # a str is a text to predict the next token of


class CheckpointChatBackend:
    """A `ChatBackend` that can switch checkpoints; the callback `load` loads one and raises UsageError.

    `run` is called in a worker thread and returns after `close`, or when the first checkpoint cannot be loaded. If a
    later one cannot be loaded, the current model stays.
    """

    def __init__(self, load: Callable[[str], SavedModel], at: str, on_event: OnChatEvent) -> None:
        self.reader: PromptReader | None = None
        self._load = load
        self._on_event = on_event
        self._changed = threading.Condition()
        self._closed = False
        self._jobs: dict[type, _Job] = {_LoadRequest: _LoadRequest(at)}  # the newest of each kind
        self._stopped = False  # the text being written

    def load(self, at: str) -> None:
        """Switch to another checkpoint; a text being generated ends."""
        self._add(_LoadRequest(at))

    def predict(self, text: str) -> None:
        """Queue the newest text."""
        self._add(text)

    def generate(self, request: GenerationRequest) -> None:
        """Queue the request; a text being generated ends."""
        self._add(request)

    def stop(self) -> None:
        """End the text after the next piece."""
        with self._changed:
            self._jobs.pop(GenerationRequest, None)
            self._stopped = True

    def close(self) -> None:
        """End the thread after the next piece."""
        with self._changed:
            self._closed = self._stopped = True
            self._changed.notify()

    def _add(self, job: _Job) -> None:
        with self._changed:
            self._jobs[type(job)] = job
            self._stopped = self._stopped or not isinstance(job, str)
            self._changed.notify()

    def run(self) -> None:
        """Load the model, then work until closed. Never raises."""
        model: SavedModel | None = None
        while (job := self._next_job()) is not None:
            if isinstance(job, _LoadRequest):
                model = self._load_model(job.at, model)
            if model is None:
                return
            try:
                if isinstance(job, GenerationRequest):
                    self._generate(model, job)
                elif isinstance(job, str):
                    likeliest = model.likeliest(model.prepare(job), LIKELIEST_TOKENS)
                    self._emit(Prediction(job, tuple(likeliest)))
            except Exception as error:  # noqa: BLE001 - a thread must not end with a request unanswered
                request = job if isinstance(job, GenerationRequest) else None
                self._emit(ChatFailure(_sentence("The model cannot answer", error), request=request))

    def _load_model(self, at: str, current: SavedModel | None) -> SavedModel | None:
        """The model of a checkpoint, or `current` where that cannot be loaded."""
        try:
            model = self._load(at)
        except Exception as error:  # noqa: BLE001 - as above
            self._emit(ChatFailure(_sentence("The model cannot be loaded", error), final=current is None))
            if current is not None:
                self._emit(ModelReady(_description(current)))
            return current
        self.reader = model
        self._emit(ModelReady(_description(model), model.notes))
        return model

    def _next_job(self) -> _Job | None:
        """Wait for a job; loading comes before generating, generating before predicting. None after `close`."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._jobs)
            if self._closed:
                return None
            kind = next(kind for kind in (_LoadRequest, GenerationRequest, str) if kind in self._jobs)
            if kind is GenerationRequest:
                self._stopped = False
            return self._jobs.pop(kind)

    def _generate(self, model: SavedModel, request: GenerationRequest) -> None:
        prompt = model.prepare(request.text)
        pieces = model.generate(prompt, request.settings, max_tokens=request.max_tokens, seed=request.seed)
        text, emitted_at = "", 0.0
        for piece in until_blank_line(pieces) if request.stops_at_blank_line else pieces:
            if self._stopped:
                return
            text += piece
            if time.monotonic() - emitted_at >= SECONDS_BETWEEN_PIECES:
                emitted_at = time.monotonic()
                self._emit(GeneratedText(request, text, done=False))
        if not self._stopped:
            self._emit(GeneratedText(request, text, done=True))

    def _emit(self, event: ChatEvent) -> None:
        if not self._closed:
            self._on_event(event)


def _description(model: SavedModel) -> str:
    return f"step {model.step:,}"


def _sentence(problem: str, error: Exception) -> str:
    return str(error) if isinstance(error, UsageError) else failure_sentence(problem, error)
