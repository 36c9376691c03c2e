"""Generated texts, and measures of what the model has learned."""

from __future__ import annotations

import msgspec

from babytrain.runs.events.base import Event


class SamplePiece(Event, frozen=True, kw_only=True, tag="sample_piece"):
    """A few more characters of sample `sample_id` while it is being written. Live only, never in the journal."""

    sample_id: int
    prompt: str
    text: str  # everything written so far, without the prompt
    talk: bool = False  # of a conversation on the talk screen


class Sample(Event, frozen=True, kw_only=True, tag="sample"):
    """A finished generated text (`text` is without the prompt). Untrusted: escape it before showing it."""

    sample_id: int
    prompt: str
    text: str
    seed: int
    temperature: float
    seconds: float
    requested: bool = False
    talk: bool = False  # of a conversation on the talk screen, not one of the run's samples
    # Sampling options besides the temperature; the defaults sample from the whole distribution.
    top_k: int = 0
    top_p: float = 1.0
    min_p: float = 0.0
    repetition_penalty: float = 1.0


class TextMetrics(Event, frozen=True, kw_only=True, tag="text_metrics"):
    """Metrics of the text of sample `sample_id`. None where one does not apply; shares lie between 0 and 1."""

    sample_id: int
    memorisation: float | None = None  # 1: copies as much as held-out text does by chance; 2: copies everything
    random_memorisation: float | None = None  # the same of tokens drawn at random: a sample near it is no text yet
    longest_match: int = 0  # characters found word for word in the training text
    match_start: int = 0  # where the match begins in the sample's own text
    source_line: str = ""  # of the training text, where it was copied from
    source_line_number: int = 0  # from 1
    real_word_share: float | None = None
    new_words: tuple[str, ...] = ()  # words that are not in the training text, a few of them
    distinct_pairs_share: float | None = None  # different pairs of neighbouring words, of all such pairs
    coherent_sentence_share: float | None = None
    haiku: int | None = None  # poems in the sample; None for any other corpus than haiku
    valid_haiku: int | None = None  # of them of the form 5-7-5
    new_haiku: int | None = None  # of the valid ones, combinations of lines that were never trained on


class Confusion(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How often `predicted` was the likeliest symbol where the text has `truth`, as a share of all `truth`."""

    truth: str
    predicted: str
    share: float


class Letters(Event, frozen=True, kw_only=True, tag="letters"):
    """How well each symbol is predicted over the whole validation split, in parallel tuples, most common first.

    A symbol is a character made visible, or a byte; of longer tokens their first character, and then `tokens` holds the
    most frequent tokens themselves. Untrusted text: escape it before showing it.
    """

    symbols: tuple[str, ...]
    shares: tuple[float, ...]  # of the text
    recalls: tuple[float, ...]  # correct predictions of it / its occurrences
    precisions: tuple[float | None, ...]  # correct predictions of it / all its predictions
    confusions: tuple[Confusion, ...] = ()  # the most frequent ones
    tracked_letter: str = ""
    tracked_letter_recall: float | None = None
    tracked_letter_precision: float | None = None
    accuracy: float = 0.0  # of all tokens
    tokens: tuple[str, ...] = ()
    token_shares: tuple[float, ...] = ()
    token_recalls: tuple[float, ...] = ()


class Baselines(Event, frozen=True, kw_only=True, tag="baselines"):
    """Validation losses of n-gram models on this corpus, in nats per token."""

    uniform: float
    unigram: float
    bigram: float
    trigram: float
    fivegram: float
    seconds: float = 0.0


class Milestone(Event, frozen=True, kw_only=True, tag="milestone"):
    """Something that happened for the first time. Each `name` occurs once in a run."""

    name: str
    text: str


class Predicted(Event, frozen=True, kw_only=True, tag="predicted"):
    """The likeliest next tokens after a text. Live only, never in the journal. Untrusted text."""

    prompt: str
    tokens: tuple[str, ...]
    probabilities: tuple[float, ...]


class CanaryExposure(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A planted line and its exposure: log2 of the number of candidates minus log2 of its rank among them."""

    line: str
    exposure_bits: float
    rank: int
    candidates: int


class FinalEvaluation(Event, frozen=True, kw_only=True, tag="final_evaluation"):
    """The poems that a haiku model wrote at the end, counted by their form."""

    poems: int
    valid: int  # of the form 5-7-5
    new: int  # of the valid ones, those that are nowhere in the training text
    different: int | None = None  # of the valid ones, each counted once: a model may write one poem a hundred times
    unseen_pairs: int = 0  # of the valid ones, those with a snake and a season that the text never combines
    temperature: float
    seed: int
    seconds: float


class Canaries(Event, frozen=True, kw_only=True, tag="canaries"):
    """The exposure of lines that were planted in the training text."""

    canaries: tuple[CanaryExposure, ...]
