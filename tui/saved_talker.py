"""A model that was saved, as somebody to talk to: loaded, and made to work, in a thread of its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from babytrain.runs.state import Moment
from babytrain.tui.conversation import until_blank_line
from babytrain.tui.talker import (
    LIKELIEST,
    Author,
    Failed,
    Foretold,
    Heard,
    PromptReader,
    Tell,
    Wish,
    Woken,
    Written,
)

SECONDS_BETWEEN_PIECES = 1 / 20  # a small model writes thousands of tokens a second, and the screen draws each piece


@dataclass(frozen=True)
class _Checkpoint:
    """To be loaded: "best", "last", a name or a step."""

    at: str


class SavedTalker:
    """A model from one checkpoint after another; `load` gets one and raises ValueError with a sentence.

    `run` is called in a worker thread and returns after `close`, or when the first checkpoint cannot be loaded; it
    never raises. Of a later one that cannot, the model that is awake stays awake.
    """

    def __init__(self, load: Callable[[str], Author], at: str, tell: Tell) -> None:
        self.reader: PromptReader | None = None
        self._load = load
        self._tell = tell
        self._news = threading.Condition()
        self._closed = False
        self._checkpoint: _Checkpoint | None = _Checkpoint(at)  # to be loaded next
        self._text: str | None = None  # to be foretold next
        self._wish: Wish | None = None  # to be written next
        self._stopped = False

    def wake(self, at: str) -> None:
        """Another checkpoint in place of this one; a text being written ends."""
        with self._news:
            self._checkpoint, self._stopped = _Checkpoint(at), True
            self._news.notify()

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
        author: Author | None = None
        while (job := self._next_job()) is not None:
            if isinstance(job, _Checkpoint):
                author = self._woken(job.at, author)
            if author is None:
                return
            try:
                if isinstance(job, Wish):
                    self._write(author, job)
                elif isinstance(job, str):
                    likeliest = author.likeliest(author.prepare(job), LIKELIEST)
                    self._say(Foretold(job, tuple(likeliest)))
            except ValueError as error:
                self._say(Failed(str(error)))

    def _woken(self, at: str, awake: Author | None) -> Author | None:
        """The model of a checkpoint, or the one that is `awake` where there is none such."""
        try:
            author = self._load(at)
        except ValueError as error:
            problem = str(error)
        except Exception as error:  # noqa: BLE001 - the seam: a person gets a sentence, never a traceback
            problem = f"The model cannot be loaded ({type(error).__name__}: {error})."
        else:
            self.reader = author
            self._say(Woken(_step_words(author), author.notes))
            return author
        self._say(Failed(problem, final=awake is None))
        if awake is not None:
            self._say(Woken(_step_words(awake)))
        return awake

    def _next_job(self) -> _Checkpoint | Wish | str | None:
        """Wait for something to do: to load a model, then to write a text, then to foretell one. None after `close`."""
        with self._news:
            self._news.wait_for(
                lambda: self._closed or any(job is not None for job in (self._checkpoint, self._wish, self._text))
            )
            if self._closed:
                return None
            if self._checkpoint is not None:
                checkpoint, self._checkpoint = self._checkpoint, None
                return checkpoint
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


def _step_words(author: Author) -> str:
    return f"step {author.step:,}"
