"""Do the learning rates that the range test calls useful end well?

    python -m bench.judging.learning_rate_range TEXT

For the built-in haiku and for TEXT, and for three recipes, whole runs of 400 steps are trained at rates from far too
low to far too high (both rates scaled alike), and the range test with three seeds says which are useful. Printed for
its lowest and highest rate: which share of the fall of the best run a run at that rate makes, between its neighbours.
The rule was chosen on the haiku; TEXT is the test.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path

import numpy as np
import torch

from babytrain.engine.config.build import build_config, changed_config
from babytrain.engine.config.settings import Config
from babytrain.engine.data.corpus import build_corpus
from babytrain.engine.sessions.learning_rate_range_test import sweep_learning_rates
from bench.learning.ablation import Splits, train_once
from bench.measuring import narrate, print_result

SHAPE = {"layers": 2, "width": 64, "context": 64, "batch_size": 8, "steps": 400}
RECIPES = {"muon": ("baby", {}), "adamw": ("baby", {"optimizer": "adamw", "lr": 3e-3}), "gpt2": ("gpt2", {})}
FACTORS = tuple(10.0 ** (third / 3) for third in range(-6, 6))
MOST_TRAIN, MOST_VAL = 300_000, 20_000  # tokens
SEEDS = (1, 2, 3)


def final_losses(config: Config, splits: Splits) -> dict[float, float]:
    """The loss at the end of a run by its learning rate; a run that fails counts as infinite."""
    found = {}
    for factor in FACTORS:
        rates = {name: min(10.0, getattr(config, name) * factor) for name in ("lr", "muon_lr")}
        losses, _, _ = train_once(changed_config(config, **rates), splits, [config.steps])
        loss = losses[config.steps]
        found[rates["lr"]] = loss if math.isfinite(loss) else math.inf
    return found


def share_of_fall(losses: dict[float, float], start: float, rate: float) -> float:
    """What a run at `rate` makes of the fall of the best one, interpolated."""
    fall = start - min(losses.values())
    shares = [(start - loss) / fall for loss in losses.values()]
    return float(np.interp(math.log(rate), [math.log(known) for known in losses], shares))


def judge(paths: list[str], recipe: str) -> dict[str, object]:
    preset, settings = RECIPES[recipe]
    config = build_config(preset, SHAPE | settings)
    corpus = build_corpus(config, paths)
    train, val = (np.asarray(part).astype(np.int32) for part in (corpus.train[:MOST_TRAIN], corpus.val[:MOST_VAL]))
    size = corpus.tokenizer.vocabulary_size
    losses = final_losses(config, Splits(torch.from_numpy(train), torch.from_numpy(val), size))
    rows = []
    for seed in SEEDS:
        bracket = sweep_learning_rates(changed_config(config, seed=seed), train, size, device="cpu", precision="fp32")
        assert bracket.low is not None
        assert bracket.high is not None
        ends = (bracket.low, bracket.high)
        rows.append({f"{rate:.2g}": round(share_of_fall(losses, math.log(size), rate), 3) for rate in ends})
    return {"ends": {f"{rate:.2g}": round(loss, 3) for rate, loss in losses.items()}, "useful": rows}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("text", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    result = {}
    for name, paths in (("haiku", []), (options.text.name, [str(options.text)])):
        for recipe in RECIPES:
            narrate(f"{name}, {recipe}")
            result[f"{name}, {recipe}"] = judge(paths, recipe)
    print_result(result)


if __name__ == "__main__":
    main()
