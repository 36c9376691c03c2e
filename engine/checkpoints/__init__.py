"""Checkpoints: how they are written and read, how a person names them, and how one is found again."""
