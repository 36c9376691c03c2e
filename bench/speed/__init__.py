"""How fast it is: steps, start-up, screen, sampling, journals."""
