"""The letter board: statistics of each letter, keyboard layout, tiles."""
