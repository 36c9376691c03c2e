"""The loss pane: chart, legend, history, marks of what happened."""
