"""How a text shall be drawn, in the words of one command: `temperature=0.5 top_k=40 seed=3`.

A request and the command on record have one free word besides the text (`dial`); a `sample` that somebody asked for
carries its settings there, so that a journal says how a text came about and a rerun can write it again.
"""

from __future__ import annotations

from collections.abc import Mapping

FLOATS = ("temperature", "top_p", "min_p", "repetition_penalty")
WHOLE = ("top_k", "tokens", "seed")


def sampling_words(wish: Mapping[str, float | int]) -> str:
    """Settings as words. Raises KeyError for a name that is none of `FLOATS` and `WHOLE`."""
    unknown = [name for name in wish if name not in (*FLOATS, *WHOLE)]
    if unknown:
        raise KeyError(unknown[0])
    return " ".join(f"{name}={value:d}" if name in WHOLE else f"{name}={value!r}" for name, value in wish.items())


def read_sampling_words(words: str) -> dict[str, float | int]:
    """The settings that `sampling_words` wrote; what is none is left out. Limits are for the reader to check."""
    wish: dict[str, float | int] = {}
    for word in words.split():
        name, _, value = word.partition("=")
        try:
            if name in WHOLE:
                wish[name] = int(value)
            elif name in FLOATS:
                wish[name] = float(value)
        except ValueError:
            continue
    return wish
