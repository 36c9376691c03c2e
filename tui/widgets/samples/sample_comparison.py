"""Samples selected by prompt and step, and the words in which two texts differ.

- Words are compared, not characters: between two samples of an early model nearly every letter differs. White space
  does not count.
- Neighbouring words that differ are one range; it ends at a line break.
- `difflib` is used without its shortcut for frequent words, which takes quadratic time, so only the first
  `MAX_COMPARED_WORDS` words are compared.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import lru_cache
from typing import Literal, TypeAlias

from babytrain.runs.events import Sample, TextMetrics
from babytrain.runs.state.run_state import RunState

Alignment = Literal["step", "share"]


@dataclass(frozen=True)
class SampleWithMetrics:
    """A sample with its metrics. `run` is the name of its run when two runs are compared."""

    sample: Sample
    val_loss: float | None  # of the newest evaluation when it was written
    metrics: TextMetrics | None
    run: str = ""


def prompts_of(samples: Sequence[Sample]) -> list[str]:
    """The different prompts in order of appearance; prompts only requested by a person come last."""
    own = dict.fromkeys(sample.prompt for sample in samples if not sample.requested)
    asked = dict.fromkeys(sample.prompt for sample in samples if sample.requested)
    return [*own, *(prompt for prompt in asked if prompt not in own)]


def samples_with_prompt(samples: Sequence[Sample], prompt: str) -> list[Sample]:
    """The samples that continue this prompt, in order."""
    return [sample for sample in samples if sample.prompt == prompt]


def nearest_sample(samples: Sequence[Sample], step: float) -> Sample | None:
    """The sample nearest to a step; of two equally near the later one."""
    return min(reversed(samples), key=lambda sample: abs(sample.step - step), default=None)


def same_sample(first: Sample | None, second: Sample | None) -> bool:
    """Whether two are the same sample, also after its journal was read again."""
    if first is None or second is None:
        return first is second
    return (first.sample_id, first.step, first.t) == (second.sample_id, second.step, second.t)


def index_of(samples: Sequence[Sample], wanted: Sample | None) -> int | None:
    """The index of a sample, None if it is not there."""
    return next((index for index, sample in enumerate(samples) if same_sample(sample, wanted)), None)


def with_metrics(state: RunState, sample: Sample, run: str = "") -> SampleWithMetrics:
    """A sample with its validation loss and its metrics."""
    val_loss = val_losses_when_written(state, [sample])[0]
    return SampleWithMetrics(sample, val_loss, state.at().text_metrics_of(sample), run)


def val_losses_when_written(state: RunState, samples: Sequence[Sample]) -> list[float | None]:
    """The validation loss of the newest evaluation when each of these was written, None before the first one."""
    newest = [state.evals.last_until(sample.t) for sample in samples]
    return [evaluation.val_loss if evaluation is not None else None for evaluation in newest]


def matching_sample(state: RunState, other: RunState, sample: Sample, align: Alignment) -> Sample | None:
    """The sample of another run to compare with: with the same prompt if there is one, at the nearest step or the
    nearest share of the run."""
    theirs = other.samples.events
    same_prompt = samples_with_prompt(theirs, sample.prompt)
    candidates = same_prompt or samples_with_prompt(theirs, next(iter(prompts_of(theirs)), ""))
    step = float(sample.step)
    if align == "share":
        here, there = state.at().total_steps, other.at().total_steps
        step = sample.step / here * there if here > 0 else step
    return nearest_sample(candidates, step)


def recorded_run_name(state: RunState) -> str:
    """The recorded name of the run."""
    return state.started.name if state.started else "the run"


TextRange: TypeAlias = tuple[int, int]  # start and end offset
MAX_COMPARED_WORDS = 1200
_WORD = re.compile(r"[\w'’]+|[^\w\s]")


@dataclass(frozen=True)
class TextComparison:
    """The ranges of either text that the other one does not have, in order, and the share of common words."""

    left: tuple[TextRange, ...]
    right: tuple[TextRange, ...]
    same_share: float  # of the words of both texts, those in both in the same order
    is_whole: bool = True  # False when only the first words were compared


@lru_cache(maxsize=64)
def compare_texts(left: str, right: str) -> TextComparison:
    """The words in which two texts differ."""
    words = _words(left), _words(right)
    whole = max(len(words[0]), len(words[1])) <= MAX_COMPARED_WORDS
    lefts, rights = words[0][:MAX_COMPARED_WORDS], words[1][:MAX_COMPARED_WORDS]
    matcher = SequenceMatcher(None, [left[a:b] for a, b in lefts], [right[a:b] for a, b in rights], autojunk=False)
    opcodes = [code for code in matcher.get_opcodes() if code[0] != "equal"]
    return TextComparison(
        tuple(word_range for _, a, b, _, _ in opcodes for word_range in _joined(left, lefts[a:b])),
        tuple(word_range for _, _, _, a, b in opcodes for word_range in _joined(right, rights[a:b])),
        matcher.ratio(),
        whole,
    )


def _words(text: str) -> list[TextRange]:
    """The ranges of words; a combining mark belongs to its word."""
    words: list[TextRange] = []
    for match in _WORD.finditer(text):
        if words and words[-1][1] == match.start() and _continues(text, match.start()):
            words[-1] = (words[-1][0], match.end())
        else:
            words.append(match.span())
    return words


def _continues(text: str, position: int) -> bool:
    """Whether the character at `position` continues the word before it: a mark, or letters after one."""
    return unicodedata.category(text[position])[0] == "M" or unicodedata.category(text[position - 1])[0] == "M"


def _joined(text: str, words: list[TextRange]) -> list[TextRange]:
    joined: list[TextRange] = []
    for start, end in words:
        if joined and "\n" not in text[joined[-1][1] : start]:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    return joined
