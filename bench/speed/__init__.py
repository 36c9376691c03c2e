"""Benchmarks of steps, start-up, screen, sampling and journals."""
