"""Settings with their explanations and limits, presets, building and checking a configuration, errors."""
