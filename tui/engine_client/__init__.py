"""The only package of the tui that imports `babytrain.engine` (an import contract in `pyproject.toml`).

Torch is imported inside functions that run in a worker thread or in a command without a screen, so the first screen is
painted before torch is loaded.
"""
