"""Panes that show samples, navigation among them, their comparison and text metrics."""
