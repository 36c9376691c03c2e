"""TODO runs.state"""
