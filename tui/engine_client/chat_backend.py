"""What answers the chat screen: the run that trains here (`live_chat_backend.py`) or a saved model
(`checkpoint_chat_backend.py`). One protocol for both.

Nothing here blocks the screen. Answers come through a callback, which may be called from any thread, as one of the
`ChatEvent`s. Choices worth knowing:

- Only one prediction is under way at a time, and of all that is typed meanwhile the newest text is asked next: a fast
  typist never builds up a queue.
- A run that trains is asked through its own queue, so it answers between two steps and every answer is on record.
- A saved model is loaded, and works, in a thread of its own; loading torch takes seconds.
- Every request is answered: with what was asked for or, whatever goes wrong, with a `ChatFailure`.
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
    """A text to be written: `text` is everything before it."""

    text: str
    settings: SamplingSettings
    max_tokens: int
    seed: int
    stops_at_blank_line: bool = True


@dataclass(frozen=True)
class ModelReady:
    """The backend answers from now on. `description` says which model it is: `step 500`."""

    description: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Prediction:
    """What comes after `text`."""

    text: str
    likeliest: Likeliest


@dataclass(frozen=True)
class GeneratedText:
    """All that was written so far for a request; `prompt` is what it goes on from if that is known."""

    request: GenerationRequest
    text: str
    done: bool
    prompt: str | None = None


@dataclass(frozen=True)
class ChatFailure:
    """A prediction, the text of a `request` or a checkpoint could not be had; when `final`, no later one can either."""

    sentence: str
    final: bool = False
    request: GenerationRequest | None = None


ChatEvent: TypeAlias = ModelReady | Prediction | GeneratedText | ChatFailure
OnChatEvent: TypeAlias = Callable[[ChatEvent], None]


class ChatBackend(Protocol):
    """See the module's docstring."""

    reader: PromptReader | None  # None until it is known

    def predict(self, text: str) -> None:
        """What comes after `text`? Answered with a `Prediction`, or not at all if a newer text was asked about."""

    def generate(self, request: GenerationRequest) -> None:
        """Go on from a text. Answered with `GeneratedText`s, the last of them `done`, or with a `ChatFailure`."""

    def stop(self) -> None:
        """Leave the text being written as it is; no more events of it."""

    def close(self) -> None:
        """No more events at all."""


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
