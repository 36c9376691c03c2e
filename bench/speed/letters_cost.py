"""What the letter board adds to an evaluation: the same validation split with it and without it, in turns.

python -m bench.speed.letters_cost [--rounds 31]
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import torch

from babytrain.engine.analysis.letters import PredictionCounter, letters_event
from babytrain.engine.config.build import build_config
from babytrain.engine.data.corpus import build_corpus
from babytrain.engine.model.gpt import GPT, build_model
from babytrain.engine.training import evaluation

VAL_TOKENS = 40_000


def losses_only(model: GPT, tokens: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """What `GPT.window_losses` does for the loss alone."""
    losses = torch.nn.functional.cross_entropy(model(tokens).flatten(0, 1), targets.flatten(), reduction="none")
    return losses.view(targets.shape).mean(dim=1), targets


def timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=31)
    options = parser.parse_args()
    config = build_config("baby")
    corpus = build_corpus(config)
    model = build_model(config, corpus.tokenizer.vocabulary_size, seed=1)
    val = torch.from_numpy(corpus.val[:VAL_TOKENS]).int()

    def with_board() -> None:
        measured = evaluation.evaluate_windows(model, val, config.context)
        assert measured is not None
        letters_event(measured.predictions, corpus.tokenizer, "e", t=0.0, step=0)

    def without() -> None:
        kept = GPT.window_losses, PredictionCounter.add
        GPT.window_losses, PredictionCounter.add = losses_only, lambda *_: None  # type: ignore[method-assign]
        try:
            evaluation.evaluate_windows(model, val, config.context)
        finally:
            GPT.window_losses, PredictionCounter.add = kept  # type: ignore[method-assign]

    with_board(), without()
    pairs = [(timed(with_board), timed(without)) for _ in range(options.rounds)]
    ratios = sorted(one / other for one, other in pairs)
    print(
        f"evaluation of {len(val):,} tokens: {statistics.median(one for one, _ in pairs):.3f} s with the letter board"
    )
    quarter = len(ratios) // 4
    spread = f"{ratios[quarter]:.4f} to {ratios[-1 - quarter]:.4f}"
    print(f"ratio to one without: median {statistics.median(ratios):.4f} (middle half {spread})")
    fastest = min(one for one, _ in pairs) / min(other for _, other in pairs)
    print(f"ratio of the fastest of each: {fastest:.4f}")


if __name__ == "__main__":
    main()
