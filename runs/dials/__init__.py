"""The dials of a run: which there are, where they stand, what a command makes of them, and how they stood over time."""
