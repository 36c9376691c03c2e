"""The screens of one run: the base with its panes, and the live, replay and watch screens on it."""
