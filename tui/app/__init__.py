"""The Textual app: the first screen, changes of screens, the training session, overlays, themes, command palette."""
