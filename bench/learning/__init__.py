"""How fast it learns: time to a loss, ablations, against nanoGPT."""
