"""What the terminal can show and must be protected from: character sets, signs, safe text, captured output."""
