"""The letter board: its counts are those of a plain loop, and measuring it leaves the losses as they are."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from babytrain.engine.analysis import letters
from babytrain.engine.analysis.letters import PredictionCounter, PredictionCounts, letters_event
from babytrain.engine.data.tokenizer import ByteTokenizer, CharTokenizer
from babytrain.engine.data.tokenizer_factory import train_tokenizer
from babytrain.engine.training.evaluation import evaluate_spread, evaluate_windows
from tests.engine.model.tiny_models import tiny_model

SIZE = 5
PAIRS = st.lists(st.tuples(st.integers(0, SIZE - 1), st.integers(0, SIZE - 1)), min_size=1, max_size=60)


def tally_of(pairs: list[tuple[int, int]], size: int = SIZE) -> PredictionCounts:
    tally = PredictionCounter(size, torch.device("cpu"))
    half = len(pairs) // 2
    for part in (pairs[:half], pairs[half:]):
        if part:
            truth, guess = torch.tensor(part).T
            tally.add(truth[None], guess[None])
    return tally.counts()


@given(PAIRS)
def test_the_counts_are_those_of_a_plain_loop(pairs: list[tuple[int, int]]) -> None:
    counts = tally_of(pairs)
    for token in range(SIZE):
        assert counts.support[token] == sum(truth == token for truth, _ in pairs)
        assert counts.predicted[token] == sum(guess == token for _, guess in pairs)
        assert counts.correct[token] == sum(truth == guess == token for truth, guess in pairs)


@given(PAIRS)
@settings(max_examples=30)
def test_a_large_vocabulary_is_counted_without_a_table_and_comes_to_the_same(pairs: list[tuple[int, int]]) -> None:
    small = tally_of(pairs)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(letters, "LARGEST_CONFUSION_TABLE", 1)
        large = tally_of(pairs)
    assert large.table is None
    for name in ("support", "predicted", "correct"):
        np.testing.assert_array_equal(getattr(small, name), getattr(large, name))


def test_the_board_says_what_is_known_and_what_is_mixed_up() -> None:
    tokenizer = CharTokenizer("\nabe")
    pairs = [(3, 3)] * 6 + [(3, 1)] * 3 + [(3, 2)] + [(1, 1)] * 2 + [(0, 3)]
    board = letters_event(tally_of(pairs, 4), tokenizer, "e", t=1.0, step=20)
    assert board.symbols == ("e", "a", "⏎")
    assert board.shares == pytest.approx((10 / 13, 2 / 13, 1 / 13), abs=1e-5)
    assert board.recalls == (0.6, 1.0, 0.0)
    assert board.precisions[:2] == pytest.approx((6 / 7, 2 / 5), abs=1e-5)
    assert board.precisions[2] is None  # never guessed
    assert (board.tracked_letter, board.tracked_letter_recall) == ("e", 0.6)
    confused = [(one.truth, one.predicted, one.share) for one in board.confusions]
    assert confused == [("e", "a", 0.3), ("⏎", "e", 1.0), ("e", "b", 0.1)]
    assert board.accuracy == pytest.approx(8 / 13, abs=1e-5)
    assert board.tokens == ()


@pytest.mark.parametrize("tracked_letter", ["", "z", "Ж"])
def test_a_tracked_letter_that_never_comes_has_no_figure(tracked_letter: str) -> None:
    board = letters_event(tally_of([(1, 1)], 2), CharTokenizer("ab"), tracked_letter, t=0.0, step=0)
    assert board.tracked_letter_recall is None


def test_longer_tokens_are_put_together_by_what_they_begin_with() -> None:
    tokenizer = train_tokenizer("bpe", "the then there thin e e e " * 40, 262)
    longer = [token for token in range(262) if tokenizer.decode([token]).startswith("t")]
    assert len(longer) > 1
    counts = tally_of([(longer[0], longer[1])] * 3 + [(longer[1], ord("e"))], 262)
    board = letters_event(counts, tokenizer, "t", t=0.0, step=0)
    assert board.symbols == ("t",)
    assert board.tracked_letter_recall == 0.75  # another token, but of the same first letter
    assert board.token_recalls == (0.0, 0.0)
    assert set(board.tokens) == {tokenizer.token_text(token) for token in longer[:2]}


def test_bytes_have_printable_names() -> None:
    board = letters_event(tally_of([(0xE9, 0xE9), (27, 10)], 256), ByteTokenizer(), "e", t=0.0, step=0)
    assert set(board.symbols) == {"\\xe9", "\\x1b"}


def test_measuring_it_leaves_the_losses_as_they_are() -> None:
    model = tiny_model()
    tokens = torch.randint(0, model.vocabulary_size, (150,), generator=torch.Generator().manual_seed(3))
    measured = evaluate_windows(model, tokens, model.context)
    assert measured is not None
    whole = tokens[: 2 * model.context + 1]
    both = evaluate_windows(model, whole, model.context)
    assert both is not None
    # Two windows without a rest; `evaluate_spread` asks the model for a loss and nothing else.
    assert both.mean == pytest.approx(evaluate_spread(model, whole, model.context, 2), abs=1e-6)
    assert measured.predictions.support.sum() == len(tokens) - 1
    np.testing.assert_array_equal(
        measured.predictions.support, np.bincount(tokens[1:].numpy(), minlength=model.vocabulary_size)
    )
