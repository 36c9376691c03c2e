"""Dials and fork settings as a person types or steps them."""
