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
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
import numpy.typing as npt
import torch

from babytrain.engine.config.build import DEFAULT_PRESET, build_config
from babytrain.engine.config.settings import SETTINGS, Config
from babytrain.engine.data.corpus import Corpus, build_corpus
from babytrain.engine.data.haiku.grammar import generate_corpus
from babytrain.engine.execution.forward_backward import build_pass
from babytrain.engine.model.cpu.matmul_backend import onednn_available, use_matmul_backend
from babytrain.engine.model.gpt import build_model
from babytrain.engine.optim.optimizer import Optimizer
from babytrain.engine.optim.update_alignment import alignment_interval
from babytrain.engine.training.batches import Batches
from babytrain.engine.training.evaluation import evaluate_spread, evaluate_windows
from babytrain.engine.training.loss_reading import LossReader
from babytrain.engine.training.train_state import TrainState
from babytrain.engine.training.train_step import FOLLOWED_SHARE, train_step
from babytrain.runs.dials.dial_state import initial_dials
from bench.judging.real_runs import COLUMNS
from bench.measuring import narrate

TRAIN_WINDOWS = 96
MOST_WINDOWS = 64  # kept of an evaluation
TEST_CHARACTERS = 8_000  # at the end of a text, seen by nobody
# How much of each text a run is given, of which a tenth is for validation.
SEEN_CHARACTERS = {"scene": 16_000, "names": 16_000, "places": 10_000, "pamphlet": 12_000}
USUAL_CHARACTERS = 120_000
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

Collection: TypeAlias = Literal["tuning", "test"]


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


def specs(collection: Collection) -> Iterator[Spec]:
    """Every run of a collection: thresholds are set on `tuning` and judged on `test`, which shares no text with it."""
    yield from _tuning() if collection == "tuning" else _test()


def _tuning() -> Iterator[Spec]:
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


def _test() -> Iterator[Spec]:
    model = {"layers": 3, "width": 48, "context": 48, "batch_size": 12}
    rates = (2e-5, 2e-4, 8e-4, 4e-3, DEFAULT_LR, 3e-2, 8e-2, 0.25, 0.8, 3.0)
    for text in ("histories", "library", "places", "verses", "pamphlet"):
        yield from _rates(text, "base", model | {"steps": 300, "eval_every": 20}, rates)
        for seed in (2, 3):
            yield from _rates(text, "base", model | {"steps": 300, "eval_every": 20}, (DEFAULT_LR,), seed=seed)
    for text in ("histories", "verses"):
        for lr in (2e-5, 6e-4, 3e-3, 0.06, 0.5):
            settings = model | {"optimizer": "adamw", "schedule": "cosine", "lr": lr, "muon_lr": DEFAULT_MUON_LR}
            yield Spec(text, "adamw cosine", settings)
    for text in ("library", "pamphlet"):
        dropout = model | {"dropout": 0.15, "steps": 500, "batch_size": 6}
        yield from _rates(text, "dropout", dropout, (2e-4, 4e-3, DEFAULT_LR, 8e-2, 0.8))
    yield from _rates("histories noisy", "base", model, (2e-4, 4e-3, DEFAULT_LR, 0.25))


def _rates(text: str, group: str, settings: dict[str, Any], rates: tuple[float, ...], seed: int = 1) -> Iterator[Spec]:
    for lr in rates:
        yield Spec(text, group, settings | {"lr": lr, "muon_lr": lr * DEFAULT_MUON_LR / DEFAULT_LR}, seed)


def read_text(name: str, shakespeare: Path) -> tuple[str, str]:
    """The text given to a run, and the held-out text."""
    kind, _, noisy = name.partition(" ")
    match kind:
        case "haiku":
            text = generate_corpus()
        case "verses":
            text = generate_corpus(seed=77)
        case "python":
            text = _standard_library("argparse", "ast", "inspect", "tarfile")
        case "library":
            text = _standard_library("typing", "turtle", "subprocess", "zipfile")
        case "names":
            text = _made_up_words(2, "\n")
        case "places":
            text = _made_up_words(5, ", ")
        case "histories":
            text = shakespeare.read_text("utf-8")[400_000:700_000]
        case "pamphlet":
            text = shakespeare.read_text("utf-8")[800_000:860_000]
        case _:
            text = shakespeare.read_text("utf-8")
    text = "".join(character for character in text if character.isascii())
    if noisy:
        random = np.random.default_rng(1)
        letters = np.array(list(text))
        replaced = random.random(len(letters)) < NOISE_SHARE
        letters[replaced] = random.choice(np.unique(letters), int(replaced.sum()))
        text = "".join(letters)
    seen, held_out = text[:-TEST_CHARACTERS], text[-TEST_CHARACTERS:]
    return (seen[: SEEN_CHARACTERS.get(kind, USUAL_CHARACTERS)]), held_out


def _standard_library(*modules: str) -> str:
    folder = Path(sysconfig.get_paths()["stdlib"])
    return "".join((folder / f"{module}.py").read_text("utf-8") for module in modules)


