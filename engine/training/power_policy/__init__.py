"""Rests between steps for quiet hours, heat, power and battery. They never change a result."""
