"""The run folder and what is in it: lock, list of runs, tree, summary, checkpoints, provenance."""
