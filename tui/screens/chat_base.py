"""Loading the chat's model and the requests and replies between it and the chat screen (`chat.py`).

Requests go to a `ChatBackend`: the training run below, between two steps, or a saved model loaded in a thread. When
the run ends, its saved model takes over and the conversation is kept.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from textual import on
from textual.message import Message
from textual.widgets import Input

from babytrain.runs.state.run_state import RunSnapshot
from babytrain.tui.engine_client.chat_backend import (
    ChatBackend,
    ChatEvent,
    ChatFailure,
    GeneratedText,
    GenerationRequest,
    Likeliest,
    ModelReady,
    Prediction,
)
from babytrain.tui.engine_client.checkpoint_chat_backend import CheckpointChatBackend
from babytrain.tui.engine_client.conversation import ChatTurn, Conversation, is_chat_command, unescaped_line
from babytrain.tui.engine_client.live_chat_backend import LiveChatBackend
from babytrain.tui.engine_client.run_sources import LiveSource
from babytrain.tui.screens.base import OverlayScreen
from babytrain.tui.terminal.charset import CharsetName
from babytrain.tui.terminal.safe_text import safe_content
from babytrain.tui.text.token_bars import short_percent
from babytrain.tui.text.wording import StatusLabel, run_status_label
from babytrain.tui.widgets.chat.chat_lines import ChatInput, ChatTitle
from babytrain.tui.widgets.common.full_text import FullText

if TYPE_CHECKING:
    from babytrain.tui.engine_client.model_access import PromptReader, SamplingSettings, SavedModel


@dataclass(frozen=True)
class ChatSetup:
    """The run to talk to. `load` loads a checkpoint in a worker thread; `live` is the run if it trains here, and
    `prompt_reader` describes how it reads a prompt."""

    name: str
    settings: SamplingSettings
    max_tokens: int
    folder: Callable[[], Path | None]
    load: Callable[[str], SavedModel]
    prompt_reader: Callable[[], PromptReader | None]
    live: LiveSource | None


class ChatScreenBase(OverlayScreen):
    """State and requests of the chat; the subclass shows them."""

    @dataclass
    class BackendEvent(Message):
        """A backend event, possibly posted from a thread."""

        event: ChatEvent

    def __init__(self, setup: ChatSetup, charset: CharsetName) -> None:
        super().__init__(charset, setup.folder)
        self._setup = setup
        self.conversation = Conversation(setup.settings, max_tokens=setup.max_tokens, seed=1)
        self._backend: ChatBackend | None = None
        self._ready = False
        self._has_failed = False  # no model is available any more
        self._status = StatusLabel("", "", "")
        self._request: GenerationRequest | None = None  # the request being generated
        self._turn = ChatTurn("", "")  # its text so far
        self._predicted: str | None = None  # the text whose next tokens were last requested
        self._likeliest: Likeliest = ()
        self._notice = ("", "")  # a sentence shown until the next key, and its style

    def _show(self) -> None:
        raise NotImplementedError

    def _show_title(self) -> None:
        status = self._status
        if self._request is not None:
            status = StatusLabel(self.glyphs.running, f"writing{self.glyphs.ellipsis}", "$accent")
        name = f"talk {self.glyphs.dot} {self._setup.name}"
        self.query_one(ChatTitle).show(name, status.word, status.symbol, status.style)

    def full_texts(self) -> list[FullText]:
        """The run, the newest sentence, and the likeliest next tokens."""
        tokens = [safe_content(f"{short_percent(share)}  {token}", one_line=True) for token, share in self._likeliest]
        run = [safe_content(text, one_line=True) for text in (self._setup.name, self._notice[0]) if text]
        return [FullText("chat", "the run", run), FullText("next-tokens", "next", tokens)]

    @property
    def line(self) -> str:
        """The text of the input line."""
        return self.query_one("#chat-input", ChatInput).value

    def _set_line(self, text: str) -> None:
        line = self.query_one("#chat-input", ChatInput)
        with line.prevent(Input.Changed):
            line.value = text
            line.cursor_position = len(text)
        self._predict()

    def on_unmount(self) -> None:
        """Release the model."""
        if self._backend is not None:
            self._backend.close()

    def _use_backend(self, backend: ChatBackend) -> None:
        if self._backend is not None:
            self._backend.close()
        self._backend = backend
        self._ready, self._has_failed, self._predicted = False, False, None

    def _load(self, at: str) -> None:
        backend = self._backend
        if isinstance(backend, CheckpointChatBackend) and not self._has_failed:
            # The backend keeps its model if the new one is not found.
            self._ready, self._predicted = False, None
            backend.load(at)
        else:
            backend = CheckpointChatBackend(self._setup.load, at, self._on_chat_event)
            self._use_backend(backend)
            self.run_worker(backend.run, thread=True, exit_on_error=False, group="chat")
        self._status = StatusLabel(self.glyphs.waiting, f"waking the model{self.glyphs.ellipsis}", "$warning")

    def _on_chat_event(self, event: ChatEvent) -> None:
        self.post_message(self.BackendEvent(event))

    @on(BackendEvent)
    def _backend_event(self, message: BackendEvent) -> None:
        match message.event:
            case ModelReady() as model:
                self._model_ready(model)
            case Prediction() as prediction:
                if prediction.text == self._text_to_predict():
                    self._likeliest = prediction.likeliest
                elif self._request is None:
                    self._predict()
            case GeneratedText() as generated if generated.request is self._request:
                self._text_generated(generated)
            case ChatFailure() as failure:
                self._request_failed(failure)
            case _:
                return  # of a reply that was stopped
        self._show()

    def _model_ready(self, model: ModelReady) -> None:
        self._ready = True
        self._status = StatusLabel(self.glyphs.running, f"awake {self.glyphs.dot} {model.description}", "$success")
        if model.notes:
            self._notice = (" ".join(model.notes), "$warning")
        self._predict()

    def _text_generated(self, generated: GeneratedText) -> None:
        typed = self._turn.typed
        if generated.prompt is not None and not self.conversation.text and not typed:
            typed = generated.prompt  # an empty text: the run's own prompt
        self._turn = ChatTurn(typed, generated.text)
        if generated.done:
            self._end_turn()

    def _end_turn(self) -> None:
        self.conversation.turns.append(self._turn)
        self.conversation.advance_seed()
        self._request = None
        self._predict()

    def _request_failed(self, failure: ChatFailure) -> None:
        self._notice = (failure.sentence, "$error")
        if failure.final:
            self._has_failed = True
            self._status = StatusLabel(self.glyphs.failed, "asleep", "$error")
        if self._request is not None and (failure.final or failure.request is self._request):
            self._request = None
            if self._turn.reply:
                self._end_turn()
            elif not self.line:
                self._set_line(self._turn.typed)

    def follow(self, snapshot: RunSnapshot) -> None:
        """Update from the run below; after its end, switch to its saved model."""
        if not isinstance(self._backend, LiveChatBackend) or not self.can_draw:
            return
        self._backend.update(snapshot)
        live = self._setup.live
        if snapshot.ended is None and not (live is not None and live.thread_ended):
            status = run_status_label(snapshot, self.glyphs)
            step = f"{status.word} {self.glyphs.dot} step {snapshot.step:,}"
            self._status = StatusLabel(status.symbol, step, status.style)
            self._show_title()
            return
        self.stop_writing()
        self._load("last")
        self._show()

    @property
    def _reader(self) -> PromptReader | None:
        return self._backend.reader if self._backend is not None else None

    def _readable(self, line: str) -> str:
        return line if self._reader is None else self._reader.without_unknown(line)[0]

    def _text_to_predict(self) -> str:
        """The input line; while it is empty, the newest text."""
        line = self.line
        typed = "" if is_chat_command(line) else self._readable(unescaped_line(line))
        return typed or self.conversation.text

    def _predict(self) -> None:
        if self._backend is not None and self._ready and self._request is None:
            self._predicted = self._text_to_predict()
            self._backend.predict(self._predicted)

    def _can_generate(self) -> bool:
        if self._has_failed:
            return False
        if self._request is not None:
            self._notice = ("It is still writing; esc stops it.", "$warning")
        elif not self._ready:
            self._notice = ("The model is still waking up.", "$warning")
        return self._ready and self._request is None

    def _generate(self, typed: str) -> None:
        conversation = self.conversation
        text = typed or conversation.text
        self._turn = ChatTurn(typed, "")
        self._request = GenerationRequest(
            text, conversation.settings, conversation.max_tokens, conversation.seed, conversation.stop == "blank"
        )
        if self._backend is not None:
            self._backend.generate(self._request)

    def stop_writing(self) -> bool:
        """Stop generating and keep the text so far; False if nothing was being generated."""
        if self._request is None:
            return False
        if self._backend is not None:
            self._backend.stop()
        self._end_turn()
        self._show()
        return True

    def interrupt(self) -> bool:
        """On ctrl+c, stop generating first."""
        return self.stop_writing()
