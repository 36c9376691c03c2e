"""TODO bench.judging"""
