"""What the diagnosis remembers across a switch-off comes back as it was, and nonsense is forgotten."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from babytrain.engine.diagnosis.diagnosis_state import DiagnosisState, pack_diagnosis_state, unpack_diagnosis_state
from babytrain.engine.diagnosis.observation import WindowLosses
from babytrain.engine.diagnosis.paired_bootstrap import compare_windows
from babytrain.engine.diagnosis.verdicts import Diagnosis, EvaluationRise, Suggestion

NEWER, OLDER = np.linspace(1.0, 2.0, 40, dtype=np.float32), np.linspace(1.1, 1.9, 40, dtype=np.float32)
COMPARISON = compare_windows(NEWER, OLDER, seed=1, resamples=50, confidence=0.9)


def test_everything_comes_back_through_the_file() -> None:
    diagnosis = Diagnosis(
        "overfitting",
        "It climbs.",
        "Stop.",
        advice=Suggestion("stop", "stop here"),
        step=400,
        since=300,
        candidate="plateau",
        candidate_since=390,
        rise=EvaluationRise(200, 400, COMPARISON, None),
    )
    memory = DiagnosisState(
        diagnosis, True, WindowLosses(200, OLDER), (WindowLosses(350, NEWER), WindowLosses(400, OLDER))
    )
    back = unpack_diagnosis_state(json.loads(json.dumps(pack_diagnosis_state(memory))))
    assert back.diagnosis == diagnosis
    assert back.acted
    assert back.best_windows is not None
    assert back.best_windows.losses.tobytes() == OLDER.tobytes()
    assert [(one.step, one.losses.tobytes()) for one in back.newest_windows] == [
        (350, NEWER.tobytes()),
        (400, OLDER.tobytes()),
    ]


def test_losses_that_are_no_numbers_survive() -> None:
    losses = np.array([math.nan, math.inf, 1.0], dtype=np.float32)
    back = unpack_diagnosis_state(
        json.loads(json.dumps(pack_diagnosis_state(DiagnosisState(best_windows=WindowLosses(1, losses)))))
    )
    assert back.best_windows is not None
    np.testing.assert_array_equal(back.best_windows.losses, losses)


@pytest.mark.parametrize(
    "saved",
    [
        {},
        {"diagnosis": {"verdict": "cheerful"}},
        {"best_windows": {"step": 1, "losses": "not base64!"}},
        {"best_windows": {"step": 1, "losses": "AAA="}},
        {"newest_windows": [{}]},
        {"newest_windows": 3},
    ],
)
def test_what_makes_no_sense_is_forgotten(saved: dict) -> None:
    assert unpack_diagnosis_state(saved) == DiagnosisState()
