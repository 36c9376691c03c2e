"""The one definition of validation loss in these comparisons, for the peer's checkpoints and for ours.

Mean nats per character over a whole split: fixed windows of 64 characters, laid end to end, predict every character but
the first exactly once (`engine/training/evaluation.py`), in fp32, from weights read back from disk. The windows are the
peer's context and the same for everyone: no model may look further back. Training processes do not judge themselves.

    python -m bench.learning.validation_loss peer WORKING_COPY --checkpoints FOLDER --tokens val.npy
    python -m bench.learning.validation_loss ours RUN_FOLDER --tokens val.npy
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from babytrain.engine.checkpoints.format import list_checkpoints, load_checkpoint
from babytrain.engine.config.build import config_of_run
from babytrain.engine.data.tokenizer_factory import tokenizer_from_json
from babytrain.engine.model.gpt import GPT, build_model
from babytrain.engine.training.evaluation import evaluate_windows
from babytrain.runs.store.folder import RunFolder, read_run_toml
from bench.learning.nanogpt import CONTEXT, WorkingCopy, load_model_module
from bench.measuring import run_child


@dataclass(frozen=True)
class Verdict:
    """`losses` in nats per character by step, and the parameters of the model."""

    losses: dict[int, float]
    parameters: int


class PeerModel(nn.Module):
    """The peer's model with the method that our evaluation calls."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def loss(self, tokens: Tensor, targets: Tensor) -> Tensor:
        """Mean cross-entropy in nats per token, as the peer computes it."""
        # The peer flattens targets with view(), which fails for a slice.
        _, loss = self.inner(tokens, targets.contiguous())
        return cast(Tensor, loss)


def judge_peer(copy: WorkingCopy, checkpoints: Path, tokens: Path, *, threads: int, last_only: bool = False) -> Verdict:
    """Evaluate a run of the peer in a child process. Raises BenchError."""
    return _judge(["peer", str(copy.folder), "--checkpoints", str(checkpoints)], tokens, threads, last_only)


def judge_ours(run_dir: Path, tokens: Path, *, threads: int, last_only: bool = False) -> Verdict:
    """Evaluate the checkpoints of one of our runs in a child process. Raises BenchError."""
    return _judge(["ours", str(run_dir)], tokens, threads, last_only)


def _judge(words: list[str], tokens: Path, threads: int, last_only: bool) -> Verdict:
    command = [sys.executable, "-m", "bench.learning.validation_loss", *words, "--tokens", str(tokens)]
    answer = json.loads(run_child([*command, *(["--last-only"] if last_only else [])], threads=threads))
    return Verdict({int(step): loss for step, loss in answer["losses"].items()}, answer["parameters"])


def _peer_models(folder: Path, checkpoints: Path, last_only: bool) -> Iterator[tuple[int, nn.Module]]:
    module = load_model_module(WorkingCopy(folder, ""))
    arguments = json.loads((checkpoints / "model_args.json").read_text(encoding="utf-8"))
    model = module.GPT(module.GPTConfig(**arguments))
    for path in sorted(checkpoints.glob("step-*.safetensors"))[-1 if last_only else 0 :]:
        model.load_state_dict(load_file(path))
        yield int(path.stem.removeprefix("step-")), PeerModel(model)


def _our_models(run_dir: Path, last_only: bool) -> Iterator[tuple[int, nn.Module]]:
    folder = RunFolder(run_dir)
    saved, _ = read_run_toml(folder)
    tokenizer = tokenizer_from_json(folder.tokenizer_file.read_text(encoding="utf-8"))
    model = build_model(config_of_run(saved), tokenizer.vocabulary_size, seed=0)  # fp32 by default
    for path in list_checkpoints(folder.checkpoints)[-1 if last_only else 0 :]:
        checkpoint = load_checkpoint(path)
        model.load_state_dict(checkpoint.model)
        yield int(checkpoint.trainer["step"]), model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("side", choices=("peer", "ours"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--checkpoints", type=Path)
    parser.add_argument("--tokens", type=Path, required=True, help="token numbers of the split, a .npy file")
    parser.add_argument("--last-only", action="store_true")
    options = parser.parse_args()
    if options.side == "peer" and options.checkpoints is None:
        parser.error("the peer needs --checkpoints")
    tokens = torch.from_numpy(np.load(options.tokens).astype(np.int32))
    output, sys.stdout = sys.stdout, sys.stderr  # the peer's model prints; standard output is data
    models = (
        _peer_models(options.folder, options.checkpoints, options.last_only)
        if options.side == "peer"
        else _our_models(options.folder, options.last_only)
    )
    losses: dict[int, float | None] = {}
    parameters = 0
    for step, model in models:
        measured = evaluate_windows(cast(GPT, model), tokens, CONTEXT)
        losses[step] = measured and measured.mean
        parameters = sum(parameter.numel() for parameter in model.parameters())
    print(json.dumps({"losses": losses, "parameters": parameters}), file=output)


if __name__ == "__main__":
    main()
