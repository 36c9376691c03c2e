"""TODO bench.machine"""
