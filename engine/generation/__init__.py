"""Writing with small models in numpy, one token at a time, where calling torch costs more than the arithmetic."""
