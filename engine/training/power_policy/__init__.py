"""Regard for who lives with the machine: quiet hours, heat, power, the battery. Slower, never different."""
