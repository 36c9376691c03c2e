"""Inside the peer's process: nanoGPT's train.py, unchanged, run with a seed of our choosing and its weights kept.

    python -P nanogpt_child.py SEED CHECKPOINT_FOLDER [train.py's own arguments]

Run in the folder of the peer's working copy. Two functions of torch are wrapped before train.py starts:
`torch.manual_seed`, because train.py knows no other seed than 1337, and `torch.save`, because it writes every
checkpoint over the one before. Weights are kept as safetensors: nothing of the peer's is ever unpickled.
"""

from __future__ import annotations

import json
import os
import runpy
import sys
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file


def keep_weights(checkpoints: Path, checkpoint: dict[str, Any]) -> None:
    """Write the weights after `iter_num` steps, and what the model is built from."""
    # The embedding and the head are one tensor under two names, which safetensors refuses: copies.
    weights = {name: tensor.detach().clone().contiguous() for name, tensor in checkpoint["model"].items()}
    save_file(weights, checkpoints / f"step-{checkpoint['iter_num']:09d}.safetensors")
    (checkpoints / "model_args.json").write_text(json.dumps(checkpoint["model_args"]), encoding="utf-8")


def main() -> None:
    seed, checkpoints = int(sys.argv[1]), Path(sys.argv[2])
    checkpoints.mkdir(parents=True, exist_ok=True)
    facts = {"threads": torch.get_num_threads(), "torch": torch.__version__}
    (checkpoints / "facts.json").write_text(json.dumps(facts), encoding="utf-8")
    plant = torch.manual_seed
    torch.manual_seed = lambda _: plant(seed)  # type: ignore[assignment]
    torch.save = lambda checkpoint, _: keep_weights(checkpoints, checkpoint)  # type: ignore[assignment, misc]
    sys.argv = ["train.py", *sys.argv[3:]]
    sys.path.insert(0, os.getcwd())  # `python train.py` would put it there
    runpy.run_path("train.py", run_name="__main__")


if __name__ == "__main__":
    main()
