"""Seeds for the noise of dropout, so that the noise of a step depends on nothing but the run's seed and the step."""

from __future__ import annotations


def dropout_seed(seed: int, step: int, micro: int) -> int:
    """A 63-bit seed for the noise of one forward pass: a splitmix64 finaliser over the three numbers."""
    mask = (1 << 64) - 1
    value = (seed * 0x9E3779B97F4A7C15 + step * 0xBF58476D1CE4E5B9 + micro * 0x94D049BB133111EB) & mask
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & mask
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & mask
    return (value ^ (value >> 31)) >> 1
