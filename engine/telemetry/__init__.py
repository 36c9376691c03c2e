"""Sensors: graphics cards through NVML, the host through psutil."""
