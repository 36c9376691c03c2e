"""Milestones of a run: firsts in its samples and losses, and the best loss on the same data.

The name identifies a milestone, so that it is announced once. docs/metrics.md lists them. Choices:

- A milestone has to be earned: nothing counts while the loss is above that of counting single tokens, and words and
  lines must be more than tokens drawn at random make (`RandomText`).
- Where several steps of one ladder are reached at once only the highest is announced; it includes the lower ones.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from babytrain.engine.analysis.haiku import is_haiku, split_poems
from babytrain.engine.analysis.words import complete_words, words_of
from babytrain.runs.events import Baselines, CorpusInfo
from babytrain.runs.store.run_list import run_folders
from babytrain.runs.store.summary import read_summary


@dataclass(frozen=True)
class BestOnSameData:
    """The lowest validation loss among `runs` other runs; None without any."""

    val_loss: float | None = None
    runs: int = 0


def best_on_same_data(runs_dir: Path, own_run_id: str, facts: CorpusInfo) -> BestOnSameData:
    """The lowest loss of other runs in `runs_dir` with the same data as `facts`. Never raises.

    Losses are per token and of the validation split, so text, tokens and split must agree.
    """
    best: list[float] = []
    for folder in run_folders(runs_dir):
        summary, state = read_summary(folder)
        started, loss = (state.started if state is not None else None), summary.best_val_loss
        if folder.run_id == own_run_id or started is None or loss is None or not math.isfinite(loss):
            continue
        if _data_identity(started.corpus) == _data_identity(facts):
            best.append(loss)
    return BestOnSameData(min(best, default=None), len(best))


def _data_identity(facts: CorpusInfo) -> tuple[str | int, ...]:
    return facts.sha256, facts.tokenizer, facts.vocabulary_size, facts.train_tokens, facts.val_tokens


LETTER_SHARES = (0.5, 0.75, 0.9, 0.94)  # of recall and precision both: who always says e finds every e
SHORTEST_WORD = 4  # letters: shorter ones come by chance
SHORTEST_LINE = 3  # different words
STABLE_SECONDS = 3600.0
LEARNED_SHARE = 0.98  # of the loss of counting single tokens: a model above it has learned nothing of order
CHANCE = 0.01  # the probability from which on a first could be chance

_LADDERS = (
    ("first word", "first line", "first haiku", "new haiku"),
    tuple(f"favourite letter {share:.0%}" for share in LETTER_SHARES),
    ("below the bigram", "below the trigram", "below the 5-gram"),
)


@dataclass(frozen=True)
class ReachedMilestone:
    """A milestone: its permanent name, and the sentence shown."""

    name: str
    text: str


def with_lower_steps(names: Iterable[str]) -> set[str]:
    """The names and those below them on their ladders."""
    reached = set(names)
    for ladder in _LADDERS:
        highest = max((place for place, name in enumerate(ladder) if name in reached), default=-1)
        reached.update(ladder[: highest + 1])
    return reached


def newly_reached(found: Iterable[ReachedMilestone], reached: Collection[str]) -> list[ReachedMilestone]:
    """What to announce of the milestones `found`: of each ladder the highest, if it is not `reached` yet."""
    new = [milestone for milestone in found if milestone.name not in reached]
    names = [milestone.name for milestone in new]
    return [
        milestone
        for milestone in new
        if not any(milestone.name in with_lower_steps([other]) for other in names if other != milestone.name)
    ]


def has_learned(val_loss: float | None, unigram_loss: float | None) -> bool:
    """Whether an evaluation shows that a model knows more than how frequent each token is."""
    return val_loss is not None and unigram_loss is not None and val_loss < LEARNED_SHARE * unigram_loss


class RandomText:
    """How often tokens drawn at random from the training text make real words, and lines of real words."""

    def __init__(self, text: str, is_real: Callable[[str], bool]) -> None:
        words, lines = _long_words(text), text.split("\n")
        # Half an observation more: what was not seen in this text is rare, but not impossible.
        self._words = (sum(map(is_real, words)) + 0.5) / (len(words) + 1)
        self._lines = (sum(_is_real_line(line, is_real) for line in lines) + 0.5) / (len(lines) + 1)

    def milestones(self, text: str, is_real: Callable[[str], bool]) -> Iterator[ReachedMilestone]:
        """The first real word and the first line of real words in a sample; a cut-off end does not count."""
        words = _long_words(text)
        real = [word for word in words if is_real(word)]
        if _is_beyond_chance(len(real), len(words) * self._words):
            yield ReachedMilestone("first word", f"Its first real word: {real[0]!r}.")
        lines = text.split("\n")[:-1]
        good = [line.strip() for line in lines if _is_real_line(line, is_real)]
        if _is_beyond_chance(len(good), len(lines) * self._lines):
            yield ReachedMilestone("first line", f"Its first line of nothing but real words: {good[0][:80]!r}.")


def _long_words(text: str) -> list[str]:
    return [word for word in complete_words(text) if len(word) >= SHORTEST_WORD]


def _is_real_line(line: str, is_real: Callable[[str], bool]) -> bool:
    words = words_of(line)
    return len(set(words)) >= SHORTEST_LINE and all(map(is_real, words))


def _is_beyond_chance(seen: int, expected: float) -> bool:
    """Whether so many (one or more) are improbable where `expected` come by chance (Poisson)."""
    term = below = math.exp(-expected)
    for count in range(1, seen):
        term *= expected / count
        below += term
    return seen > 0 and 1.0 - below < CHANCE


def milestones_of_poems(
    text: str, is_real: Callable[[str], bool], is_unseen: Callable[[str], bool], *, prompt: str = ""
) -> Iterator[ReachedMilestone]:
    """The first poem of the right form and of real words, and the first with a held-out pair of snake and season."""
    poems = [poem for poem in split_poems(prompt + text) if poem not in prompt]
    valid = [poem for poem in poems if is_haiku(poem) and all(map(is_real, words_of(poem)))]
    if valid:
        lines = " / ".join(valid[0].split("\n")).strip(" /")
        yield ReachedMilestone("first haiku", f"Its first poem of 5-7-5 syllables: {lines[:160]}")
    if any(map(is_unseen, valid)):
        yield ReachedMilestone("new haiku", "Its first 5-7-5 poem of a snake and a season that never meet in its text.")


def milestones_of_loss(val_loss: float, baselines: Baselines) -> Iterator[ReachedMilestone]:
    """The n-gram models with a higher loss."""
    for name, level, words in (
        ("bigram", baselines.bigram, "counting pairs"),
        ("trigram", baselines.trigram, "counting threes"),
        ("5-gram", baselines.fivegram, "counting fives"),
    ):
        if val_loss < level:
            yield ReachedMilestone(
                f"below the {name}", f"Better than {words}: {val_loss:.3f} against {level:.3f} nats."
            )


def milestones_of_letter(letter: str, recall: float | None, precision: float | None) -> Iterator[ReachedMilestone]:
    """The shares that both recall and precision of the tracked letter have reached."""
    if recall is None or precision is None:
        return
    for share in LETTER_SHARES:
        if min(recall, precision) >= share:
            praise = " I have never been prouder." if share == LETTER_SHARES[-1] else ""
            yield ReachedMilestone(
                f"favourite letter {share:.0%}",
                f"Past {share:.0%} for the letter {letter}: recall {recall:.0%}, precision {precision:.0%}.{praise}",
            )


def milestones_of_best_loss(val_loss: float, best_before: float | None, runs: int) -> Iterator[ReachedMilestone]:
    """Whether the loss is the lowest of all runs on its text so far."""
    if best_before is not None and val_loss < best_before:
        whose = "the run before" if runs == 1 else f"the best of {runs} runs before"
        text = f"The best validation loss on this text so far: {val_loss:.3f}; {whose} reached {best_before:.3f}."
        yield ReachedMilestone("best of all", text)


def milestones_of_stability(seconds_since_divergence: float) -> Iterator[ReachedMilestone]:
    """An hour of training without a divergence."""
    if seconds_since_divergence >= STABLE_SECONDS:
        yield ReachedMilestone("an hour of calm", "An hour of training without a divergence.")