def _made_up_words(seed: int, between: str) -> str:
    """4,500 made-up names of one to three syllables."""
    random = np.random.default_rng(seed)
    first, vowels, last = (
        list("bcdfghjklmnprstvz"),
        ["a", "e", "i", "o", "u", "ia", "ee"],
        ["", "n", "l", "s", "r", "th"],
    )
    words = []
    for _ in range(4500):
        syllables = [random.choice(first) + random.choice(vowels) for _ in range(random.integers(1, 4))]
        words.append("".join(syllables) + random.choice(last))
    return between.join(words)


@dataclass
class Curve:
    """What one run records. Losses in nats per token; windows [evaluations, windows]."""

    loss: list[float] = field(default_factory=list)
    learning_rate: list[float] = field(default_factory=list)
    gradient_norm: list[float] = field(default_factory=list)
    alignment: list[list[float]] = field(default_factory=list)
    eval_step: list[int] = field(default_factory=list)
    val_loss: list[float] = field(default_factory=list)
    train_loss: list[float] = field(default_factory=list)
    test_loss: list[float] = field(default_factory=list)
    windows: list[npt.NDArray[np.float32]] = field(default_factory=list)


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
            assert evaluated is not None
            assert tested is not None
            assert train is not None
            curve.eval_step.append(step)
            curve.val_loss.append(evaluated.mean)
            curve.train_loss.append(train)
            curve.test_loss.append(tested.mean)
            curve.windows.append(evaluated.by_window)
        if step >= config.steps:
            return curve, config
        last_update = flat.values - before
        before = flat.values.clone()
        train_step(state, batches, forward_backward, reader, lambda: time.monotonic() - began)
        split = state.optimizer._muon_slices[0].start if state.optimizer._muon_slices else len(before)
        parts = (slice(0, split), slice(split, None))[: 1 + bool(state.optimizer._muon_slices)]
        curve.alignment.append([_cosine(flat.gradients[part], last_update[part]) for part in parts])
        for read in reader.read(everything=True):
            curve.loss.append(read.event.loss)
            curve.learning_rate.append(read.event.learning_rate)
            curve.gradient_norm.append(read.event.gradient_norm)


def _cosine(gradient: torch.Tensor, update: torch.Tensor) -> float:
    norm = float(gradient.norm() * update.norm())
    return -float(torch.dot(gradient, update)) / norm if norm > 0 else 0.0


def pack(folder: Path, target: Path) -> None:
    """Put the curves of a folder into one file: every column of all runs in a row, their shapes in the facts."""
    facts, rows = [], []
    for path in sorted(folder.glob("*.npz")):
        with np.load(path) as curve:
            fact = json.loads(str(curve["facts"]))
            config = fact.pop("config")
            rates = curve["learning_rate"]
            followed = np.flatnonzero(rates >= FOLLOWED_SHARE * rates.max())
            followed = followed[followed % alignment_interval(config["steps"]) == 0] + 1  # compared one step later
            followed = followed[followed < len(rates)]
            columns = {name: _rounded(curve[name]) for name in COLUMNS}
            columns["alignment"] = curve["alignment"][followed].astype(np.float16)
            columns["alignment_step"] = (followed + 1).astype(np.int32)
            columns["windows"] = _grouped(curve["windows"]).astype(np.float16)
        changed = {name: value for name, value in config.items() if value != SETTINGS[name].default}
        facts.append({**fact, "config": changed, "shapes": {name: values.shape for name, values in columns.items()}})
        rows.append(columns)
    target.parent.mkdir(parents=True, exist_ok=True)
    whole = {name: np.concatenate([columns[name].ravel() for columns in rows]) for name in rows[0]}
    np.savez_compressed(target, facts=np.frombuffer(json.dumps(facts).encode(), dtype=np.uint8), **whole)


def _grouped(windows: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Means of neighbouring windows [evaluations, windows], so that at most `MOST_WINDOWS` are left."""
    size = -(-windows.shape[1] // MOST_WINDOWS)
    whole = windows.shape[1] // size * size
    return windows[:, :whole].reshape(len(windows), -1, size).mean(axis=2)


def _rounded(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Single precision with 12 bits of mantissa: a quarter of a thousandth, and it compresses."""
    if values.dtype != np.float32:
        return values
    return ((values.view(np.uint32) + np.uint32(1 << 10)) & np.uint32(~((1 << 11) - 1) & 0xFFFFFFFF)).view(np.float32)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shakespeare", type=Path, required=True, help="the file tinyshakespeare.txt")
    parser.add_argument("--collection", choices=get_args(Collection), default="tuning")
    parser.add_argument("--out", type=Path, required=True, help="folder of the curves")
    parser.add_argument("--pack", type=Path, help="only put the curves in --out into this file")
    parser.add_argument("--part", type=int, nargs=2, default=[], metavar=("N", "OF"), help="every OF-th run from N on")
    arguments = parser.parse_args()
    if arguments.pack:
        pack(arguments.out, arguments.pack)
        return
    torch.set_num_threads(1)
    if onednn_available():
        use_matmul_backend("onednn")
    corpora: dict[str, tuple[Corpus, npt.NDArray[np.int32]]] = {}
    todo = list(specs(arguments.collection))
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
