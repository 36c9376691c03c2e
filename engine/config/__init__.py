"""TODO engine.config"""
