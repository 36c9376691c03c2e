"""Trains small models on real texts, well and badly, and records their curves for `bench.judging.real_runs`.

Every run uses the engine's own step, evaluation and window order, without the guard, so that a run that goes wrong goes
all the way. Beside what the diagnosis sees, each evaluation measures a third part of the text that neither training nor
validation has seen; the truth about a run is decided from it.

    python -m bench.judging.record_real_runs --shakespeare tinyshakespeare.txt --out bench/judging/curves

About nine seconds a run on one core.
"""

from __future__ import annotations

import argparse
import json
import sysconfig
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from babytrain.engine.config.build import DEFAULT_PRESET, build_config
from babytrain.engine.config.settings import Config
from babytrain.engine.data.corpus import Corpus, build_corpus
from babytrain.engine.data.haiku.grammar import generate_corpus
from babytrain.engine.execution.forward_backward import build_pass
from babytrain.engine.model.cpu.matmul_backend import onednn_available, use_matmul_backend
from babytrain.engine.model.gpt import build_model
from babytrain.engine.optim.optimizer import Optimizer
from babytrain.engine.training.batches import Batches
from babytrain.engine.training.evaluation import evaluate_spread, evaluate_windows
from babytrain.engine.training.loss_reading import LossReader
from babytrain.engine.training.train_state import TrainState
from babytrain.engine.training.train_step import train_step
from babytrain.runs.dials.dial_state import initial_dials
from bench.measuring import narrate

TRAIN_WINDOWS = 96
TEST_CHARACTERS = 8_000  # at the end of a text, seen by nobody
SEEN_CHARACTERS = {"haiku": 120_000, "shakespeare": 120_000, "python": 120_000, "scene": 16_000, "names": 16_000}
NOISE_SHARE = 0.15  # of the characters of a noisy text, replaced by random ones
DEFAULT_LR, DEFAULT_MUON_LR = 1.2e-2, 1e-2
BASE: dict[str, Any] = {
    "layers": 2,
    "width": 64,
    "context": 64,
    "batch_size": 8,
    "steps": 400,
    "eval_every": 25,
    "threads": 1,
    "precision": "fp32",
    "compile": "off",
    "guard": "skip",
    "val_fraction": 0.1,
}
RATES = (1e-5, 1e-4, 1e-3, 3e-3, 6e-3, 1.2e-2, 2.4e-2, 5e-2, 0.1, 0.3, 1.0, 5.0)
FEW_RATES = (1e-4, 3e-3, 1.2e-2, 5e-2, 1.0)


@dataclass(frozen=True)
class Spec:
    """A run to record. Runs of one `group` differ in nothing but their learning rates and seed."""

    text: str
    group: str
    settings: dict[str, Any]
    seed: int = 1

    @property
    def name(self) -> str:
        """Unique in the collection."""
        rates = f"lr{self.settings['lr']:g}-muon{self.settings['muon_lr']:g}"
        return f"{self.text}/{self.group}/{rates}/seed{self.seed}"


def specs() -> Iterator[Spec]:
    """Every run of the collection, the most telling first."""
    for text in ("haiku", "shakespeare", "scene", "python", "names"):
        yield from _rates(text, "base", {}, RATES)
        for seed in (2, 3):
            yield from _rates(text, "base", {}, (DEFAULT_LR,), seed=seed)
    for text in ("haiku", "shakespeare", "scene"):
        for lr in (1e-5, 0.1, 1.0):  # the other rate as it is
            yield Spec(text, "base", {"lr": lr, "muon_lr": DEFAULT_MUON_LR})
        yield from _rates(text + " noisy", "base", {}, (3e-4, 6e-3, 2.4e-2, 0.3))
        for lr in (1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 0.1, 1.0):
            yield Spec(text, "adamw", {"optimizer": "adamw", "lr": lr, "muon_lr": DEFAULT_MUON_LR})
    for text in ("haiku", "python"):
        yield from _rates(text, "batch2", {"batch_size": 2}, FEW_RATES)
        yield from _rates(text, "tiny", {"layers": 1, "width": 16, "heads": 2}, FEW_RATES)
        yield from _rates(text, "constant", {"schedule": "constant"}, FEW_RATES)
        yield from _rates(text, "short", {"steps": 150, "eval_every": 15}, (2e-5, 3e-3, DEFAULT_LR, 0.1, 0.7, 2.0))
    for text in ("shakespeare", "names"):
        yield from _rates(text, "dropout", {"dropout": 0.2}, FEW_RATES)
        yield from _rates(text, "batch32", {"batch_size": 32, "steps": 200}, (1e-3, 6e-3, DEFAULT_LR, 0.1))
    yield from _rates("scene", "large", {"layers": 4, "width": 128, "steps": 200}, (1e-3, 6e-3, DEFAULT_LR, 0.1))


