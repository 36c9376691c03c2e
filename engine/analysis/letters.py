"""Recall, precision and confusions by letter: counts of the true tokens and of those the model predicted.

A token of the validation split is correct when the model gave it the highest probability. Small vocabularies get a
full confusion table, large ones counts per token only. Tokens of several characters are grouped by their first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from babytrain.engine.data.tokenizer import Tokenizer, make_visible
from babytrain.runs.events import Confusion, Letters

LARGEST_CONFUSION_TABLE = 1024  # tokens; eight megabytes of counts
MOST_LISTED_SYMBOLS = 128
MOST_LISTED_TOKENS = 40
MOST_LISTED_CONFUSIONS = 24

TokenCounts = npt.NDArray[np.int64]


@dataclass(frozen=True)
class PredictionCounts:
    """Counts by token, [V] each: true, predicted, and both; `table` [V, V] by true and predicted token."""

    support: TokenCounts
    predicted: TokenCounts
    correct: TokenCounts
    table: TokenCounts | None = None


class PredictionCounter:
    """Adds up predictions on the device."""

    def __init__(self, vocabulary_size: int, device: torch.device) -> None:
        self._size = vocabulary_size
        rows = vocabulary_size**2 if vocabulary_size <= LARGEST_CONFUSION_TABLE else 3 * vocabulary_size
        self._counts = torch.zeros(rows, dtype=torch.int64, device=device)

    def add(self, targets: Tensor, predictions: Tensor) -> None:
        """Count targets and predictions [B, T] int64."""
        truth, predicted, size = targets.flatten(), predictions.flatten(), self._size
        if size <= LARGEST_CONFUSION_TABLE:
            self._counts += torch.bincount(truth * size + predicted, minlength=size * size)
        else:
            rows = (truth, predicted, truth[truth == predicted])
            self._counts += torch.cat([torch.bincount(row, minlength=size) for row in rows])

    def counts(self) -> PredictionCounts:
        """The counts so far."""
        size, counts = self._size, self._counts.cpu().numpy()
        if size <= LARGEST_CONFUSION_TABLE:
            table = counts.reshape(size, size)
            return PredictionCounts(table.sum(axis=1), table.sum(axis=0), table.diagonal().copy(), table)
        support, predicted, correct = counts.reshape(3, size)
        return PredictionCounts(support, predicted, correct)


def letters_event(
    counts: PredictionCounts, tokenizer: Tokenizer, tracked_letter: str, *, t: float, step: int
) -> Letters:
    """The counts as a `Letters` event."""
    labels = [tokenizer.token_text(token) for token in range(tokenizer.vocabulary_size)]
    longer = tokenizer.kind == "bpe"
    names, members = _first_characters(tokenizer) if longer else (labels, np.arange(len(labels)))
    symbols = _grouped(counts, members, len(names))
    total = max(1, int(counts.support.sum()))
    shown = _most_frequent(symbols.support, MOST_LISTED_SYMBOLS)
    chosen = make_visible(tracked_letter[:1])
    place = names.index(chosen) if chosen in names else -1
    known = place >= 0 and symbols.support[place] > 0
    common = _most_frequent(counts.support, MOST_LISTED_TOKENS) if longer else []
    return Letters(
        t=t,
        step=step,
        symbols=tuple(names[symbol] for symbol in shown),
        shares=tuple(_share(symbols.support[symbol], total) for symbol in shown),
        recalls=tuple(_share(symbols.correct[symbol], symbols.support[symbol]) for symbol in shown),
        precisions=tuple(_precision(symbols, symbol) for symbol in shown),
        confusions=_confusions(symbols, names),
        tracked_letter=chosen,
        tracked_letter_recall=_share(symbols.correct[place], symbols.support[place]) if known else None,
        tracked_letter_precision=_precision(symbols, place) if known else None,
        accuracy=_share(counts.correct.sum(), total),
        tokens=tuple(labels[token] for token in common),
        token_shares=tuple(_share(counts.support[token], total) for token in common),
        token_recalls=tuple(_share(counts.correct[token], counts.support[token]) for token in common),
    )


def _first_characters(tokenizer: Tokenizer) -> tuple[list[str], npt.NDArray[np.int64]]:
    """The first characters of tokens, made visible, and the index of its first character for each token."""
    first = [make_visible(tokenizer.decode([token])[:1]) for token in range(tokenizer.vocabulary_size)]
    names = list(dict.fromkeys(first))
    places = {name: place for place, name in enumerate(names)}
    return names, np.array([places[name] for name in first])


def _grouped(counts: PredictionCounts, members: npt.NDArray[np.int64], groups: int) -> PredictionCounts:
    """Counts of groups of tokens: a prediction is correct when it is in the group of the true token.

    Without a table only exact predictions count as correct.
    """
    if groups == len(members):
        return counts
    support, predicted, correct = (
        np.bincount(members, weights=row, minlength=groups).astype(np.int64)
        for row in (counts.support, counts.predicted, counts.correct)
    )
    if counts.table is None:
        return PredictionCounts(support, predicted, correct)
    table = np.zeros((groups, groups), dtype=np.int64)
    np.add.at(table, (members[:, None], members[None, :]), counts.table)
    return PredictionCounts(support, predicted, table.diagonal().copy(), table)


def _confusions(counts: PredictionCounts, names: Sequence[str]) -> tuple[Confusion, ...]:
    """The most frequent mistakes, most first; shares are of all places with the true token."""
    if counts.table is None:
        return ()
    mistakes = counts.table.copy()
    np.fill_diagonal(mistakes, 0)
    order = np.argsort(-mistakes, axis=None, kind="stable")[:MOST_LISTED_CONFUSIONS]
    pairs = [divmod(int(place), len(names)) for place in order]
    return tuple(
        Confusion(
            truth=names[truth],
            predicted=names[predicted],
            share=_share(mistakes[truth, predicted], counts.support[truth]),
        )
        for truth, predicted in pairs
        if mistakes[truth, predicted]
    )


def _most_frequent(support: TokenCounts, most: int) -> list[int]:
    order = np.argsort(-support, kind="stable")[:most]
    return [int(place) for place in order if support[place]]


def _precision(counts: PredictionCounts, token: int) -> float | None:
    return _share(counts.correct[token], counts.predicted[token]) if counts.predicted[token] else None


def _share(part: float, whole: float) -> float:
    return round(float(part) / float(whole), 5) if whole else 0.0
