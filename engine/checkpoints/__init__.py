"""Checkpoints: how a person names them, and how one is found again."""
