"""The dials of a run: which there are, their positions, what a command changes, and their history."""
