"""A conversation with a trained model: its turns, and how the next reply is sampled.

The models continue a text. What is typed begins a new text; with nothing typed the model goes on with the newest one,
from as much of its end as fits its context.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from babytrain.runs.files.home_folder import expand_home
from babytrain.tui.engine_client.errors import UsageError
from babytrain.tui.terminal.plain_output import exact_bytes

if TYPE_CHECKING:
    from babytrain.tui.engine_client.model_access import SamplingSettings

BYTE_TOKENIZER_HINT = "A run at byte level (--set tokenizer=byte) reads everything."
MAX_REPLY_TOKENS = 100_000
MAX_SEED = 2**63 - 1
# Command -> example of its argument, what it does.
CHAT_COMMANDS = {
    "temperature": ("0.5", "0 = always the likeliest"),
    "top-k": ("40", "only from the k likeliest, 0 = all"),
    "top-p": ("0.9", "only from the likeliest that make up this share"),
    "min-p": ("0.1", "nothing less likely than this share of the likeliest"),
    "repetition-penalty": ("1.2", "how much less likely what was just written gets"),
    "tokens": ("200", "how much to write at most"),
    "stop": ("blank", "where a reply ends before that: blank = at a blank line, never"),
    "seed": ("1", "of the next reply"),
    "again": ("", "another reply to the same"),
    "next": ("TEXT", "what may come after a text, or after the newest one"),
    "reset": ("", "forget everything written here"),
    "save": ("FILE", "write everything written here to a file"),
    "help": ("", "this"),
    "quit": ("", "leave"),
}
# Sampling setting -> the values of the arrow keys.
_STEPS: Mapping[str, tuple[float, ...]] = {
    "temperature": (0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.1, 1.2, 1.5, 2, 3),
    "top-k": (0, 1, 2, 3, 5, 10, 20, 40, 100),
    "top-p": (0.1, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 1),
    "min-p": (0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5),
    "repetition-penalty": (1, 1.05, 1.1, 1.2, 1.3, 1.5, 2),
}
SAMPLING_SETTINGS = tuple(_STEPS)


@dataclass(frozen=True)
class ChatTurn:
    """What was typed, without characters the model cannot read, and what the model wrote."""

    typed: str
    reply: str


class Conversation:
    """The turns and the settings of the next reply."""

    def __init__(self, settings: SamplingSettings, *, max_tokens: int, seed: int) -> None:
        self.settings = settings
        self.max_tokens = max_tokens
        self.seed = seed
        self.stop = "blank"
        self.turns: list[ChatTurn] = []

    @property
    def text(self) -> str:
        """The newest text, from the line typed last on."""
        first = max((at for at, turn in enumerate(self.turns) if turn.typed), default=0)
        return "".join(turn.typed + turn.reply for turn in self.turns[first:])

    def advance_seed(self) -> None:
        """The seed of the next reply: each has its own, so that a conversation can be repeated."""
        self.seed = min(self.seed + 1, MAX_SEED)

    def turn(self, name: str, value: str) -> None:
        """Change the setting `name` of `CHAT_COMMANDS`. Raises UsageError."""
        if name == "tokens":
            self.max_tokens = _whole_number(name, value, 1, MAX_REPLY_TOKENS)
        elif name == "seed":
            self.seed = _whole_number(name, value, 0, MAX_SEED)
        elif name == "stop":
            if value not in ("blank", "never"):
                raise UsageError([f"stop is blank or never, not {value!r}."])
            self.stop = value
        else:
            field = name.replace("-", "_")
            try:
                number: Any = int(value) if field == "top_k" else float(value)
                self.settings = dataclasses.replace(self.settings, **{field: number})
            except ValueError as error:
                problems = getattr(error, "problems", None)
                kind = "a whole number" if field == "top_k" else "a number"
                raise UsageError(problems or [f"{name} is {kind}, not {value!r}."]) from error

    def setting_value(self, name: str, otherwise: str = "") -> str:
        """The value of a setting as text, `otherwise` for another command."""
        if name in ("tokens", "seed", "stop"):
            return str({"tokens": self.max_tokens, "seed": self.seed, "stop": self.stop}[name])
        value = getattr(self.settings, name.replace("-", "_"), None)
        return otherwise if value is None else f"{value:g}"

    def remove_last_reply(self) -> str:
        """Remove the newest turn and return what was typed. Raises UsageError."""
        if not self.turns:
            raise UsageError(["There is nothing to write again: type a text first."])
        return self.turns.pop().typed

    def save(self, name: str) -> Path:
        """Write the conversation to a new file, exactly. Raises UsageError."""
        if not name:
            raise UsageError(["Say where to save it: /save FILE."])
        if not self.turns:
            raise UsageError(["There is nothing to save: type a text first."])
        try:
            path = expand_home(name)
            with path.open("xb") as file:
                file.write(exact_bytes(self._transcript()))
        except FileExistsError as error:
            raise UsageError([f"{path} is there already: choose another name."]) from error
        except (OSError, ValueError) as error:  # also a zero byte
            reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
            raise UsageError([f"The conversation cannot be written to {name}: {reason.rstrip('.')}."]) from error
        return path

    def _transcript(self) -> str:
        blocks = (f"> {turn.typed}\n{(turn.typed + turn.reply).rstrip()}\n" for turn in self.turns)
        return "\n".join(blocks)


def next_value(name: str, value: float, direction: int) -> float:
    """The next value of a sampling setting up (1) or down (-1); at the end it stays."""
    if direction > 0:
        return next((step for step in _STEPS[name] if step > value + 1e-9), value)
    return next((step for step in reversed(_STEPS[name]) if step < value - 1e-9), value)


def find_chat_command(word: str) -> str:
    """The command named `word`, or the only one that begins with it. Raises UsageError."""
    wanted = word.lower().replace("_", "-")
    found = [name for name in CHAT_COMMANDS if wanted and name.startswith(wanted)]
    if wanted in CHAT_COMMANDS or len(found) == 1:
        return wanted if wanted in CHAT_COMMANDS else found[0]
    if found:
        raise UsageError([f"/{word} may be {' or '.join(f'/{name}' for name in found)}."])
    raise UsageError([f"There is no command /{word}; /help lists them, and // begins a text with /."])


def _whole_number(name: str, text: str, low: int, high: int) -> int:
    try:
        number = int(text)
    except ValueError:
        raise UsageError([f"{name} is a whole number, not {text!r}."]) from None
    if not low <= number <= high:
        raise UsageError([f"{name} must lie between {low} and {high}; it is {number}."])
    return number


def is_chat_command(line: str) -> bool:
    """Whether a line is a command (`/temperature 0.5`); `//` begins a text with `/`."""
    return line.startswith("/") and not line.startswith("//")


def unescaped_line(line: str) -> str:
    """The text of a line that is not a command."""
    return line.removeprefix("/") if line.startswith("//") else line
