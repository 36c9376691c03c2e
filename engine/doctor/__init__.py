"""The checks of the doctor, one area per file."""
