"""TODO runs.forecast"""
