"""What the doctor looks at, one area a file. Each check returns findings and raises nothing it can foresee."""
