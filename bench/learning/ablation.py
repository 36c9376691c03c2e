"""Which choices make a small model learn fast: variants of one recipe, several seeds each.

The last 5% of the text never enters here: it is kept for the one report at the end (`time_to_loss.py --final`). Of the
rest, the training part is nanoGPT's (the first 90% of the whole) and validation is the 5% after it, so that nothing is
tuned on the tail.

    python -m bench.learning.ablation --text tinyshakespeare.txt --steps 300 --seeds 3 base "lr=6e-3" "optimizer=muon"

A variant is a list of settings joined by commas, on top of `--base`.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from babytrain.engine.config.build import build_config
from babytrain.engine.config.settings import Config
from babytrain.engine.data.tokenizer_factory import train_tokenizer
from babytrain.engine.data.window_order import EpochWindows
from babytrain.engine.execution.devices import choose_precision
from babytrain.engine.model.gpt import build_model
from babytrain.engine.optim.optimizer import Optimizer
from babytrain.engine.training.evaluation import evaluate_windows
from babytrain.runs.dials.dial_state import initial_dials
from babytrain.runs.dials.learning_rate_schedule import learning_rate

TRAIN_SHARE, TUNING_SHARE = 0.90, 0.95


@dataclass(frozen=True)
class Splits:
    """Token numbers [N] int32 of the training part and of the tuning part."""

    train: torch.Tensor
    tuning: torch.Tensor
    vocabulary_size: int


def read_splits(path: Path) -> Splits:
    text = path.read_text(encoding="utf-8")
    tokenizer = train_tokenizer("char", text, 512)
    ids = tokenizer.encode(text).astype(np.int32)
    first, second = int(len(ids) * TRAIN_SHARE), int(len(ids) * TUNING_SHARE)
    return Splits(torch.from_numpy(ids[:first]), torch.from_numpy(ids[first:second]), tokenizer.vocabulary_size)


def train_once(config: Config, splits: Splits, eval_steps: list[int]) -> tuple[dict[int, float], float, int]:
    """Tuning loss at each of `eval_steps`, milliseconds a step (median), and parameters."""
    model = build_model(config, splits.vocabulary_size, seed=config.seed)
    model.precision = choose_precision(config.precision, "cpu")
    optimizer = Optimizer(model, config)
    windows = EpochWindows(len(splits.train), config.context, config.seed)
    offsets = torch.arange(config.context + 1)
    dials = initial_dials(config.to_dict())
    losses: dict[int, float] = {}
    milliseconds = []
    model.train()
    for step in range(config.steps):
        began = time.perf_counter()
        rate = learning_rate(config, dials, step)
        optimizer.set_learning_rates(rate, config.muon_lr * rate / config.lr)
        optimizer.zero_grad()
        starts = torch.from_numpy(windows.starts(step * config.batch_size, config.batch_size))
        rows = splits.train[starts[:, None] + offsets].long()
        model.loss(rows[:, :-1], rows[:, 1:]).backward()  # type: ignore[no-untyped-call]
        optimizer.clip_gradient_norm(config.clip)
        optimizer.step()
        milliseconds.append(1000 * (time.perf_counter() - began))
        if step + 1 in eval_steps:
            measured = evaluate_windows(model, splits.tuning, config.context)
            assert measured is not None
            losses[step + 1] = measured.mean
    return losses, statistics.median(milliseconds), model.parameter_count


def parse_variant(text: str) -> dict[str, Any]:
    if text in ("base", ""):
        return {}
    return dict(pair.split("=", 1) for pair in text.split(","))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--text", type=Path, required=True)
    parser.add_argument("--preset", default="baby")
    parser.add_argument("--base", default="", help="settings that every variant starts from")
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("variants", nargs="+")
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    splits = read_splits(options.text)
    for variant in options.variants:
        final, speeds = [], []
        for seed in range(1, options.seeds + 1):
            settings = {"steps": options.steps} | parse_variant(options.base) | parse_variant(variant) | {"seed": seed}
            config = build_config(options.preset, settings)
            losses, milliseconds, parameters = train_once(config, splits, [config.steps])
            final.append(losses[config.steps])
            speeds.append(milliseconds)
        row = {
            "variant": variant,
            "loss": round(statistics.mean(final), 4),
            "spread": round(statistics.stdev(final), 4) if len(final) > 1 else None,
            "losses": [round(loss, 4) for loss in final],
            "ms": round(statistics.median(speeds), 1),
            "parameters": parameters,
        }
        print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
