"""Milestones: what happens for the first time in the life of a model. Pure functions from figures to names and texts.

A name is an identity: whoever keeps the names that were reached never hears of one twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from babytrain.engine.reading.words import words_of
from babytrain.runs.events import Baselines

FAVOURITE_SHARES = (0.5, 0.75, 0.9, 0.94)
SHORTEST_WORD = 4  # letters: shorter ones come by chance
SHORTEST_LINE = 3  # words
CALM_SECONDS = 3600.0


@dataclass(frozen=True)
class Reached:
    """A milestone: what it is called for good, and what is said about it."""

    name: str
    text: str


def milestones_of_text(text: str, is_real: Callable[[str], bool], *, whole: bool = False) -> Iterator[Reached]:
    """The first real word and the first line of real words in a sample; its cut-off end does not count."""
    lines = text.splitlines()
    complete = lines if whole or text.endswith("\n") else lines[:-1]
    words = words_of(" ".join(lines))
    if not whole and words and text[-1:].isalpha():
        words.pop()
    word = next((word for word in words if len(word) >= SHORTEST_WORD and is_real(word)), None)
    if word is not None:
        yield Reached("first word", f"Its first real word: {word!r}.")
    for line in complete:
        found = words_of(line)
        if len(found) >= SHORTEST_LINE and all(is_real(one) for one in found):
            yield Reached("first line", f"Its first line of nothing but real words: {line.strip()[:80]!r}.")
            return


def milestones_of_poems(valid: int, never_paired: int) -> Iterator[Reached]:
    """The first poem of the right form, and the first with a snake and a season that its text never brings together."""
    if valid:
        yield Reached("first haiku", "Its first poem of 5-7-5 syllables.")
    if never_paired:
        yield Reached("new haiku", "Its first 5-7-5 poem of a snake and a season that never meet in its text.")


def milestones_of_loss(val_loss: float, baselines: Baselines) -> Iterator[Reached]:
    """Which counting models it predicts better than."""
    for name, level, words in (
        ("bigram", baselines.bigram, "counting pairs"),
        ("trigram", baselines.trigram, "counting threes"),
        ("5-gram", baselines.fivegram, "counting fives"),
    ):
        if val_loss < level:
            yield Reached(f"below the {name}", f"Better than {words}: {val_loss:.3f} against {level:.3f} nats.")


def milestones_of_letter(letter: str, recall: float | None) -> Iterator[Reached]:
    """How far its favourite letter has come."""
    for share in FAVOURITE_SHARES:
        if recall is not None and recall >= share:
            praise = " I have never been prouder." if share == FAVOURITE_SHARES[-1] else ""
            yield Reached(
                f"favourite letter {share:.0%}",
                f"Past {share:.0%}: it predicts the letter {letter} with {recall:.0%} accuracy.{praise}",
            )


def milestones_of_family(val_loss: float, best_before: float | None, runs: int) -> Iterator[Reached]:
    """Whether it is the best of all runs on its text so far."""
    if best_before is not None and val_loss < best_before:
        whose = "the one before" if runs == 1 else f"all {runs} before"
        yield Reached("best of all", f"The best validation loss on this text, of {whose}: {val_loss:.4f}.")


def milestones_of_calm(calm_seconds: float) -> Iterator[Reached]:
    """An hour in which nothing went wrong."""
    if calm_seconds >= CALM_SECONDS:
        yield Reached("an hour of calm", "An hour of training without a divergence.")
