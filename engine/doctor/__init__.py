"""What the doctor checks, one area a file. Each check returns results and raises nothing it can foresee."""
