"""TODO bench.speed"""
