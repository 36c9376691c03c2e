"""Writing speed: tokens per second of generated text, ours (key-value cache) against the peer nanoGPT's `generate`.

    OMP_NUM_THREADS=1 python -m bench.speed.sampling --peer NANOGPT

Both models have the peer's 0.8M shape and untrained weights (what a model says costs the same whatever it has learned).
As in the peer's sample.py: one text at a time, from a line break, 500 tokens, temperature 0.8, the 200 likeliest, fp32.
Building the models is not counted. Both run in this process, in turn, with the same number of threads, after an
unmeasured text each. Ours writes in numpy, whose threads `--threads` does not govern; OMP_NUM_THREADS does for both,
and processor time is reported beside the time on the clock. The peer computes its whole window for every token; ours
reads one token, and every half a context the newer half of the text again (`engine/generation/generate.py`), so ours
sees between half and all of the context where the peer sees all of it.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from babytrain.engine.execution.devices import choose_threads
from babytrain.engine.generation.generate import generate
from babytrain.engine.generation.sampling import SamplingSettings
from babytrain.engine.model.gpt import build_model
from bench import measuring
from bench.learning import nanogpt
from bench.learning.babytrain_run import resolve
from bench.measuring import BenchError, compare, narrate, parse_variant

VOCABULARY = 65  # characters of tinyshakespeare
LINE_BREAK = 0  # the first of them in order
TEMPERATURE, TOP_K = 0.8, 200
MOST_PARAMETERS = 810_000

Writer = Callable[[int], int]


def our_writer(text: str) -> tuple[Writer, int]:
    """A function that generates so many tokens and returns how many it did, and the parameters. Raises BenchError."""
    config = resolve(parse_variant(text), {})
    model = build_model(config, VOCABULARY, seed=1337)
    model.eval()

    def write(tokens: int) -> int:
        written = generate(
            model, [LINE_BREAK], SamplingSettings(TEMPERATURE, TOP_K), max_tokens=tokens, seed=1337, device="cpu"
        )
        return sum(1 for _ in written)

    return write, model.parameter_count


def peer_writer(checkout: Path, folder: Path) -> tuple[Writer, int]:
    """The same for the peer. Raises BenchError."""
    copy = nanogpt.copy_peer(checkout, folder / "peer")
    model: Any = nanogpt.build_model(copy, VOCABULARY)
    model.eval()
    prompt = torch.tensor([[LINE_BREAK]])

    @torch.no_grad()
    def write(tokens: int) -> int:
        text = model.generate(prompt, tokens, temperature=TEMPERATURE, top_k=TOP_K)
        return int(text.shape[1]) - 1

    return write, sum(parameter.numel() for parameter in model.parameters())


def seconds_per_token(write: Writer, tokens: int) -> tuple[float, float]:
    """Wall and processor seconds per token. Raises BenchError when not all were generated."""
    began, processor_began = time.perf_counter(), time.process_time()
    written = write(tokens)
    seconds, processor_seconds = time.perf_counter() - began, time.process_time() - processor_began
    if written != tokens:
        raise BenchError(f"{written} tokens were written instead of {tokens}.")
    return seconds / tokens, processor_seconds / tokens


def measure(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """All repeats, alternating. Raises BenchError."""
    torch.set_num_threads(choose_threads(options.threads))
    writers = {"peer": peer_writer(options.peer, folder), "ours": our_writer(options.variant)}
    for name, (_, parameters) in writers.items():
        if parameters > MOST_PARAMETERS:
            raise BenchError(f"{name} has {parameters:,} parameters; at most {MOST_PARAMETERS:,} may compete.")
    seconds: dict[str, list[float]] = {name: [] for name in writers}
    processor_seconds: dict[str, list[float]] = {name: [] for name in writers}
    for repeat in range(options.repeats + 1):
        for name, (write, _) in writers.items():
            clock, processor = seconds_per_token(write, options.tokens)
            if repeat:  # the first warms up
                seconds[name].append(clock)
                processor_seconds[name].append(processor)
    ratio = compare(seconds["peer"], seconds["ours"])
    for name, figures in seconds.items():
        usual = statistics.median(figures)
        narrate(f"{name}: {1 / usual:,.0f} tokens/s, {usual * 1e6:.1f} us a token, {min(figures) * 1e6:.1f} at best")
    narrate(f"{ratio['ratio']:.2f} times faster ({ratio['lowest_pairing']:.2f} to {ratio['highest_pairing']:.2f})")
    return {
        "tokens": options.tokens,
        "temperature": TEMPERATURE,
        "top_k": TOP_K,
        "threads": torch.get_num_threads(),
        "ours": options.variant,
        "parameters": {name: parameters for name, (_, parameters) in writers.items()},
        "tokens_per_second": {name: 1 / statistics.median(figures) for name, figures in seconds.items()},
        "seconds_per_token_runs": seconds,
        "processor_seconds_per_token_runs": processor_seconds,
        "times_faster": ratio,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer", type=Path, required=True, help="a checkout of nanoGPT")
    parser.add_argument("--variant", default="baby", metavar="PRESET[,KEY=VALUE...]", help="ours; default: baby")
    parser.add_argument("--tokens", type=int, default=500)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--threads", type=int, default=0, help="torch threads for both; 0 = choose")
    options = parser.parse_args()
    try:
        facts = measuring.machine_facts(options.threads)
        with tempfile.TemporaryDirectory() as name:
            result = measure(options, Path(name))
    except BenchError as error:
        sys.exit(str(error))
    facts["load_average_after"] = measuring.load_now()
    measuring.print_result({"machine": facts, **result})


if __name__ == "__main__":
    main()