def _rates(text: str, group: str, settings: dict[str, Any], rates: tuple[float, ...], seed: int = 1) -> Iterator[Spec]:
    for lr in rates:
        yield Spec(text, group, settings | {"lr": lr, "muon_lr": lr * DEFAULT_MUON_LR / DEFAULT_LR}, seed)


def read_text(name: str, shakespeare: Path) -> tuple[str, str]:
    """The text given to a run, and the held-out text."""
    kind, _, noisy = name.partition(" ")
    if kind == "haiku":
        text = generate_corpus()
    elif kind == "python":
        stdlib = Path(sysconfig.get_paths()["stdlib"])
        text = "".join(
            (stdlib / f"{module}.py").read_text("utf-8") for module in ("argparse", "ast", "inspect", "tarfile")
        )
    elif kind == "names":
        text = _names()
    else:
        text = shakespeare.read_text("utf-8")
    text = "".join(character for character in text if character.isascii())
    if noisy:
        random = np.random.default_rng(1)
        letters = np.array(list(text))
        replaced = random.random(len(letters)) < NOISE_SHARE
        letters[replaced] = random.choice(np.unique(letters), int(replaced.sum()))
        text = "".join(letters)
    seen, held_out = text[:-TEST_CHARACTERS], text[-TEST_CHARACTERS:]
    return (seen[: SEEN_CHARACTERS[kind]]), held_out


def _names() -> str:
    """Made-up names of two to four syllables, one a line: 30 kB of which a run sees a third."""
    random = np.random.default_rng(2)
    first, vowels, last = (
        list("bcdfghjklmnprstvz"),
        ["a", "e", "i", "o", "u", "ia", "ee"],
        ["", "n", "l", "s", "r", "th"],
    )
    lines = []
    for _ in range(4500):
        syllables = [random.choice(first) + random.choice(vowels) for _ in range(random.integers(1, 4))]
        lines.append("".join(syllables) + random.choice(last))
    return "\n".join(lines)


@dataclass
class Curve:
    """What one run records. Losses in nats per token; windows [evaluations, windows]."""

    loss: list[float] = field(default_factory=list)
    learning_rate: list[float] = field(default_factory=list)
    gradient_norm: list[float] = field(default_factory=list)
    alignment: list[list[float]] = field(default_factory=list)
    update: list[float] = field(default_factory=list)
    eval_step: list[int] = field(default_factory=list)
    val_loss: list[float] = field(default_factory=list)
    train_loss: list[float] = field(default_factory=list)
    test_loss: list[float] = field(default_factory=list)
    windows: list[npt.NDArray[np.float32]] = field(default_factory=list)
    test_windows: list[npt.NDArray[np.float32]] = field(default_factory=list)


