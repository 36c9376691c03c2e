"""One torch thread: the tensors here are tiny, and two busy multi-threaded processes on few cores starve each other."""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch

torch.set_num_threads(1)
