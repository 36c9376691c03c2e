"""Who one talks to on the screen: a run that trains here, or a model that was saved. One protocol for both.

Nothing here blocks the screen. What a talker has to say comes through `tell`, which may be called from any thread, as
one of the `Heard` messages. Choices worth knowing:

- Only one prediction is under way at a time, and of all that is typed meanwhile the newest text is asked next: a fast
  typist never builds up a queue.
- A run that trains is asked through its own queue, so it answers between two steps and every answer is on record.
- A saved model is loaded, and works, in a thread of its own (`run`); loading torch takes seconds.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias

from babytrain.runs.events import Request
from babytrain.runs.sampling_wish import sampling_words
from babytrain.runs.state import Moment
from babytrain.tui.conversation import until_blank_line
from babytrain.tui.source import LiveSource

if TYPE_CHECKING:
    from babytrain.engine.prompts import PreparedPrompt
    from babytrain.engine.token_choice import SamplingSettings

LIKELIEST = 8
SECONDS_BETWEEN_PIECES = 1 / 20  # a small model writes thousands of tokens a second, and the screen draws each piece
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


class SavedTalker:
    """A model from a checkpoint. `run` is called in a worker thread and returns after `close`; it never raises."""

    def __init__(self, load: Callable[[], Author], tell: Tell) -> None:
        self.reader: PromptReader | None = None
        self._load = load
        self._tell = tell
        self._news = threading.Condition()
        self._closed = False
        self._text: str | None = None  # to be foretold next
        self._wish: Wish | None = None  # to be written next
        self._stopped = False

    def predict(self, text: str) -> None:
        """Remember the newest text."""
        with self._news:
            self._text = text
            self._news.notify()

    def write(self, wish: Wish) -> None:
        """Remember the wish; a text being written ends."""
        with self._news:
            self._wish, self._stopped = wish, True
            self._news.notify()

    def stop(self) -> None:
        """The next piece is the last."""
        with self._news:
            self._wish, self._stopped = None, True

    def look(self, moment: Moment) -> None:
        """A saved model does not change."""

    def close(self) -> None:
        """End the thread as soon as it looks up."""
        with self._news:
            self._closed, self._stopped = True, True
            self._news.notify()

    def run(self) -> None:
        """Load the model, then answer until nobody listens."""
        try:
            author = self._load()
        except ValueError as error:
            self._say(Failed(str(error), final=True))
            return
        except Exception as error:  # noqa: BLE001 - the seam: a person gets a sentence, never a traceback
            self._say(Failed(f"The model cannot be loaded ({type(error).__name__}: {error}).", final=True))
            return
        self.reader = author
        self._say(Woken(f"step {author.step:,}", author.notes))
        while (job := self._next_job()) is not None:
            try:
                if isinstance(job, Wish):
                    self._write(author, job)
                else:
                    likeliest = author.likeliest(author.prepare(job), LIKELIEST)
                    self._say(Foretold(job, tuple(likeliest)))
            except ValueError as error:
                self._say(Failed(str(error)))

    def _next_job(self) -> Wish | str | None:
        """Wait for something to do: a text to write before one to foretell. None after `close`."""
        with self._news:
            self._news.wait_for(lambda: self._closed or self._wish is not None or self._text is not None)
            if self._closed:
                return None
            if self._wish is not None:
                wish, self._wish, self._stopped = self._wish, None, False
                return wish
            text, self._text = self._text, None
            return text

    def _write(self, author: Author, wish: Wish) -> None:
        prompt = author.prepare(wish.text)
        pieces = author.write(prompt, wish.settings, max_tokens=wish.max_tokens, seed=wish.seed)
        text, told = "", 0.0
        for piece in until_blank_line(pieces) if wish.stops_at_blank_line else pieces:
            if self._stopped:
                return
            text += piece
            if time.monotonic() - told >= SECONDS_BETWEEN_PIECES:
                told = time.monotonic()
                self._say(Written(wish, text, over=False))
        if not self._stopped:
            self._say(Written(wish, text, over=True))

    def _say(self, heard: Heard) -> None:
        if not self._closed:
            self._tell(heard)


class LiveTalker:
    """The run that trains here, asked between two steps. Lives in the thread of the screen."""

    def __init__(self, source: LiveSource, reader: PromptReader | None, tell: Tell) -> None:
        self.reader = reader
        self._source = source
        self._tell = tell
        self._wanted: str | None = None
        self._asked: tuple[str, Request, int] | None = None  # text, request, predictions before it
        self._writing: tuple[Wish, Request, int] | None = None  # wish, request, samples before it
        self._heard = ""

    def predict(self, text: str) -> None:
        """Ask now, or as soon as the answer before has come."""
        self._wanted = text
        self._ask_next()

    def write(self, wish: Wish) -> None:
        """Ask for a sample with these settings."""
        text, _ = self._read(wish.text)
        words = sampling_words(asdict(wish.settings) | {"tokens": wish.max_tokens, "seed": wish.seed})
        before = len(self._source.state.samples)
        self._writing = wish, self._source.feed.ask("sample", None, text, words), before
        self._heard = ""

    def stop(self) -> None:
        """The engine finishes it, and it is in the samples; here nothing more of it is shown."""
        self._writing = None

    def look(self, moment: Moment) -> None:
        """Whether an answer has come."""
        self._look_for_prediction(moment)
        self._look_for_text(moment)
        self._ask_next()

    def close(self) -> None:
        """Nothing to end."""
        self._writing, self._wanted = None, None

    def _read(self, text: str) -> tuple[str, tuple[str, ...]]:
        """The text as it is sent: what the model cannot read was told already and need not go into the log."""
        if self.reader is None:
            return text, ()
        prompt = self.reader.prepare(text)
        return prompt.text, prompt.notes

    def _ask_next(self) -> None:
        if self._asked is None and self._wanted is not None:
            text, self._wanted = self._wanted, None
            sent, _ = self._read(text)
            before = len(self._source.state.predictions)
            self._asked = text, self._source.feed.ask("predict", None, sent), before

    def _look_for_prediction(self, moment: Moment) -> None:
        if self._asked is None:
            return
        text, request, before = self._asked
        answers = moment.state.predictions.events[before:]
        if answers:
            self._asked = None
            self._tell(Foretold(text, tuple(zip(answers[-1].tokens, answers[-1].probabilities, strict=False))))
        elif refusal := self._refusal(moment, request):
            self._asked = None
            self._tell(Failed(refusal))

    def _look_for_text(self, moment: Moment) -> None:
        if self._writing is None:
            return
        wish, request, before = self._writing
        done = [sample for sample in moment.state.samples.events[before:] if sample.asked]
        piece = moment.sample_piece
        if done:
            self._writing = None
            self._tell(Written(wish, _cut(done[0].text, wish), over=True, prompt=done[0].prompt))
        elif refusal := self._refusal(moment, request):
            self._writing = None
            self._tell(Failed(refusal))
        elif piece is not None and piece.text != self._heard and self._is_ours(piece.prompt, wish):
            self._heard = piece.text
            self._tell(Written(wish, _cut(piece.text, wish), over=False, prompt=piece.prompt))

    def _is_ours(self, prompt: str, wish: Wish) -> bool:
        """Whether a text being written is the one wished for: one that was due may come before it."""
        return prompt == self._read(wish.text)[0]

    def _refusal(self, moment: Moment, request: Request) -> str:
        for command in moment.state.commands.events[::-1][:20]:
            if command.command_id == request.command_id and command.action == request.action:
                return command.reason or "The run refused." if command.status == "refused" else ""
        return ""


def _cut(text: str, wish: Wish) -> str:
    return "".join(until_blank_line(iter([text]))) if wish.stops_at_blank_line else text


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
