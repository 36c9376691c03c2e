"""Benchmarks of energy, heat, sensors, memory and kills."""
