"""Files made from a run: poster, HTML report, screenshots."""
