"""TODO runs.playback"""
