"""Energy, heat, sensors, memory, kills."""
