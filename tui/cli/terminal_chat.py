"""A chat with a trained model in plain text; `chat_command.py` reads the keyboard.

What is typed is printed again with its continuation. A reply ends at a blank line after some text, where a poem or a
speech is over, or after the maximum number of tokens.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, TypeAlias

from babytrain.tui.engine_client.chat_backend import LIKELIEST_TOKENS, until_blank_line
from babytrain.tui.engine_client.conversation import (
    BYTE_TOKENIZER_HINT,
    CHAT_COMMANDS,
    ChatTurn,
    Conversation,
    find_chat_command,
    is_chat_command,
    unescaped_line,
)
from babytrain.tui.engine_client.errors import UsageError
from babytrain.tui.engine_client.model_access import SamplingSettings, SavedModel
from babytrain.tui.terminal.plain_output import PlainOutput, TextOutput
from babytrain.tui.text.token_bars import next_token_lines

ChatOutcome: TypeAlias = Literal["go on", "stopped", "quit"]


class TerminalChat(Conversation):
    """A conversation that prints texts to `output` and messages to `messages`. `width` returns terminal columns."""

    def __init__(
        self,
        model: SavedModel,
        settings: SamplingSettings,
        *,
        max_tokens: int,
        seed: int,
        output: TextOutput,
        messages: PlainOutput,
        width: Callable[[], int],
    ) -> None:
        super().__init__(settings, max_tokens=max_tokens, seed=seed)
        self._model = model
        self._output = output
        self._messages = messages
        self._width = width
        self._crop_announced = False
        self._bytes_announced = False

    def respond(self, line: str) -> ChatOutcome:
        """Carry out a command, or continue a typed line. Problems are printed, never raised."""
        try:
            if is_chat_command(line):
                return self._run_command(line[1:])
            return self._reply(unescaped_line(line))
        except UsageError as error:
            for problem in error.problems:
                self.say(problem)
        return "go on"

    def say(self, sentence: str) -> None:
        """Print a message."""
        self._messages.line(sentence)

    def _reply(self, line: str) -> ChatOutcome:
        typed = self._readable(line)
        return "go on" if line and not typed else self._write(typed)

    def _readable(self, text: str) -> str:
        """`text` without what the model cannot read, with a message, and the first time a hint."""
        known, notes = self._model.without_unknown(text)
        for note in notes:
            self.say(note)
        if notes and not self._bytes_announced:
            self._bytes_announced = True
            self.say(BYTE_TOKENIZER_HINT)
        return known

    def _write(self, typed: str) -> ChatOutcome:
        """Generate from `typed`, or go on with the newest text; Ctrl-C keeps the text so far."""
        prompt = self._model.prepare(typed or self.text)
        if prompt.left_out and not self._crop_announced:
            self._crop_announced = True
            self.say("The text is longer than the model can look back: it sees only the end of it.")
        pieces = self._model.generate(prompt, self.settings, max_tokens=self.max_tokens, seed=self.seed)
        self._output.write(typed)
        written: list[str] = []
        outcome: ChatOutcome = "go on"
        try:
            for piece in until_blank_line(pieces) if self.stop == "blank" else pieces:
                written.append(piece)
                self._output.write(piece)
        except KeyboardInterrupt:
            outcome = "stopped"
        finally:
            self._output.end()
            self.turns.append(ChatTurn(typed, "".join(written)))
        self.advance_seed()
        return outcome

    def _run_command(self, command: str) -> ChatOutcome:
        """Raises UsageError."""
        word, _, rest = command.partition(" ")
        name = find_chat_command(word.strip())
        if name == "quit":
            return "quit"
        if name == "again":
            return self._write(self.remove_last_reply())
        if name == "next":
            self._show_next(rest)
        elif name == "save":
            self.say(f"The conversation is in {self.save(rest.strip())}.")
        elif name == "reset":
            self.turns, self._crop_announced = [], False
            self.say("Everything written here is forgotten.")
        elif name == "help":
            self._help()
        else:
            if rest.strip():
                self.turn(name, rest.strip())
            self.say(f"{name} is {self.setting_value(name)}.")
        return "go on"

    def _show_next(self, text: str) -> None:
        prompt = self._model.prepare(self._readable(text) or self.text)
        likeliest = self._model.likeliest(prompt, LIKELIEST_TOKENS)
        for line in next_token_lines(prompt.text, likeliest, self._width(), self._output.charset):
            self._output.line(line)

    def _help(self) -> None:
        shown = [
            (name, example and self.setting_value(name, example), doc) for name, (example, doc) in CHAT_COMMANDS.items()
        ]
        width = max(len(name) + len(value) for name, value, _ in shown) + 3
        self.say("Type a text and the model goes on from it; an empty line goes on writing.")
        for name, value, doc in shown:
            self.say(f"/{f'{name} {value}':<{width}}{doc}")
        self.say("The first letters of a command are enough. A text with / in front is typed with //.")
        self.say("Ctrl-C stops a text; Ctrl-D, or Ctrl-C once more, leaves.")
