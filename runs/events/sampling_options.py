"""How a text shall be drawn, in the words of one command: `temperature=0.5 top_k=40 seed=3`.

A request and the command on record have one free word besides the text (`dial`); a `sample` that somebody asked for
carries its settings there, so that a journal says how a text came about and a rerun can write it again.
"""

from __future__ import annotations

from collections.abc import Mapping

FLOAT_OPTIONS = ("temperature", "top_p", "min_p", "repetition_penalty")
INTEGER_OPTIONS = ("top_k", "tokens", "seed")


def format_sampling_options(wish: Mapping[str, float | int]) -> str:
    """Settings as words. Raises KeyError for a name that is none of `FLOATS` and `WHOLE`."""
    unknown = [name for name in wish if name not in (*FLOAT_OPTIONS, *INTEGER_OPTIONS)]
    if unknown:
        raise KeyError(unknown[0])
    return " ".join(
        f"{name}={value:d}" if name in INTEGER_OPTIONS else f"{name}={value!r}" for name, value in wish.items()
    )


def parse_sampling_options(words: str) -> dict[str, float | int]:
    """The settings that `sampling_words` wrote; what is none is left out. Limits are for the reader to check."""
    wish: dict[str, float | int] = {}
    for word in words.split():
        name, _, value = word.partition("=")
        try:
            if name in INTEGER_OPTIONS:
                wish[name] = int(value)
            elif name in FLOAT_OPTIONS:
                wish[name] = float(value)
        except ValueError:
            continue
    return wish
