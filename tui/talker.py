"""Who one talks to on the screen: a run that trains here (`live_talker.py`), or a model that was saved
(`saved_talker.py`). One protocol for both.

Nothing here blocks the screen. What a talker has to say comes through `tell`, which may be called from any thread, as
one of the `Heard` messages. Choices worth knowing:

- Only one prediction is under way at a time, and of all that is typed meanwhile the newest text is asked next: a fast
  typist never builds up a queue.
- A run that trains is asked through its own queue, so it answers between two steps and every answer is on record.
- A saved model is loaded, and works, in a thread of its own (`run`); loading torch takes seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias

from babytrain.runs.state import Moment

if TYPE_CHECKING:
    from babytrain.engine.prompts import PreparedPrompt
    from babytrain.engine.token_choice import SamplingSettings

LIKELIEST = 8
Likeliest: TypeAlias = tuple[tuple[str, float], ...]


class PromptReader(Protocol):
    """How a model reads what is typed."""

    def knows(self, text: str) -> bool:
        """Whether the model can read every character."""

    def without_unknown(self, text: str) -> tuple[str, tuple[str, ...]]:
        """The text without what the model cannot read, and sentences about that."""

    def prepare(self, prompt: str) -> PreparedPrompt:
        """A prompt as the model reads it: known characters, no longer than it can look back."""


class Author(PromptReader, Protocol):
    """A saved model. What goes wrong is a ValueError with a sentence."""

    step: int
    checkpoint: str
    notes: tuple[str, ...]

    def write(self, prompt: PreparedPrompt, settings: SamplingSettings, *, max_tokens: int, seed: int) -> Iterator[str]:
        """The continuation of a prompt, piece by piece."""

    def likeliest(self, prompt: PreparedPrompt, count: int) -> list[tuple[str, float]]:
        """The likeliest next tokens and their probabilities."""


@dataclass(frozen=True)
class Wish:
    """A text to be written: `text` is everything before it."""

    text: str
    settings: SamplingSettings
    max_tokens: int
    seed: int
    stops_at_blank_line: bool = True


@dataclass(frozen=True)
class Woken:
    """The talker is ready. `words` say who it is."""

    words: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Foretold:
    """What comes after `text`."""

    text: str
    likeliest: Likeliest


@dataclass(frozen=True)
class Written:
    """All that was written so far of the text wished for; `prompt` is what it goes on from if that is known."""

    wish: Wish
    text: str
    over: bool
    prompt: str | None = None


@dataclass(frozen=True)
class Failed:
    """A wish could not be granted, or, when it is `final`, none will be."""

    sentence: str
    final: bool = False


Heard: TypeAlias = Woken | Foretold | Written | Failed
Tell: TypeAlias = Callable[[Heard], None]


class Talker(Protocol):
    """See the module's docstring."""

    reader: PromptReader | None  # None until it is known

    def predict(self, text: str) -> None:
        """What comes after `text`? Answered with `Foretold`, or not at all if a newer text was asked about."""

    def write(self, wish: Wish) -> None:
        """Go on from a text. Answered with `Written`s, the last of them `over`, or with `Failed`."""

    def stop(self) -> None:
        """Leave the text being written as it is; nothing more is heard of it."""

    def look(self, moment: Moment) -> None:
        """The run as it stands now."""

    def close(self) -> None:
        """Nobody listens any more."""


_RUNGS: Mapping[str, tuple[float, ...]] = {
    "temperature": (0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.1, 1.2, 1.5, 2, 3),
    "top-k": (0, 1, 2, 3, 5, 10, 20, 40, 100),
    "top-p": (0.1, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 1),
    "min-p": (0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5),
    "repetition-penalty": (1, 1.05, 1.1, 1.2, 1.3, 1.5, 2),
}
SETTINGS = tuple(_RUNGS)


def next_rung(name: str, value: float, direction: int) -> float:
    """The next position of a setting above (1) or below (-1) a value; beyond the last one it stays."""
    if direction > 0:
        return next((rung for rung in _RUNGS[name] if rung > value + 1e-9), value)
    return next((rung for rung in reversed(_RUNGS[name]) if rung < value - 1e-9), value)
