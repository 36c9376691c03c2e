"""The README's recordings and pictures."""
