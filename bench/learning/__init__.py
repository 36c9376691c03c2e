"""Benchmarks of learning: time to a loss, ablations, comparison with nanoGPT."""
