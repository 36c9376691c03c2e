"""The vitals pane: sensors of graphics cards and computer, sensor curves, electricity bill."""
