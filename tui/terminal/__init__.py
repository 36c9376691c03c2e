"""The terminal: character sets, glyphs, safe text, captured output."""
