"""Training: the step, what is done between steps, what is kept of it."""
