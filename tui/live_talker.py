"""A run that trains here, as somebody to talk to: asked through its own queue, so that it answers between two steps."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from babytrain.runs.events import Command, CommandAction, Request
from babytrain.runs.sampling_wish import sampling_words
from babytrain.runs.state import Moment
from babytrain.tui.conversation import until_blank_line
from babytrain.tui.source import LiveSource
from babytrain.tui.talker import Failed, Foretold, PromptReader, Tell, Wish, Written


@dataclass(frozen=True)
class _Question:
    """A request under way. Its number may stand on record already, from an earlier session of the same run."""

    request: Request
    commands_before: int  # on record when it was asked


class LiveTalker:
    """Lives in the thread of the screen. What belongs to which request is told by the command on record: the engine
    puts it there when it has obeyed, right behind what came of it."""

    def __init__(self, source: LiveSource, reader: PromptReader | None, tell: Tell) -> None:
        self.reader = reader
        self._source = source
        self._tell = tell
        self._wanted: str | None = None
        self._asked: tuple[str, _Question] | None = None
        self._writing: tuple[Wish, _Question] | None = None
        self._heard = ""

    def predict(self, text: str) -> None:
        """Ask now, or as soon as the answer before has come."""
        self._wanted = text
        self._ask_next()

    def write(self, wish: Wish) -> None:
        """Ask for a sample with these settings."""
        self.stop()
        text, _ = self._read(wish.text)
        words = sampling_words(asdict(wish.settings) | {"tokens": wish.max_tokens, "seed": wish.seed})
        self._writing = wish, self._ask("sample", text, words)
        self._heard = ""

    def stop(self) -> None:
        """The engine ends it at the next token, as it stands then; nothing more of it is heard here."""
        if self._writing is not None:
            self._source.feed.give_up(self._writing[1].request)
            self._writing = None

    def look(self, moment: Moment) -> None:
        """Whether an answer has come."""
        self._look_for_prediction(moment)
        self._look_for_text(moment)
        self._ask_next()

    def close(self) -> None:
        """Nobody waits for a text any more."""
        self.stop()
        self._wanted = None

    def _read(self, text: str) -> tuple[str, tuple[str, ...]]:
        """The text as it is sent: what the model cannot read was told already and need not go into the log."""
        if self.reader is None:
            return text, ()
        prompt = self.reader.prepare(text)
        return prompt.text, prompt.notes

    def _ask(self, action: CommandAction, text: str, dial: str = "") -> _Question:
        return _Question(self._source.feed.ask(action, None, text, dial), len(self._source.state.commands))

    def _ask_next(self) -> None:
        if self._asked is None and self._wanted is not None:
            text, self._wanted = self._wanted, None
            sent, _ = self._read(text)
            self._asked = text, self._ask("predict", sent)

    def _look_for_prediction(self, moment: Moment) -> None:
        if self._asked is None:
            return
        text, question = self._asked
        answer = _answer_to(question, moment)
        if answer is None:
            return
        self._asked = None
        foretold = moment.state.predictions.last_until(answer.t)
        if answer.status == "refused" or foretold is None:
            self._tell(Failed(answer.reason or "The run refused."))
        else:
            self._tell(Foretold(text, tuple(zip(foretold.tokens, foretold.probabilities, strict=False))))

    def _look_for_text(self, moment: Moment) -> None:
        if self._writing is None:
            return
        wish, question = self._writing
        piece = moment.sample_piece
        if answer := _answer_to(question, moment):
            self._writing = None
            self._tell(self._text_of(wish, answer, moment))
        elif piece is not None and piece.text != self._heard and self._is_ours(piece.prompt, wish):
            self._heard = piece.text
            text = _cut(piece.text, wish)
            over = len(text) < len(piece.text)
            if over:
                self.stop()  # what comes after the blank line would be cut off
            self._tell(Written(wish, text, over, prompt=piece.prompt))

    def _text_of(self, wish: Wish, answer: Command, moment: Moment) -> Written | Failed:
        """What became of the wish: the text written last before its command was put on record."""
        if answer.status == "refused":
            return Failed(answer.reason or "The run refused.")
        written = [one for one in moment.state.samples.until(answer.t) if one.asked and one.seed == wish.seed]
        if not written:  # the run went back right after it
            return Written(wish, _cut(self._heard, wish), over=True)
        return Written(wish, _cut(written[-1].text, wish), over=True, prompt=written[-1].prompt)

    def _is_ours(self, prompt: str, wish: Wish) -> bool:
        """Whether a text being written is the one wished for: one that was due may come before it."""
        return prompt == self._read(wish.text)[0]


def _answer_to(question: _Question, moment: Moment) -> Command | None:
    """What the run has put on record about a question, None before it has obeyed or refused it."""
    since = moment.state.commands.events[question.commands_before :]
    own = question.request.command_id
    return next((one for one in since if one.command_id == own), None)


def _cut(text: str, wish: Wish) -> str:
    return "".join(until_blank_line(iter([text]))) if wish.stops_at_blank_line else text
