"""Text in, tokens out: built-in corpora, files, tokenizers, splits and windows."""
