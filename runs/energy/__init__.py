"""TODO runs.energy"""
