"""What is going on in a training run, said in plain words: a verdict, why, what next, and what a key can do about it.

Pure functions over numpy arrays, no torch and no clock. `decide_verdict.diagnose` turns an `Observation` into a
`Diagnosis`; `detectors` are the two that a training loop asks after every step.
"""
