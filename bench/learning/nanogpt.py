"""Running the peer, nanoGPT (github.com/karpathy/nanoGPT), as it is, on the same text and split as ours.

The recipe is the one its README gives for a CPU: 4 layers, 4 heads, 128 wide, context 64, batch 12, 2000 steps,
learning rate 1e-3 decaying to 1e-4, beta2 0.99, 100 steps of warm-up, no dropout, not compiled. Choices, all in its
favour:

- It runs in a working copy (its scripts and our data folder) in a process of its own; the checkout is only read.
- Its own evaluation is set to one batch, and the iterations that evaluate or save count as long as the median of the
  others. So does the first, which warms up. Everything else is the time from its own log.
- The text is split where its own prepare.py splits it, with its vocabulary (all characters, sorted).
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import pickle
import re
import shutil
import statistics
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import numpy as np
from torch import nn

from babytrain.engine.data.corpus import Corpus
from babytrain.engine.data.tokenizer import CharTokenizer
from bench.measuring import BenchError, load_now, run_child

NEEDED = ("train.py", "model.py", "configurator.py", "config/train_shakespeare_char.py")
DATASET = "shakespeare_char"
STEPS, CONTEXT, BATCH, WARM_UP = 2000, 64, 12, 100
LAYERS, HEADS, WIDTH = 4, 4, 128
_ITERATION = re.compile(r"^iter (\d+): loss \S+, time ([0-9.]+)ms", re.MULTILINE)


@dataclass(frozen=True)
class WorkingCopy:
    """The peer's scripts in a folder of our own; `commit` is the version of a git checkout."""

    folder: Path
    commit: str


@dataclass(frozen=True)
class PeerRun:
    """One training run. `iteration_seconds[i]` is what step i + 1 took, evaluations taken out."""

    seed: int
    iteration_seconds: list[float]
    checkpoints: Path
    threads: int
    load: float


def copy_peer(checkout: Path, folder: Path) -> WorkingCopy:
    """A working copy of the checkout, without data. Raises BenchError when it is not one of nanoGPT."""
    missing = [name for name in NEEDED if not (checkout / name).is_file()]
    if missing:
        raise BenchError(f"{checkout} is not a checkout of nanoGPT: it has no {', '.join(missing)}.")
    folder.mkdir(parents=True)
    for script in checkout.glob("*.py"):
        shutil.copy(script, folder)
    shutil.copytree(checkout / "config", folder / "config")
    command = ["git", "-C", str(checkout), "rev-parse", "HEAD"]
    asked = subprocess.run(command, capture_output=True, text=True, check=False)
    return WorkingCopy(folder, asked.stdout.strip() or "unknown")


def write_data(copy: WorkingCopy, corpus: Corpus) -> None:
    """Write the three files of its prepare.py. Raises BenchError unless tokens are characters."""
    if not isinstance(corpus.tokenizer, CharTokenizer):
        raise BenchError("The peer reads characters: use tokenizer=char.")
    data = copy.folder / "data" / DATASET
    data.mkdir(parents=True)
    for name, tokens in (("train", corpus.train), ("val", corpus.val)):
        tokens.astype(np.uint16).tofile(data / f"{name}.bin")
    # train.py needs a pickle, and reads only the size of the vocabulary from it.
    meta = {"vocab_size": corpus.tokenizer.vocabulary_size}
    (data / "meta.pkl").write_bytes(pickle.dumps(meta))


def run_peer(
    copy: WorkingCopy, checkpoints: Path, *, seed: int, threads: int, steps: int = STEPS, eval_every: int = STEPS
) -> PeerRun:
    """Train the documented recipe once, keeping the weights every `eval_every` steps. Raises BenchError."""
    load = load_now()
    # Absolute, because the child has another working directory.
    child = [
        sys.executable,
        "-P",
        str(Path(__file__).with_name("nanogpt_child.py")),
        str(seed),
        str(checkpoints.resolve()),
    ]
    recipe = {
        "device": "cpu",
        "compile": False,
        "eval_iters": 1,
        "log_interval": 1,
        "block_size": CONTEXT,
        "batch_size": BATCH,
        "n_layer": LAYERS,
        "n_head": HEADS,
        "n_embd": WIDTH,
        "max_iters": steps,
        "lr_decay_iters": steps,
        "dropout": 0.0,
        "eval_interval": eval_every,
        "always_save_checkpoint": True,
        # Only a smoke test is shorter than the warm-up, which train.py divides by the length of the decay.
        "warmup_iters": min(WARM_UP, steps // 2),
    }
    arguments = ["config/train_shakespeare_char.py", *(f"--{key}={value}" for key, value in recipe.items())]
    log = run_child([*child, *arguments], threads=threads, folder=copy.folder)
    facts = json.loads((checkpoints / "facts.json").read_text(encoding="utf-8"))
    seconds = iteration_seconds(log, steps, eval_every)
    return PeerRun(seed, seconds, checkpoints, facts["threads"], load)


def iteration_seconds(log: str, steps: int, eval_every: int) -> list[float]:
    """Seconds of the first `steps` iterations in its log; those that evaluate count as the median of the others.

    Raises BenchError when the log is not complete.
    """
    logged = {int(step): float(milliseconds) / 1000 for step, milliseconds in _ITERATION.findall(log)}
    if missing := [step for step in range(steps) if step not in logged]:
        raise BenchError(f"The peer's log lacks iteration {missing[0]} and {len(missing) - 1} more.")
    usual = statistics.median(logged[step] for step in range(steps) if step % eval_every)
    return [logged[step] if step % eval_every else usual for step in range(steps)]


def load_model_module(copy: WorkingCopy) -> ModuleType:
    """The peer's own model.py as a module. Raises BenchError."""
    spec = importlib.util.spec_from_file_location("nanogpt_model", copy.folder / "model.py")
    if spec is None or spec.loader is None:
        raise BenchError(f"{copy.folder / 'model.py'} cannot be imported.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # its dataclass looks itself up there
    spec.loader.exec_module(module)
    return module


def build_model(copy: WorkingCopy, vocabulary_size: int) -> nn.Module:
    """The peer's model of the recipe, with untrained weights, built by its own model.py. Raises BenchError."""
    module = load_model_module(copy)
    shape = {"n_layer": LAYERS, "n_head": HEADS, "n_embd": WIDTH, "block_size": CONTEXT}
    with contextlib.redirect_stdout(sys.stderr):  # it prints; standard output is data
        model: nn.Module = module.GPT(module.GPTConfig(**shape, vocab_size=vocabulary_size, bias=False, dropout=0.0))
    return model
