"""How a prompt is prepared, in the terminal, in a run and on the screen alike.

- Characters the model has never seen are named, and left out or refused as the caller chooses.
- An empty prompt is the start of a text, and so is one of which nothing is left.
- Of a prompt longer than what the model can look at, its end is kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from babytrain.engine.data.tokenizer import Tokenizer, starting_prompt, unknown_characters_sentence

TRAIN_ON_BYTES_HINT = "train at byte level (--set tokenizer=byte), which can read everything"
_LONGEST_CHARACTER = 4  # bytes of UTF-8, so tokens at most


class PromptError(ValueError):
    """A prompt that a model cannot read, in one sentence."""


@dataclass(frozen=True)
class PreparedPrompt:
    """`text` is what the model reads of a prompt, empty for the start of a text; `ids` are its tokens, one at least.

    `notes` hold one sentence for each thing that was changed; `left_out` counts the characters cut off at the front.
    """

    text: str
    ids: tuple[int, ...]
    notes: tuple[str, ...] = ()
    left_out: int = 0


def prepare_prompt(
    prompt: str, tokenizer: Tokenizer, context: int, *, unknown: Literal["drop", "refuse"] = "drop", start: str = ""
) -> PreparedPrompt:
    """`prompt` as a model with this `tokenizer` reads it, at most `context` tokens.

    `start` is what an empty prompt means where that is not `starting_prompt(tokenizer)`. Raises PromptError for
    characters the model has never seen if they are to be refused.
    """
    if unknown == "refuse" and (unseen := tokenizer.unknown_characters(prompt)):
        raise PromptError(f"{unknown_characters_sentence(unseen)} {_unknown_characters_hint(tokenizer, unseen)}")
    text, notes = drop_unknown_characters(prompt, tokenizer)
    full = text or start or starting_prompt(tokenizer)
    ids = tokenizer.encode(full).tolist()
    if len(ids) <= context:
        return PreparedPrompt(text, tuple(ids), notes)
    kept = _newest(full, ids, tokenizer, context)
    shown = tokenizer.decode(kept)
    left_out = max(1, len(full) - len(shown))
    front = "first character was" if left_out == 1 else f"first {left_out:,} characters were"
    note = f"The {front} left out: the model looks at {context:,} tokens at most."
    return PreparedPrompt(shown if text else "", tuple(kept), (*notes, note), left_out)


def drop_unknown_characters(prompt: str, tokenizer: Tokenizer) -> tuple[str, tuple[str, ...]]:
    """`prompt` without the characters the model has never seen, and a sentence that names them if there are any."""
    unseen = tokenizer.unknown_characters(prompt)
    if not unseen:
        return prompt, ()
    text = "".join(char for char in prompt if char not in unseen)
    pronoun = "it" if len(unseen) == 1 else "them"
    rest = f"the prompt goes on without {pronoun}" if text else "nothing of the prompt is left"
    return text, (f"{unknown_characters_sentence(unseen)[:-1]}; {rest}.",)


def _newest(text: str, ids: list[int], tokenizer: Tokenizer, context: int) -> list[int]:
    """At most `context` of the last `ids`, beginning with a whole character."""
    for count in range(context, max(0, context - _LONGEST_CHARACTER), -1):
        if text.endswith(tokenizer.decode(ids[-count:])):
            return ids[-count:]
    return ids[-context:]  # raw bytes, which have no characters to cut between


def _unknown_characters_hint(tokenizer: Tokenizer, unseen: str) -> str:
    pronoun = "it" if len(unseen) == 1 else "them"
    leave_out = f"Leave {pronoun} out (--unknown drop)"
    return f"{leave_out}, or {TRAIN_ON_BYTES_HINT}." if tokenizer.kind == "char" else f"{leave_out}."
