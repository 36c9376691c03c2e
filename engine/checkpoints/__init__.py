"""Checkpoints on the disk: how they are written and read, and how to find one."""
