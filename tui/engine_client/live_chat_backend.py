"""Chat with a run that trains here: requests go through its queue and are handled between two steps."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from babytrain.runs.events import Command
from babytrain.runs.events.sampling_options import format_sampling_options
from babytrain.runs.state.run_state import RunSnapshot
from babytrain.tui.engine_client.chat_backend import (
    ChatFailure,
    GeneratedText,
    GenerationRequest,
    OnChatEvent,
    Prediction,
    until_blank_line,
)
from babytrain.tui.engine_client.run_sources import LiveSource, SentRequest

if TYPE_CHECKING:
    from babytrain.tui.engine_client.model_access import PromptReader


class LiveChatBackend:
    """A `ChatBackend` in the thread of the screen. The engine writes a request's `command` event right after its
    result, which tells which result belongs to which request."""

    def __init__(self, source: LiveSource, reader: PromptReader | None, on_event: OnChatEvent) -> None:
        self.reader = reader
        self._source = source
        self._on_event = on_event
        self._next_text: str | None = None  # to be predicted next
        self._predicting: tuple[str, SentRequest] | None = None
        self._writing: tuple[GenerationRequest, SentRequest] | None = None
        self._newest_piece = ""

    def predict(self, text: str) -> None:
        """Ask now, or after the prediction before."""
        self._next_text = text
        self._predict_next()

    def generate(self, request: GenerationRequest) -> None:
        """Ask for a sample with these settings."""
        self.stop()
        options = format_sampling_options(
            asdict(request.settings) | {"tokens": request.max_tokens, "seed": request.seed, "talk": 1}
        )
        self._writing = request, self._source.ask("sample", None, self._readable(request.text), options)
        self._newest_piece = ""

    def stop(self) -> None:
        """The engine ends the text at the next token; no more events of it."""
        if self._writing is not None:
            self._source.feed.cancel(self._writing[1].request)
            self._writing = None

    def update(self, snapshot: RunSnapshot) -> None:
        """Emit the results that have come."""
        self._look_for_prediction(snapshot)
        self._look_for_text(snapshot)
        self._predict_next()

    def close(self) -> None:
        """Stop."""
        self.stop()
        self._next_text = None

    def _readable(self, text: str) -> str:
        """`text` without what the model cannot read, which was reported already."""
        return text if self.reader is None else self.reader.prepare(text).text

    def _predict_next(self) -> None:
        if self._predicting is None and self._next_text is not None:
            text, self._next_text = self._next_text, None
            self._predicting = text, self._source.ask("predict", None, self._readable(text))

    def _look_for_prediction(self, snapshot: RunSnapshot) -> None:
        if self._predicting is None:
            return
        text, sent = self._predicting
        answer = sent.answer(snapshot.state)
        if answer is None:
            return
        self._predicting = None
        predicted = snapshot.state.predictions.last_until(answer.t)
        if answer.status == "refused" or predicted is None:
            self._on_event(ChatFailure(answer.reason or "The run refused."))
        else:
            self._on_event(Prediction(text, tuple(zip(predicted.tokens, predicted.probabilities, strict=False))))

    def _look_for_text(self, snapshot: RunSnapshot) -> None:
        if self._writing is None:
            return
        request, sent = self._writing
        piece = snapshot.state.sample_piece
        if answer := sent.answer(snapshot.state):
            self._writing = None
            self._on_event(self._text_of(request, answer, snapshot))
        elif piece is not None and piece.talk and piece.text != self._newest_piece:
            self._newest_piece = piece.text
            text = _cut(piece.text, request)
            done = len(text) < len(piece.text)
            if done:
                self.stop()  # what comes after the blank line would be cut off
            self._on_event(GeneratedText(request, text, done, prompt=piece.prompt))

    def _text_of(
        self, request: GenerationRequest, answer: Command, snapshot: RunSnapshot
    ) -> GeneratedText | ChatFailure:
        """The last reply before the request's `command` event."""
        if answer.status == "refused":
            return ChatFailure(answer.reason or "The run refused.", request=request)
        written = [reply for reply in snapshot.state.replies.until(answer.t) if reply.seed == request.seed]
        if not written:
            return GeneratedText(request, _cut(self._newest_piece, request), done=True)
        return GeneratedText(request, _cut(written[-1].text, request), done=True, prompt=written[-1].prompt)


def _cut(text: str, request: GenerationRequest) -> str:
    return "".join(until_blank_line(iter([text]))) if request.stops_at_blank_line else text
