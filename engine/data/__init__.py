"""Text sources, tokenizers and windows of tokens."""
