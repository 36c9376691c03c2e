"""Reading and writing files that may be damaged, hostile or in the way."""
