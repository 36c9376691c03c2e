"""Widgets used by several screens: the scrolling text pane, the key bar, the table of runs."""
