"""TODO runs.store"""
