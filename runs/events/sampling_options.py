"""Sampling options as text, `temperature=0.5 top_k=40 seed=3`, in the field `dial` of a requested `sample`."""

from __future__ import annotations

from collections.abc import Mapping

FLOAT_OPTIONS = ("temperature", "top_p", "min_p", "repetition_penalty")
INTEGER_OPTIONS = ("top_k", "tokens", "seed", "talk")  # talk=1: a reply on the talk screen


def format_sampling_options(options: Mapping[str, float | int]) -> str:
    """Options as text. Raises KeyError for an unknown name."""
    unknown = [name for name in options if name not in (*FLOAT_OPTIONS, *INTEGER_OPTIONS)]
    if unknown:
        raise KeyError(unknown[0])
    return " ".join(
        f"{name}={value:d}" if name in INTEGER_OPTIONS else f"{name}={value!r}" for name, value in options.items()
    )


def parse_sampling_options(text: str) -> dict[str, float | int]:
    """The options in a text of `format_sampling_options`; unknown words are ignored, limits not checked."""
    options: dict[str, float | int] = {}
    for word in text.split():
        name, _, value = word.partition("=")
        try:
            if name in INTEGER_OPTIONS:
                options[name] = int(value)
            elif name in FLOAT_OPTIONS:
                options[name] = float(value)
        except ValueError:
            continue
    return options
