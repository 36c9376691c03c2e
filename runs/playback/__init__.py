"""The clock of a replay, and the commands of a run in the order of their steps."""
