"""TODO engine.model.cpu"""