def record(spec: Spec, corpus: Corpus, test: npt.NDArray[np.int32]) -> tuple[Curve, Config]:
    """Train one run to its end."""
    config = build_config(DEFAULT_PRESET, {**BASE, **spec.settings, "seed": spec.seed})
    model = build_model(config, corpus.tokenizer.vocabulary_size, device="cpu", seed=config.seed)
    state = TrainState(config, model, Optimizer(model, config), initial_dials(config.to_dict()))
    model.train()
    batches = Batches(corpus.train, config, model.vocabulary_size, "cpu")
    val, held_out = (torch.from_numpy(np.asarray(part, dtype=np.int32)) for part in (corpus.val, test))
    reader, forward_backward = LossReader(state.guard), build_pass(model, compiled=False, note=narrate)
    curve, began = Curve(), time.monotonic()
    flat = state.optimizer._flat
    before = flat.values.clone()
    while True:
        step = state.progress.step
        if step % config.eval_every == 0:
            evaluated, tested = (evaluate_windows(model, part, config.context) for part in (val, held_out))
            train = evaluate_spread(model, batches.tokens, config.context, TRAIN_WINDOWS)
            assert evaluated is not None and tested is not None and train is not None
            curve.eval_step.append(step)
            curve.val_loss.append(evaluated.mean)
            curve.train_loss.append(train)
            curve.test_loss.append(tested.mean)
            curve.windows.append(evaluated.by_window)
            curve.test_windows.append(tested.by_window)
        if step >= config.steps:
            return curve, config
        last_update = flat.values - before
        before = flat.values.clone()
        train_step(state, batches, forward_backward, reader, lambda: time.monotonic() - began)
        split = state.optimizer._muon_slices[0].start if state.optimizer._muon_slices else len(before)
        parts = (slice(None), slice(0, split), slice(split, None))
        curve.alignment.append([_cosine(flat.gradients[part], last_update[part]) for part in parts])
        curve.update.append(float(last_update.norm() / before.norm()))
        for read in reader.read(everything=True):
            curve.loss.append(read.event.loss)
            curve.learning_rate.append(read.event.learning_rate)
            curve.gradient_norm.append(read.event.gradient_norm)


def _cosine(gradient: torch.Tensor, update: torch.Tensor) -> float:
    norm = float(gradient.norm() * update.norm())
    return -float(torch.dot(gradient, update)) / norm if norm > 0 else 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shakespeare", type=Path, required=True, help="the file tinyshakespeare.txt")
    parser.add_argument("--out", type=Path, required=True, help="folder of the curves")
    parser.add_argument("--part", type=int, nargs=2, default=[], metavar=("N", "OF"), help="every OF-th run from N on")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if onednn_available():
        use_matmul_backend("onednn")
    corpora: dict[str, tuple[Corpus, npt.NDArray[np.int32]]] = {}
    todo = list(specs())
    if len(arguments.part):
        todo = todo[arguments.part[0] :: arguments.part[1]]
    for number, spec in enumerate(todo, 1):
        target = arguments.out / (spec.name.replace("/", "__").replace(" ", "_") + ".npz")
        if target.exists():
            continue
        if spec.text not in corpora:
            seen, held_out = read_text(spec.text, arguments.shakespeare)
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "text.txt"
                path.write_text(seen, encoding="utf-8")
                corpus = build_corpus(build_config(DEFAULT_PRESET, BASE), [str(path)])
            known = set(seen)
            test = corpus.tokenizer.encode("".join(c for c in held_out if c in known))
            corpora[spec.text] = corpus, np.asarray(test, dtype=np.int32)
        corpus, test = corpora[spec.text]
        began = time.monotonic()
        curve, config = record(spec, corpus, test)
        columns = {name: np.asarray(values, dtype=np.float32) for name, values in vars(curve).items()}
        counts = np.bincount(corpus.train, minlength=corpus.tokenizer.vocabulary_size) + 1
        unigram = float(-np.log(counts / counts.sum())[corpus.val[1:]].mean())
        facts = {
            **asdict(spec),
            "name": spec.name,
            "config": config.to_dict(),
            "unigram": unigram,
            "vocabulary": corpus.tokenizer.vocabulary_size,
            "train_tokens": len(corpus.train),
        }
        arguments.out.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(target, facts=json.dumps(facts), **columns)
        narrate(
            f"{number}/{len(todo)} {spec.name}: test {curve.test_loss[-1]:.3f} best {min(curve.test_loss):.3f} "
            f"in {time.monotonic() - began:.1f} s"
        )


if __name__ == "__main__":
    main()
