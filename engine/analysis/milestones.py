"""Milestones of a run: firsts in its samples and losses, and the best loss on the same data.

The name identifies a milestone, so that it is announced once. docs/metrics.md lists them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

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
        started = state.started if state is not None else None
        if folder.run_id == own_run_id or started is None or summary.best_val_loss is None:
            continue
        if _data_identity(started.corpus) == _data_identity(facts):
            best.append(summary.best_val_loss)
    return BestOnSameData(min(best, default=None), len(best))


def _data_identity(facts: CorpusInfo) -> tuple[str | int, ...]:
    return facts.sha256, facts.tokenizer, facts.vocabulary_size, facts.train_tokens, facts.val_tokens


LETTER_ACCURACY_SHARES = (0.5, 0.75, 0.9, 0.94)
SHORTEST_WORD = 4  # letters: shorter ones come by chance
SHORTEST_LINE = 3  # words
STABLE_SECONDS = 3600.0


@dataclass(frozen=True)
class ReachedMilestone:
    """A milestone: its permanent name, and the sentence shown."""

    name: str
    text: str


def milestones_of_text(text: str, is_real: Callable[[str], bool], *, whole: bool = False) -> Iterator[ReachedMilestone]:
    """The first real word and the first line of real words in a sample; a cut-off end does not count."""
    lines = text.splitlines()
    complete = lines if whole or text.endswith("\n") else lines[:-1]
    words = complete_words(text, whole=whole)
    word = next((word for word in words if len(word) >= SHORTEST_WORD and is_real(word)), None)
    if word is not None:
        yield ReachedMilestone("first word", f"Its first real word: {word!r}.")
    for line in complete:
        found = words_of(line)
        if len(found) >= SHORTEST_LINE and all(map(is_real, found)):
            yield ReachedMilestone("first line", f"Its first line of nothing but real words: {line.strip()[:80]!r}.")
            return


def milestones_of_poems(valid: int, unseen_pairs: int) -> Iterator[ReachedMilestone]:
    """The first poem of the right form, and the first with a held-out pair of snake and season word."""
    if valid:
        yield ReachedMilestone("first haiku", "Its first poem of 5-7-5 syllables.")
    if unseen_pairs:
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


def milestones_of_letter(letter: str, recall: float | None) -> Iterator[ReachedMilestone]:
    """The recall shares that the tracked letter has reached."""
    for share in LETTER_ACCURACY_SHARES:
        if recall is not None and recall >= share:
            praise = " I have never been prouder." if share == LETTER_ACCURACY_SHARES[-1] else ""
            yield ReachedMilestone(
                f"favourite letter {share:.0%}",
                f"Past {share:.0%}: it predicts the letter {letter} with {recall:.0%} accuracy.{praise}",
            )


def milestones_of_best_loss(val_loss: float, best_before: float | None, runs: int) -> Iterator[ReachedMilestone]:
    """Whether the loss is the lowest of all runs on its text so far."""
    if best_before is not None and val_loss < best_before:
        whose = "the one before" if runs == 1 else f"all {runs} before"
        yield ReachedMilestone("best of all", f"The best validation loss on this text, of {whose}: {val_loss:.3f}.")


def milestones_of_stability(seconds_since_divergence: float) -> Iterator[ReachedMilestone]:
    """An hour of training without a divergence."""
    if seconds_since_divergence >= STABLE_SECONDS:
        yield ReachedMilestone("an hour of calm", "An hour of training without a divergence.")
