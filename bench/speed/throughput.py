"""Training speed: tokens per second against the peer nanoGPT, and how much of this machine's arithmetic a step uses.

    python -m bench.speed.throughput --text tinyshakespeare.txt --peer NANOGPT
    python -m bench.speed.throughput --text tinyshakespeare.txt gpt2,precision=fp32 baby,precision=bf16

A variant is a preset with settings behind it. `gpt2` has the peer's shapes, recipe and number format, so it compares
like with like; the default variants add our own recipe in fp32 and in bf16. Everything is trained by the real programs
in processes of their own, in turn (peer, each variant, peer, each variant, ...); a step is timed as in `time_to_loss`,
the first 20 are dropped. `tokens_per_second` is by the median step, `tokens_per_second_mean` by all of them together.

Achieved operations per second are the model's own (formula in `step_arithmetic.py`) at the median step, given as shares
of two ceilings measured here, between the runs, with the same number of threads: one large product, and the step's own
products back to back. Each in fp32 and bf16; a share is of the ceiling of the number format trained in. Without --peer
only ours is measured.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from babytrain.engine.config.errors import CorpusError
from babytrain.engine.data.corpus import build_corpus
from babytrain.engine.execution.devices import choose_threads
from babytrain.engine.model.gpt import build_model
from bench import measuring
from bench.learning import nanogpt
from bench.learning.babytrain_run import resolve, run_ours
from bench.measuring import BenchError, Variant, compare, narrate, parse_variant
from bench.speed import step_arithmetic
from bench.speed.step_arithmetic import StepArithmetic

WARM_UP_STEPS = 20
DEFAULT_VARIANTS = ("gpt2,precision=fp32", "baby,precision=fp32", "baby,precision=bf16")


@dataclass
class Contender:
    """The peer (`variant` None) or one of our variants, with one measurement per round."""

    name: str
    variant: Variant | None
    step: StepArithmetic
    precision: str
    tokens_per_step: int
    median_speeds: list[float] = field(default_factory=list)
    mean_speeds: list[float] = field(default_factory=list)

    def add(self, iteration_seconds: Sequence[float]) -> None:
        """Add one run."""
        kept = iteration_seconds[WARM_UP_STEPS:]
        self.median_speeds.append(self.tokens_per_step / statistics.median(kept))
        self.mean_speeds.append(self.tokens_per_step / statistics.fmean(kept))


@dataclass
class Ceilings:
    """The best rates, in operations per second, of the large product and of the products of a step."""

    large: dict[str, float] = field(default_factory=dict)
    model: dict[tuple[StepArithmetic, str], float] = field(default_factory=dict)

    def look_again(self, steps: Sequence[StepArithmetic]) -> None:
        """Measure again and keep the best."""
        for precision in step_arithmetic.DTYPES:
            rate = step_arithmetic.large_ceiling(precision)
            self.large[precision] = max(rate, self.large.get(precision, 0.0))
            for step in set(steps):
                rate = step_arithmetic.model_ceiling(step, precision)
                self.model[step, precision] = max(rate, self.model.get((step, precision), 0.0))


def our_contender(text: str, vocabulary: int) -> Contender:
    """One of ours. Raises BenchError."""
    variant = parse_variant(text)
    config = resolve(variant, {})
    step = step_arithmetic.of_ours(build_model(config, vocabulary, seed=0), config.batch_size)
    precision = "fp32" if config.precision == "auto" else config.precision
    return Contender(variant.name, variant, step, precision, config.batch_size * config.accumulate * config.context)


def peer_contender(copy: nanogpt.WorkingCopy, vocabulary: int) -> Contender:
    """The peer, built once by its own model.py to read its matrices."""
    model = nanogpt.build_model(copy, vocabulary)
    step = step_arithmetic.of_peer(
        model, batch=nanogpt.BATCH, layers=nanogpt.LAYERS, width=nanogpt.WIDTH, context=nanogpt.CONTEXT
    )
    return Contender("peer", None, step, "fp32", nanogpt.BATCH * nanogpt.CONTEXT)


def train_once(
    contender: Contender, copy: nanogpt.WorkingCopy | None, folder: Path, options: argparse.Namespace
) -> None:
    """One run of one contender. Raises BenchError."""
    steps, threads = options.steps, options.threads
    with tempfile.TemporaryDirectory(dir=folder) as name:
        if contender.variant is None:
            assert copy is not None
            run = nanogpt.run_peer(copy, Path(name), seed=1337, threads=threads, steps=steps, eval_every=2 * steps)
            contender.add(run.iteration_seconds)
        else:
            extra = {"steps": steps, "eval_every": steps, "checkpoint_every": 0, "device": "cpu"}
            ours = run_ours(contender.variant, options.text, Path(name), seed=1337, threads=threads, extra=extra)
            if ours.precision != contender.precision:
                raise BenchError(f"{contender.name} was trained in {ours.precision}, not {contender.precision}.")
            contender.add(ours.iteration_seconds)
    narrate(f"  {contender.name}: {contender.median_speeds[-1]:,.0f} tokens/s")


def summarise(contender: Contender, ceilings: Ceilings, against: Contender | None) -> dict[str, Any]:
    """The figures of one contender."""
    speed = statistics.median(contender.median_speeds)
    achieved = speed * contender.step.operations_per_token
    own_ceiling = ceilings.model[contender.step, contender.precision]
    result: dict[str, Any] = {
        "name": contender.name,
        "precision": contender.precision,
        "tokens_per_second": speed,
        "tokens_per_second_mean": statistics.median(contender.mean_speeds),
        "tokens_per_second_runs": contender.median_speeds,
        "milliseconds_per_step": 1000 * contender.tokens_per_step / speed,
        "operations_per_token": contender.step.operations_per_token,
        "achieved_gflops": achieved / 1e9,
        "model_products_gflops": {
            precision: ceilings.model[contender.step, precision] / 1e9 for precision in step_arithmetic.DTYPES
        },
        "share_of_large_product": achieved / ceilings.large[contender.precision],
        "share_of_model_products": achieved / own_ceiling,
    }
    told = (
        f"{contender.name}: {speed:,.0f} tokens/s, {achieved / 1e9:.1f} GFLOP/s = "
        f"{result['share_of_large_product']:.1%} of the large product, "
        f"{result['share_of_model_products']:.1%} of its own products"
    )
    if against is not None:
        result["times_faster"] = compare(contender.median_speeds, against.median_speeds)
        told += f", {result['times_faster']['ratio']:.2f} times the peer"
    narrate(told)
    return result


def measure(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """All rounds. Raises BenchError and CorpusError."""
    corpus = build_corpus(resolve(Variant("gpt2", {}), {}), [str(options.text)])
    vocabulary = corpus.tokenizer.vocabulary_size
    copy, contenders = None, []
    if options.peer is not None:
        copy = nanogpt.copy_peer(options.peer, folder / "peer")
        nanogpt.write_data(copy, corpus)
        contenders.append(peer_contender(copy, vocabulary))
    contenders += [our_contender(text, vocabulary) for text in options.variants or DEFAULT_VARIANTS]
    torch.set_num_threads(choose_threads(options.threads))
    ceilings = Ceilings()
    for round_number in range(options.rounds):
        narrate(f"round {round_number + 1} of {options.rounds}")
        for contender in contenders:
            train_once(contender, copy, folder, options)
        ceilings.look_again([contender.step for contender in contenders])
    against = contenders[0] if copy is not None else None
    return {
        "peer_commit": copy.commit if copy is not None else None,
        "ceiling_threads": torch.get_num_threads(),
        "large_product_gflops": {precision: rate / 1e9 for precision, rate in ceilings.large.items()},
        "contenders": [
            summarise(contender, ceilings, None if contender is against else against) for contender in contenders
        ],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--text", type=Path, required=True)
    parser.add_argument("--peer", type=Path, help="a checkout of nanoGPT")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--threads", type=int, default=0, help="for both sides; 0 = each side's own default")
    parser.add_argument("variants", nargs="*", metavar="PRESET[,KEY=VALUE...]")
    options = parser.parse_args()
    if options.steps <= WARM_UP_STEPS:
        parser.error(f"the first {WARM_UP_STEPS} steps are dropped: ask for more")
    try:
        facts = measuring.machine_facts(options.threads)
        with tempfile.TemporaryDirectory() as name:
            result = measure(options, Path(name))
    except (BenchError, CorpusError) as error:
        sys.exit(str(error))
    facts["load_average_after"] = measuring.load_now()
    measuring.print_result({"steps": options.steps, "rounds": options.rounds, "machine": facts, **result})


if __name__ == "__main__":
    main()
