"""What reading a model's samples costs: sorting a text, asking it, counting its n-grams, judging a sample.

    OMP_NUM_THREADS=1 python -m bench.speed.analysis_cost TEXT --megabytes 1 8

TEXT (about 1 MB) is repeated with other letters put in by chance where more is wanted, since a text that only repeats
itself is another task. Each figure is the median of several runs in this process; memory is that of the whole process.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from babytrain.engine.analysis.haiku import is_haiku
from babytrain.engine.analysis.memorisation import MemorisationTest
from babytrain.engine.analysis.ngram_baselines import measure_ngram_losses
from babytrain.engine.analysis.suffix_array import SuffixArray
from babytrain.engine.analysis.text_metrics import TextAnalyzer
from babytrain.engine.data.corpus import split_position
from babytrain.engine.data.haiku.syllables import guess_syllables
from babytrain.engine.data.text_sources import read_sources
from babytrain.engine.data.tokenizer_factory import train_tokenizer
from bench.judging.syllable_words import COUNTED, FOR_JUDGING

SAMPLE = 300
CHANGED = 0.05  # share of characters put in by chance when a text is made longer


def seconds(task: Callable[[], object], repeats: int) -> float:
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        task()
        times.append(time.perf_counter() - started)
    return statistics.median(times)


def lengthen(text: str, characters: int) -> str:
    """At least as long as wanted: the text, and copies of it with letters changed by chance."""
    draw = np.random.default_rng(1)
    letters = np.array(sorted(set(text)))
    parts = [text]
    while sum(map(len, parts)) < characters:
        copy = np.array(list(text))
        places = draw.random(len(copy)) < CHANGED
        copy[places] = draw.choice(letters, size=int(places.sum()))
        parts.append("".join(copy))
    return "".join(parts)[:characters]


def measure(text: str, repeats: int) -> dict[str, float]:
    cut = split_position(text, 0.1)
    train, held_out = text[:cut], text[cut:]
    array = SuffixArray(train)
    parrot = MemorisationTest(train, held_out)
    parrot.measure(held_out[:SAMPLE])  # the baseline is measured once
    tokenizer = train_tokenizer("char", text, 0)
    tokens = tokenizer.encode(text).astype(np.uint16)
    counted = measure_ngram_losses(tokens[:cut], tokens[cut:], tokenizer.vocabulary_size)
    reader = TextAnalyzer(train, held_out)
    reader.measure(held_out[:SAMPLE])
    fresh, copied = held_out[:SAMPLE], train[1000 : 1000 + SAMPLE]
    return {
        "characters": len(text),
        "sort_seconds": seconds(lambda: SuffixArray(text), repeats),
        "match_honest_microseconds_per_character": seconds(lambda: array.longest_matches(fresh), 20) / SAMPLE * 1e6,
        "match_copied_microseconds_per_character": seconds(lambda: array.longest_matches(copied), 20) / SAMPLE * 1e6,
        "judge_sample_seconds": seconds(lambda: parrot.measure(fresh), 20),
        "reader_seconds": seconds(lambda: TextAnalyzer(train, held_out).measure(fresh), repeats),
        "read_sample_seconds": seconds(lambda: reader.measure(fresh), 20),
        "baselines_seconds": seconds(
            lambda: measure_ngram_losses(tokens[:cut], tokens[cut:], tokenizer.vocabulary_size), repeats
        ),
        "bigram_nats": counted.bigram,
        "trigram_nats": counted.trigram,
        "fivegram_nats": counted.fivegram,
        "peak_memory_megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("text", type=Path)
    parser.add_argument("--megabytes", type=float, nargs="+", default=[1.0])
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    text = read_sources([str(options.text)]).text
    figures = [measure(lengthen(text, int(size * 1e6)), options.repeats) for size in options.megabytes]
    right = sum(guess_syllables(word) == COUNTED[word] for word in FOR_JUDGING) / len(FOR_JUDGING)
    poem = "the old pond at dawn\na snake dreams of a warm stone\nand the frog says no"
    judging = {
        "syllable_rule_right": right,
        "haiku_microseconds": seconds(lambda: is_haiku(poem), 200) * 1e6,
    }
    print(json.dumps({"texts": figures, "judges": judging}, indent=2))


if __name__ == "__main__":
    main()
