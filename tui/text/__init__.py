"""Words on the screen, and the files that hold the longer lists of them."""
