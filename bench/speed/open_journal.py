"""Opening a long journal for replay: 100,000 steps from file to a state that can be shown at any moment.

python -m bench.speed.open_journal --steps 100000
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import tempfile
import time
from pathlib import Path

from babytrain.runs.events import SCHEMA_VERSION, CorpusInfo, Started, Step
from babytrain.runs.journal import encode_event, load_state


def write_journal(path: Path, steps: int) -> None:
    corpus = CorpusInfo(
        name="haiku", sha256="", characters=1, train_tokens=1, val_tokens=1, vocabulary_size=65, tokenizer="char"
    )
    first = Started(
        t=0.0,
        step=0,
        schema=SCHEMA_VERSION,
        run_id="bench",
        name="bench",
        wall_time=0.0,
        config={},
        corpus=corpus,
        parameters=1,
        total_steps=steps,
        steps_per_epoch=1.0,
        tokens_per_step=768,
        device="cpu",
    )
    with path.open("wb") as file:
        file.write(encode_event(first))
        for step in range(1, steps + 1):
            event = Step(
                t=step * 0.0213,
                step=step,
                loss=4.0 / math.sqrt(step) + 1.2345678,
                learning_rate=3e-3 * (1 - step / steps),
                gradient_norm=0.7654321,
                tokens=step * 768,
                step_seconds=0.0213456,
            )
            file.write(encode_event(event))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=100_000)
    parser.add_argument("--repeats", type=int, default=9)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "journal.jsonl"
        write_journal(path, options.steps)
        seconds = []
        for _ in range(options.repeats):
            began = time.perf_counter()
            state = load_state(path)
            seconds.append(time.perf_counter() - began)
            assert state.steps.count == options.steps
        result = {
            "steps": options.steps,
            "megabytes": path.stat().st_size / 1e6,
            "open_seconds": statistics.median(seconds),
            "open_seconds_worst": max(seconds),
        }
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
