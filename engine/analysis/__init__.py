"""What a model has learned: measures of the texts it writes and of the letters it predicts."""
