"""What is going on in a training run, said in plain words: a verdict, why, what next, and what a key can do about it.

Pure functions over numpy arrays, no torch and no clock. `observation` is what is looked at, `verdicts` what is
answered, `diagnose` decides. `evaluations` judges validation losses (overfitting, memorising), `training` the losses of
the steps (diverging, learning rate, plateau, slow), `machine` what holds the computer up, `measures` holds the robust
statistics. `detectors` are the two that a training loop asks after every step.
"""

from babytrain.engine.diagnosis.decide_verdict import diagnose
from babytrain.engine.diagnosis.detectors import DivergenceDetector, SpikeDetector
from babytrain.engine.diagnosis.observation import Observation, WindowLosses
from babytrain.engine.diagnosis.verdicts import VERDICTS, Diagnosis, Suggestion, VerdictKind

__all__ = [
    "VERDICTS",
    "Diagnosis",
    "DivergenceDetector",
    "Observation",
    "SpikeDetector",
    "Suggestion",
    "VerdictKind",
    "WindowLosses",
    "diagnose",
]
