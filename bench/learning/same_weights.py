"""Two checkouts, the same settings: do they end in the same weights, to the bit?

    python -m bench.learning.same_weights ../other-checkout

Run it after a change that should not touch the mathematics, against a checkout of the version before. Both train in
processes of their own, one after the other, on this machine, with threads, number format and matrix library pinned:
those may change the last bits. `--steps` makes the runs longer.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from safetensors import safe_open

HERE = Path(__file__).resolve().parents[2]
PINNED = ("threads=1", "precision=fp32", "products=torch", "compile=off")  # by the names that 0.2.0 knows too
OTHER_RECIPE = (
    "dropout=0.1",
    "accumulate=2",
    "optimizer=adamw",
    "tokenizer=bpe",
    "label_smoothing=0.05",
    "eval_every=50",
)
CASES = {"default preset": (), "dropout, accumulation, AdamW, bpe": OTHER_RECIPE}


def final_weights(checkout: Path, settings: tuple[str, ...], steps: int) -> tuple[str, float]:
    """SHA-256 over names, shapes and bytes of the last checkpoint's model; the validation loss in nats per token."""
    with tempfile.TemporaryDirectory() as folder:
        options = [word for setting in (*PINNED, *settings) for word in ("--set", setting)]
        train = ["train", "--headless", "--json", "--steps", str(steps), *options, "--runs-dir", folder]
        finished = subprocess.run(
            [sys.executable, "-m", "babytrain", *train],
            cwd=checkout,
            env=os.environ | {"PYTHONPATH": str(checkout)},
            capture_output=True,
            text=True,
            check=True,
        )
        result = json.loads(finished.stdout)
        checkpoints = Path(result["run_dir"]) / "checkpoints"
        newest = checkpoints / (checkpoints / "last").read_text(encoding="utf-8").strip()
        digest = hashlib.sha256()
        with safe_open(newest / "model.safetensors", framework="numpy") as tensors:
            for name in sorted(tensors.keys()):
                tensor = tensors.get_tensor(name)
                digest.update(f"{name} {tensor.dtype} {tensor.shape}".encode())
                digest.update(tensor.tobytes())
    return digest.hexdigest(), result["val_loss"]


def main() -> None:
    """Train each case in both checkouts and compare. The exit code is 1 when any weights differ."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("other", type=Path, help="the checkout to compare with")
    parser.add_argument("--steps", type=int, default=200)
    arguments = parser.parse_args()
    differing = 0
    for case, settings in CASES.items():
        (ours, loss), (theirs, other_loss) = (
            final_weights(checkout.resolve(), settings, arguments.steps) for checkout in (HERE, arguments.other)
        )
        differing += ours != theirs
        verdict = "the same bits" if ours == theirs else "DIFFERENT"
        print(f"{case}: {verdict}")
        print(f"  sha256 {ours[:16]} and {theirs[:16]}, validation loss {loss:.6f} and {other_loss:.6f}")
    raise SystemExit(1 if differing else 0)


if __name__ == "__main__":
    main()
