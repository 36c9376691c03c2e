"""The protocol of the chat screen's model: a live run (`live_chat_backend.py`) or a checkpoint
(`checkpoint_chat_backend.py`).

No method blocks. Results are `ChatEvent`s passed to a callback, which may be called from any thread. One prediction
runs at a time, and the newest text is next, so typing never fills a queue. Every request gets a result or a
`ChatFailure`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias

if TYPE_CHECKING:
    from babytrain.tui.engine_client.model_access import PromptReader, SamplingSettings

LIKELIEST_TOKENS = 8  # of a prediction
Likeliest: TypeAlias = tuple[tuple[str, float], ...]  # tokens, likeliest first, and their probabilities


@dataclass(frozen=True)
class GenerationRequest:
    """A text to generate after the prompt `text`."""

    text: str
    settings: SamplingSettings
    max_tokens: int
    seed: int
    stops_at_blank_line: bool = True


@dataclass(frozen=True)
class ModelReady:
    """The model is loaded. `description` says which: `step 500`."""

    description: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Prediction:
    """The likeliest next tokens after `text`."""

    text: str
    likeliest: Likeliest


@dataclass(frozen=True)
class GeneratedText:
    """All text generated so far for a request; `prompt` is what the model read, if known."""

    request: GenerationRequest
    text: str
    done: bool
    prompt: str | None = None


@dataclass(frozen=True)
class ChatFailure:
    """A prediction, a `request` or loading a checkpoint failed; `final`: all later ones will too."""

    sentence: str
    final: bool = False
    request: GenerationRequest | None = None


ChatEvent: TypeAlias = ModelReady | Prediction | GeneratedText | ChatFailure
OnChatEvent: TypeAlias = Callable[[ChatEvent], None]


class ChatBackend(Protocol):
    """What the chat screen calls."""

    reader: PromptReader | None  # None until it is known

    def predict(self, text: str) -> None:
        """Emit a `Prediction` for `text`, unless a newer text comes first."""

    def generate(self, request: GenerationRequest) -> None:
        """Emit `GeneratedText`s, the last of them `done`, or a `ChatFailure`."""

    def stop(self) -> None:
        """Stop generating; no more events of that text."""

    def close(self) -> None:
        """Stop; no more events."""


def until_blank_line(pieces: Iterator[str]) -> Iterator[str]:
    """`pieces` up to the first blank line that follows a line of text."""
    begun, breaks = False, 0
    for piece in pieces:
        for index, char in enumerate(piece):
            begun, breaks = (begun, breaks + 1) if char == "\n" else (True, 0)
            if begun and breaks == 2:
                yield piece[: index + 1]
                return
        yield piece
