"""TODO bench.pictures"""
