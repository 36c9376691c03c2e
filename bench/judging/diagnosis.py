"""How often the diagnosis is right: the library of curves with known truth, a confusion table, and the three promises.

Every curve is followed from its start the way a program would, asked every 50 steps and at each evaluation; near its
decisive moment too. Counts only, no clock: the same figures on every machine.

Thresholds were set on seed 0; other seeds are curves they have never seen.

    python -m bench.judging.diagnosis                        # table on standard error, figures on standard output
    python -m bench.judging.diagnosis --seeds 1 2 3 4 5
"""

from __future__ import annotations

import argparse
import itertools
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from babytrain.engine.diagnosis.decide_verdict import diagnose
from babytrain.engine.diagnosis.detectors import DivergenceDetector
from babytrain.engine.diagnosis.verdicts import VERDICTS, Diagnosis, VerdictKind
from bench.judging.curve_shapes import Curve
from bench.judging.known_curves import library

LOOK_EVERY = 50
CLOSE_LOOKS = range(-40, 1, 5)  # steps before the decisive one: the screen asks once a second


@dataclass(frozen=True)
class Outcome:
    """The diagnosis of a curve at its decisive step and at each evaluation, and the steps at which the detector fired.

    `found_after` counts evaluations from the onset to the verdict overfitting, `fired_after` steps from the onset to
    divergence (None: never). `false_fires` are steps at which the detector fired before or without an onset.
    """

    curve: Curve
    verdict: VerdictKind
    at_evaluations: tuple[VerdictKind, ...]
    changes: int
    found_after: int | None
    fired_after: int | None
    false_fires: int

    @property
    def right(self) -> bool:
        """The verdict at the decisive step is one of the accepted ones."""
        return self.verdict in self.curve.accepted


def follow(curve: Curve) -> dict[int, Diagnosis]:
    """The diagnosis at every step it is asked for, each given the one before."""
    close = {curve.decisive_step + offset for offset in CLOSE_LOOKS}
    looks = sorted({*curve.looks(LOOK_EVERY), *(step for step in close if step > 0)})
    diagnoses: dict[int, Diagnosis] = {}
    previous: Diagnosis | None = None
    for step in looks:
        previous = diagnoses[step] = diagnose(curve.at(step), previous)
    return diagnoses


def judge(curve: Curve) -> Outcome:
    """The outcome of one curve."""
    diagnoses = follow(curve)
    verdicts = [diagnosis.verdict for diagnosis in diagnoses.values()]
    evaluations = [int(step) for step in curve.observation.eval_step if int(step) in diagnoses]
    found = None
    if curve.truth == "overfitting" and curve.onset_step is not None:
        after = [step for step in evaluations if step > curve.onset_step]
        alarms = [place for place, step in enumerate(after, 1) if diagnoses[step].verdict == "overfitting"]
        found = alarms[0] if alarms else None
    onset = curve.onset_step if curve.truth == "diverging" else None
    fires = detector_fires(curve)
    return Outcome(
        curve=curve,
        verdict=diagnoses[curve.decisive_step].verdict,
        at_evaluations=tuple(diagnoses[step].verdict for step in evaluations),
        changes=sum(one != other for one, other in itertools.pairwise(verdicts)),
        found_after=found,
        fired_after=next((step - onset for step in fires if step > onset), None) if onset is not None else None,
        false_fires=sum(1 for step in fires if onset is None or step <= onset),
    )


def detector_fires(curve: Curve) -> list[int]:
    """Steps at which the detector of the training loop reports divergence."""
    detector = DivergenceDetector(curve.observation.warmup_steps)
    steps, losses = curve.observation.step.tolist(), curve.observation.loss.tolist()
    return [step for step, loss in zip(steps, losses, strict=True) if detector.update(step, loss)]


@cache
def outcomes(seed: int = 0) -> tuple[Outcome, ...]:
    """The outcome of every curve of the library."""
    return tuple(judge(curve) for curve in library(seed))


def false_overfitting_rate(judged: Iterable[Outcome]) -> tuple[int, int]:
    """The share of overfitting alarms in all evaluations of curves that do not overfit."""
    said = [verdict for outcome in judged if outcome.curve.truth != "overfitting" for verdict in outcome.at_evaluations]
    return said.count("overfitting"), len(said)


def confusion(judged: Iterable[Outcome]) -> dict[str, dict[str, int]]:
    """The number of curves by truth and by verdict at the decisive step."""
    counts = Counter((outcome.curve.truth, outcome.verdict) for outcome in judged)
    return {
        truth: {verdict: counts[truth, verdict] for verdict in VERDICTS if counts[truth, verdict]} for truth in VERDICTS
    }


def table(counts: dict[str, dict[str, int]]) -> str:
    """The confusion table as text: a row per truth, a column per verdict."""
    width = max(map(len, VERDICTS))
    lines = [" " * width + "  " + " ".join(f"{verdict:>{len(verdict)}}" for verdict in VERDICTS)]
    for truth in VERDICTS:
        cells = " ".join(f"{counts[truth].get(verdict, 0) or '·':>{len(verdict)}}" for verdict in VERDICTS)
        lines.append(f"{truth:>{width}}  {cells}")
    return "\n".join(lines)


def figures(judged: tuple[Outcome, ...]) -> dict[str, Any]:
    """All results as plain data."""
    alarms, evaluations = false_overfitting_rate(judged)
    overfit = [outcome for outcome in judged if outcome.curve.truth == "overfitting"]
    diverged = [outcome for outcome in judged if outcome.curve.truth == "diverging"]
    steps = [outcome.fired_after for outcome in diverged if outcome.fired_after is not None]
    return {
        "curves": len(judged),
        "right": sum(outcome.right for outcome in judged),
        "wrong": {outcome.curve.name: outcome.verdict for outcome in judged if not outcome.right},
        "confusion": confusion(judged),
        "false_overfitting": {"alarms": alarms, "evaluations": evaluations, "rate": alarms / evaluations},
        "overfitting_found_after_evaluations": dict(
            Counter("never" if outcome.found_after is None else str(outcome.found_after) for outcome in overfit)
        ),
        "divergence_found_after_steps": {
            "median": float(np.median(steps)) if steps else None,
            "worst": max(steps, default=None),
            "never": len(diverged) - len(steps),
        },
        "false_divergence_steps": {
            outcome.curve.name: outcome.false_fires for outcome in judged if outcome.false_fires
        },
        "verdict_changes_per_run": float(np.mean([outcome.changes for outcome in judged])),
    }


def main() -> None:
    from bench.measuring import narrate, print_result  # imports torch, which the tests of these figures do not need

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0], help="noise of the generated curves, drawn anew")
    judged = tuple(outcome for seed in parser.parse_args().seeds for outcome in outcomes(seed))
    result = figures(judged)
    narrate("truth (rows) and verdict (columns), in curves\n" + table(result["confusion"]))
    print_result(result)


if __name__ == "__main__":
    main()
