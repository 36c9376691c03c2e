"""What a model has learned: letters, words, memorised text, haiku, baselines, milestones, the final evaluation."""
