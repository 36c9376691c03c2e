"""Settings of the house: what is wrong with one as a person typed it. Pure functions; an empty answer means nothing is.

These settings say who lives with the machine and who pays for it. None of them changes a result.
"""

from __future__ import annotations

from babytrain.runs.day_times import parse_windows
from babytrain.runs.tariff import parse_bands

LONGEST_NICKNAME = 40


def check_hours(text: str) -> str:
    """What is wrong with stretches of the day."""
    try:
        parse_windows(text)
    except ValueError as error:
        return str(error)
    return ""


def check_bands(text: str) -> str:
    """What is wrong with prices at times of the day."""
    try:
        parse_bands(text)
    except ValueError as error:
        return str(error)
    return ""


def check_currency(text: str) -> str:
    """What is wrong with a currency: it is three capital letters (ISO 4217), whichever they are."""
    if not text or (len(text) == 3 and text.isascii() and text.isalpha() and text.isupper()):
        return ""
    return f"{text!r} is no currency; write three capital letters such as EUR, INR or USD"


def check_nickname(text: str) -> str:
    """What is wrong with a name for a card."""
    if len(text) > LONGEST_NICKNAME:
        return f"a nickname has at most {LONGEST_NICKNAME} characters"
    if not text.isprintable():
        return "a nickname has no control characters"
    return ""
