"""The Textual app: screens, the training session, overlays, themes, command palette."""
