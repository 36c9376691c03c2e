"""Where the loss will end and when: extrapolation, step costs, scheduled costs, quiet hours."""
