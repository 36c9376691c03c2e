"""Recorded real runs and the truth about each, decided by its siblings.

Runs of a group differ in their learning rates only. Truth, with losses on text that neither training nor validation
has seen:

- the learning rate was too low (too high) if a sibling with a higher (lower) one ended better by more than three
  standard deviations of the difference of two seeds, and by a tenth of the loss;
- a run overfits if its own loss was lower at an earlier evaluation, by 3% of the loss;
- it is fine if no sibling was better by as much as 3% (or three such deviations), and its own past by 1%;
- between these either answer is accepted: from one curve alone the difference cannot be seen.
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from babytrain.engine.config.build import build_config, rate_factors
from babytrain.engine.config.presets import DEFAULT_PRESET
from babytrain.engine.diagnosis.observation import Observation, WindowLosses
from babytrain.engine.diagnosis.verdicts import VerdictKind
from bench.judging.curve_shapes import Curve

Collection: TypeAlias = Literal["tuning", "test"]
CURVES = Path(__file__).parent / "curves"
COLUMNS = ("loss", "learning_rate", "gradient_norm", "eval_step", "val_loss", "train_loss", "test_loss")
TOO_LOW: frozenset[VerdictKind] = frozenset({"lr too low", "not learning", "slow"})
TOO_HIGH: frozenset[VerdictKind] = frozenset({"lr too high", "not learning", "diverging"})
OVERFITTED: frozenset[VerdictKind] = frozenset({"overfitting", "memorising"})
BAD_SHARE, FINE_SHARE = 0.1, 0.03  # of the loss, by which the best sibling is better
BAD_RISE, FINE_RISE = 0.03, 0.01  # of the loss, since the run's own best
DEVIATIONS = 3.0 * math.sqrt(2.0)
UNKNOWN_SEED_NOISE = 0.02  # nats
STEP_SECONDS = 0.02


@dataclass(frozen=True)
class Truth:
    """What is wrong with a run: the verdicts that say so, none if it is fine; `unclear` if either answer will do."""

    accepted: frozenset[VerdictKind]
    unclear: bool = False

    @property
    def name(self) -> str:
        """A word for a table."""
        if self.unclear:
            return "either"
        sets = {"too low": TOO_LOW, "too high": TOO_HIGH, "overfits": OVERFITTED}
        return " + ".join(word for word, kinds in sets.items() if self.accepted >= kinds) or "fine"


@dataclass(frozen=True)
class RealRun:
    """A recorded run. `alignment_steps` [measurements] are the steps of the alignments of `curve`."""

    name: str
    group: tuple[str, str]
    rates: tuple[float, float]  # of AdamW's and Muon's parameters
    curve: Curve
    alignment_steps: npt.NDArray[np.integer[Any]]
    test_loss: npt.NDArray[np.floating[Any]]
    seed_noise: float = UNKNOWN_SEED_NOISE

    @property
    def steps(self) -> int:
        """The length of the run."""
        return self.curve.observation.newest_step

    def at(self, step: int) -> Observation:
        """The run after `step` steps."""
        rows = int(np.searchsorted(self.alignment_steps, step, side="right"))
        return replace(self.curve.at(step), alignments=self.curve.observation.alignments[:rows])


@cache
def real_runs(collection: Collection) -> tuple[RealRun, ...]:
    """Every run of a collection."""
    with np.load(CURVES / f"{collection}.npz") as stored:
        facts = json.loads(stored["facts"].tobytes())
        columns = {name: stored[name] for name in (*COLUMNS, "alignment", "alignment_step", "windows")}
    runs, starts = [], dict.fromkeys(columns, 0)
    for fact in facts:
        own = {}
        for name, shape in fact["shapes"].items():
            end = starts[name] + math.prod(shape)
            own[name] = columns[name][starts[name] : end].reshape(shape)
            starts[name] = end
        runs.append(_read(fact, own))
    noise = _seed_noise(facts, runs)
    return tuple(replace(run, seed_noise=noise.get(run.group[0].split()[0], UNKNOWN_SEED_NOISE)) for run in runs)


def _read(fact: Mapping[str, Any], columns: Mapping[str, npt.NDArray[Any]]) -> RealRun:
    settings = fact["settings"]
    config = build_config(DEFAULT_PRESET, fact["config"])
    steps = np.arange(1, len(columns["loss"]) + 1)
    eval_step = columns["eval_step"].astype(np.int64)
    observation = Observation(
        step=steps,
        t=STEP_SECONDS * steps,
        loss=columns["loss"],
        learning_rate=columns["learning_rate"],
        gradient_norm=columns["gradient_norm"],
        step_seconds=np.full(len(steps), STEP_SECONDS),
        eval_step=eval_step,
        eval_t=STEP_SECONDS * eval_step,
        val_loss=columns["val_loss"].astype(np.float64),
        train_loss=columns["train_loss"].astype(np.float64),
        windows=tuple(
            WindowLosses(int(step), losses.astype(np.float32))
            for step, losses in zip(eval_step, columns["windows"], strict=True)
        ),
        alignments=columns["alignment"].astype(np.float64),
        rate_factors=rate_factors(config, config.lr),
        planned_epochs=config.steps * config.batch_size * config.context / fact["train_tokens"],
        warmup_steps=config.warmup,
        total_steps=len(steps),
        uniform_loss=math.log(fact["vocabulary"]),
        unigram_loss=fact["unigram"],
        dropout=config.dropout,
        weight_decay=config.weight_decay,
        finished=True,
    )
    kept = columns["alignment_step"] > observation.settled_step
    observation = replace(observation, alignments=observation.alignments[kept])
    columns = {**columns, "alignment_step": columns["alignment_step"][kept]}
    return RealRun(
        name=fact["name"],
        group=(fact["text"], fact["group"]),
        rates=(settings["lr"], settings["muon_lr"]),
        curve=Curve(fact["name"], "done", len(steps), observation, ()),
        alignment_steps=columns["alignment_step"].astype(np.int64),
        test_loss=columns["test_loss"].astype(np.float64),
    )


def _seed_noise(facts: Sequence[Mapping[str, Any]], runs: Sequence[RealRun]) -> dict[str, float]:
    """The standard deviation of the end loss over seeds, by text."""
    ends: dict[tuple[Any, ...], list[float]] = defaultdict(list)
    for run in runs:
        ends[*run.group, *run.rates].append(float(run.test_loss[-1]))
    return {key[0]: float(np.std(values, ddof=1)) for key, values in ends.items() if len(values) > 2}


def truth_of(run: RealRun, runs: Sequence[RealRun], *, at_half: bool = False) -> Truth:
    """The truth about a run among its siblings in `runs`; at half of the run, what of it had happened by then."""
    end = float(run.test_loss[-1])
    accepted: frozenset[VerdictKind] = frozenset()
    unclear = False
    for kinds, better in ((TOO_LOW, _better_sibling(run, runs, 1)), (TOO_HIGH, _better_sibling(run, runs, -1))):
        gain = end - better
        noise = DEVIATIONS * run.seed_noise
        if not math.isfinite(end) or gain > max(noise, BAD_SHARE * end):
            accepted |= kinds
        elif gain > max(noise, FINE_SHARE * end):
            unclear = True
    evaluated = run.curve.observation.eval_step
    now = int(np.searchsorted(evaluated, run.steps // 2, side="right")) if at_half else len(evaluated)
    risen, risen_later = _rise(run, now), _rise(run, len(evaluated))
    if risen > BAD_RISE:
        accepted |= OVERFITTED
    elif risen > FINE_RISE or risen_later > BAD_RISE:
        unclear = True  # also where it overfits later: siblings were compared by what became of them
    return Truth(accepted, unclear)


def _rise(run: RealRun, evaluations: int) -> float:
    losses = run.test_loss[:evaluations]
    return float(losses[-1] / np.nanmin(losses) - 1.0)


def _better_sibling(run: RealRun, runs: Sequence[RealRun], direction: int) -> float:
    """The best end of a sibling none of whose rates is lower (`direction` 1) or higher (-1); infinite without one."""
    found = [
        float(other.test_loss[-1])
        for other in runs
        if other.group == run.group
        and other.rates != run.rates
        and all(direction * (theirs - ours) >= 0.0 for theirs, ours in zip(other.rates, run.rates, strict=True))
    ]
    return min(found, default=math.inf)
