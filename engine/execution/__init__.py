"""Devices, threads and number formats, and the ways to make a forward and backward pass."""
