"""Attacks on the program: is a run ever lost, a link followed, a command left hanging? `python -m bench.attack`."""
