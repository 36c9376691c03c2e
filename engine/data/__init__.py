"""Text in, tokens out: sources, tokenizers, splits, windows and their augmentation."""

from __future__ import annotations
