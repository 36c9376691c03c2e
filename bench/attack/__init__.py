"""Attacks on the program: is a run ever lost, a link followed, a command left hanging? Start: `python -m bench.attack`."""
