"""Text in, tokens out: sources, tokenizers, splits, windows and their augmentation."""
