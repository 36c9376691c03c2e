"""Hand-written backward passes, matrix products and memory for a processor."""
