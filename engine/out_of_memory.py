"""Whether an error says that the memory did not suffice. Torch has a type of its own for that on a GPU only."""

from __future__ import annotations

import torch

# What a plain RuntimeError says: the allocator of a processor and that of Metal, oneDNN, and the libraries of CUDA.
_SIGNS = (
    "can't allocate memory",
    "not enough memory",
    "out of memory",
    "cannot allocate memory",
    "std::bad_alloc",
    "alloc_failed",
)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an allocation failed, on whatever device."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(sign in str(error).lower() for sign in _SIGNS)
