"""How often the diagnosis is right about real runs: a table of truth and verdict, at half of each run and at its end.

python -m bench.judging.real_verdicts                      # the runs that thresholds were set on
python -m bench.judging.real_verdicts --collection test    # texts and models that they have never seen
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, get_args

from babytrain.engine.diagnosis.decide_verdict import diagnose
from babytrain.engine.diagnosis.verdicts import VERDICTS, Diagnosis, VerdictKind
from bench.judging.real_runs import OVERFITTED, TOO_HIGH, TOO_LOW, Collection, RealRun, Truth, real_runs, truth_of

LOOK_EVERY = 50
BAD: frozenset[VerdictKind] = (TOO_HIGH | TOO_LOW | OVERFITTED) - {"slow"}
FINE: frozenset[VerdictKind] = frozenset({"learning", "done", "warming up"})
SOON_STEPS, SOON_SHARE = 100, 0.1


@dataclass(frozen=True)
class Judged:
    """A run with its diagnoses by step, and the truth at half and at the end."""

    run: RealRun
    diagnoses: dict[int, Diagnosis]
    at_half: Truth
    at_end: Truth

    @property
    def half(self) -> VerdictKind:
        """The verdict at half of the run."""
        return self.diagnoses[max(step for step in self.diagnoses if step <= self.run.steps // 2)].verdict

    @property
    def end(self) -> VerdictKind:
        """The verdict at the end."""
        return self.diagnoses[self.run.steps].verdict

    @property
    def is_missed(self) -> bool:
        """Whether the run was bad and called fine at its end."""
        return bool(self.at_end.accepted) and not self.at_end.unclear and self.end in FINE

    def is_hinted(self, step: int) -> bool:
        """Whether the words of the last diagnosis until `step` name the cause, though the verdict does not."""
        hint = self.diagnoses[max(each for each in self.diagnoses if each <= step)].next_
        wanted = {"higher": TOO_LOW, "lower": TOO_HIGH}
        return any(
            f"a {word} learning rate may" in hint and self.at_end.accepted >= kinds for word, kinds in wanted.items()
        )

    @property
    def told_at(self) -> int | None:
        """The first step with a verdict that something is wrong, None if there was none."""
        return next((step for step, diagnosis in self.diagnoses.items() if diagnosis.verdict in BAD), None)


def follow(run: RealRun) -> dict[int, Diagnosis]:
    """The diagnosis at every step at which the engine asks for it."""
    evaluations = run.curve.observation.eval_step.tolist()
    looks = sorted({*range(LOOK_EVERY, run.steps + 1, LOOK_EVERY), *(step for step in evaluations if step > 0)})
    diagnoses: dict[int, Diagnosis] = {}
    previous: Diagnosis | None = None
    for step in looks:
        previous = diagnoses[step] = diagnose(run.at(step), previous)
    return diagnoses


@cache
def judged_runs(collection: Collection) -> tuple[Judged, ...]:
    """Every run of a collection, judged."""
    runs = real_runs(collection)
    return tuple(Judged(run, follow(run), truth_of(run, runs, at_half=True), truth_of(run, runs)) for run in runs)


def confusion(pairs: Sequence[tuple[Truth, VerdictKind]]) -> dict[str, dict[str, int]]:
    """The number of runs by truth and verdict."""
    counts = Counter((truth.name, verdict) for truth, verdict in pairs)
    names = sorted({truth.name for truth, _ in pairs}, key=lambda name: (name == "either", name))
    return {name: {kind: counts[name, kind] for kind in VERDICTS if counts[name, kind]} for name in names}


def rates(pairs: Sequence[tuple[Truth, VerdictKind]]) -> dict[str, Any]:
    """Bad runs called fine, bad runs called something else that is bad, and fine runs called bad."""
    bad = [(truth, verdict) for truth, verdict in pairs if truth.accepted and not truth.unclear]
    fine = [verdict for truth, verdict in pairs if not truth.accepted and not truth.unclear]
    return {
        "bad": len(bad),
        "bad_called_fine": sum(verdict in FINE for _, verdict in bad),
        "bad_called_wrongly": sum(verdict not in FINE and verdict not in truth.accepted for truth, verdict in bad),
        "fine": len(fine),
        "fine_called_bad": sum(verdict in BAD for verdict in fine),
    }


def told_soon(judged: Sequence[Judged]) -> dict[str, Any]:
    """Of the runs that stand above counting tokens when a tenth (at least 100 steps) is over: how many were told."""
    late = []
    wrong = 0
    for each in judged:
        soon = max(SOON_STEPS, int(SOON_SHARE * each.run.steps))
        observation = each.run.at(soon)
        if each.at_end.accepted and observation.level > observation.unigram_loss:
            wrong += 1
            if each.told_at is None or each.told_at > soon:
                late.append(each.run.name)
    return {"wrong_from_the_start": wrong, "told_late": late}


def figures(judged: Sequence[Judged]) -> dict[str, Any]:
    """All results as plain data."""
    half = [(each.at_half, each.half) for each in judged]
    end = [(each.at_end, each.end) for each in judged]
    mistaken = [
        f"{when}: {each.run.name}: {truth.name}, said {verdict}"
        for each in judged
        for when, truth, verdict in (("half", each.at_half, each.half), ("end", each.at_end, each.end))
        if not truth.unclear and (verdict not in truth.accepted if truth.accepted else verdict in BAD)
    ]
    return {
        "runs": len(judged),
        "half": {"confusion": confusion(half), **rates(half)},
        "end": {"confusion": confusion(end), **rates(end)},
        "called_fine_with_a_hint": sum(each.is_missed and each.is_hinted(each.run.steps) for each in judged),
        "soon": told_soon(judged),
        "mistaken": mistaken,
    }


def main() -> None:
    from bench.measuring import print_result  # imports torch, which the tests of these figures do not need

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--collection", choices=get_args(Collection), default="tuning")
    print_result(figures(judged_runs(parser.parse_args().collection)))


if __name__ == "__main__":
    main()
