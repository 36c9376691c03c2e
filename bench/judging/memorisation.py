"""The parrot test on models with a known answer: one that has learned a text by heart and one that saw it once.

    python -m bench.judging.memorisation TEXT

Trains two models of the default preset with `babytrain train`: one on the first 10 kB of TEXT for many epochs, until
it can recite it, and one on all of TEXT (about 1 MB) for one epoch. Each writes a few samples at temperature 0.8; the
last checkpoint is asked, since the best one of the first model is from before it learned anything by heart. What is
promised: an index above 5 for the first and between 0.8 and 1.3 for the second, as the mean over the samples.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from babytrain.engine.analysis.memorisation import MemorisationResult, MemorisationTest
from babytrain.engine.data.corpus import split_position
from babytrain.engine.data.text_sources import read_sources
from bench.measuring import BenchError, narrate, run_child

SMALL_CHARACTERS = 10_000
VAL_FRACTION = 0.1


def train(text: Path, runs_dir: Path, name: str, settings: Sequence[str], threads: int) -> None:
    """Train a model; a run that ends early (the guard may report divergence) still counts."""
    words = ["train", str(text), "--headless", "--runs-dir", str(runs_dir), "--name", name, "--no-bell", *settings]
    try:
        run_child([sys.executable, "-m", "babytrain", *words], threads=threads)
    except BenchError as error:
        narrate(f"{name} ended early: {error}")


def samples(runs_dir: Path, name: str, count: int, tokens: int, threads: int) -> list[str]:
    words = ["sample", name, "--last", "--runs-dir", str(runs_dir), "--tokens", str(tokens), "--temperature", "0.8"]
    command = [sys.executable, "-m", "babytrain", *words]
    return [run_child([*command, "--seed", str(seed)], threads=threads) for seed in range(1, count + 1)]


def judge(text: str, written: Sequence[str]) -> tuple[list[MemorisationResult], float]:
    """The verdicts, and the index that 19 of 20 held-out pieces of that length stay below."""
    cut = split_position(text, VAL_FRACTION)
    test = MemorisationTest(text[:cut], text[cut:])
    verdicts = [verdict for sample in written if (verdict := test.measure(sample)) is not None]
    if len(verdicts) < len(written):
        raise BenchError("A sample could not be judged.")
    held_out = test.held_out_means(len(written[0]))
    return verdicts, float(np.quantile(held_out, 0.95) / held_out.mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("text", type=Path)
    parser.add_argument("--samples", type=int, default=4)
    parser.add_argument("--tokens", type=int, default=300)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    text = read_sources([str(options.text)]).text
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        small = folder / "small.txt"
        small.write_text(text[:SMALL_CHARACTERS], encoding="utf-8")
        figures = {}
        for model, path, settings in (
            ("memoriser", small, ["--steps", "800", "--set", "lr=0.003"]),
            ("one-epoch", options.text, ["--epochs", "1"]),
        ):
            train(path, folder, model, settings, options.threads)
            written = samples(folder, model, options.samples, options.tokens, options.threads)
            verdicts, held_out_index_95 = judge(read_sources([str(path)]).text, written)
            figures[model] = {
                "index": statistics.mean(verdict.index for verdict in verdicts),
                "indices": [verdict.index for verdict in verdicts],
                "honest_index_95": held_out_index_95,
                "longest_match": max(verdict.longest_match for verdict in verdicts),
            }
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    try:
        main()
    except BenchError as problem:
        sys.exit(str(problem))
