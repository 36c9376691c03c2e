"""Sensors: graphics cards (NVML, hwmon, ioreg), the computer (psutil), and the energy meter."""
