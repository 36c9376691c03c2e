"""TODO bench.learning"""
