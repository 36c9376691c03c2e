"""The energy of a run per token, per million tokens, per 0.01 of validation loss, and in kettles.

A run may be measured only in part, so the energy is divided by what was learned while it was measured: an interval
between two meter readings counts with the measured share of its time, sleep left out. Loss is treated like tokens, from
evaluation to evaluation, up to the best.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from babytrain.runs.events import Energy
from babytrain.runs.state.run_state import RunSnapshot

JOULES_PER_KETTLE = 85 * 4186.0  # a litre of water from 15 to 100°C without loss: K x J/(kg K)
JOULES_PER_WATT_HOUR = 3600.0
MAX_PENDING_SECONDS = 5.0  # that a meter may report with its next reading only
MAX_EFFICIENCY_READINGS = 1000  # if there are more, every n-th is used

EnergyArray: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True)
class EnergyEfficiency:
    """The energy of a run in other units; None while there is nothing to divide by."""

    joules_per_token: float | None
    watt_hours_per_million_tokens: float | None
    watt_hours_per_loss_cent: float | None  # per 0.01 nats of validation loss, from the first evaluation to the best
    kettles: float
    measured_share: float = 1.0  # of the tokens up to the newest reading, those trained on while it was measured


def is_measured(energy: Energy) -> bool:
    """Whether any of it was measured."""
    return math.isfinite(energy.joules) and any(s.counted and s.measured_seconds > 0 for s in energy.sources)


def energy_efficiency(snapshot: RunSnapshot) -> EnergyEfficiency | None:
    """The energy of a run in other units, None when nothing was measured."""
    energy = snapshot.energy
    if energy is None or not is_measured(energy):
        return None
    times, measured = _measured_time(snapshot)
    tokens = _tokens_at(snapshot, times)
    trained = float(tokens[-1] - tokens[0])
    counted = float(np.sum(np.diff(tokens) * _shares(times, measured)))
    per_token = energy.joules / counted if counted > 0 else None
    return EnergyEfficiency(
        joules_per_token=per_token,
        watt_hours_per_million_tokens=None if per_token is None else per_token * 1e6 / JOULES_PER_WATT_HOUR,
        watt_hours_per_loss_cent=_watt_hours_per_loss_cent(snapshot, times, measured),
        kettles=energy.joules / JOULES_PER_KETTLE,
        measured_share=counted / trained if trained > 0 else 1.0,
    )


def joules_until(snapshot: RunSnapshot, t: float) -> float:
    """Joules drawn up to an earlier time `t`, interpolated between readings."""
    timeline = snapshot.state.energies
    count = timeline.count_until(min(t, snapshot.t))
    began, drawn = (timeline.events[count - 1].t, timeline.events[count - 1].joules) if count else (0.0, 0.0)
    after = timeline.events[count] if count < len(timeline) else None
    if after is None or after.t <= began or (count and t >= snapshot.t):
        return drawn
    return drawn + (after.joules - drawn) * max(0.0, min(1.0, (t - began) / (after.t - began)))


def _measured_time(snapshot: RunSnapshot) -> tuple[EnergyArray, EnergyArray]:
    """Times of meter readings from the start of the run on, and the seconds measured up to each."""
    timeline = snapshot.state.energies
    readings = timeline.events[: timeline.count_until(snapshot.t)]
    every = -(-len(readings) // MAX_EFFICIENCY_READINGS)
    readings = [*readings[: -1 : max(1, every)], readings[-1]]
    times, shares = [0.0], list[float]()
    before = Energy(t=0.0, step=0, joules=0.0)
    for number, now in enumerate(readings):
        share = _measured_share(before, now)
        if share is None and number:  # reported with the next reading
            continue
        times.append(max(now.t, times[-1]))
        shares.append(share or 0.0)
        before = now
    lengths = np.diff(np.array(times))
    return np.array(times), np.concatenate([[0.0], np.cumsum(lengths * np.array(shares))])


def _measured_share(before: Energy, now: Energy) -> float | None:
    """The measured share of the waking time between two readings, None when the meter has not reported it yet."""
    measured = now.measured_seconds - before.measured_seconds
    accounted = measured + now.unmeasured_seconds - before.unmeasured_seconds
    if accounted <= 0:
        return None
    passed = now.t - before.t
    pending = passed - accounted
    return min(1.0, max(0.0, measured / (accounted if 0 <= pending <= MAX_PENDING_SECONDS else max(passed, 1e-9))))


def _shares(times: EnergyArray, measured: EnergyArray) -> EnergyArray:
    lengths = np.diff(times)
    shares: EnergyArray = np.divide(np.diff(measured), lengths, out=np.zeros_like(lengths), where=lengths > 0)
    return shares


def _tokens_at(snapshot: RunSnapshot, times: EnergyArray) -> EnergyArray:
    """Tokens this run trained on up to each time; a fork's recorded count includes those of its parent."""
    started = snapshot.started
    if started is None or not snapshot.rows:
        return np.zeros(len(times))
    tokens = snapshot.column("tokens").astype(np.float64)
    first_step = int(snapshot.column("step")[0])
    begun = 0.0
    if started.step > 0:
        begun = max(0.0, float(tokens[0]) - started.tokens_per_step * max(0, first_step - started.step))
    # Interpolated: the state of a summary has few steps, a long run merges them.
    at: EnergyArray = np.interp(times, np.concatenate([[0.0], snapshot.column("t")]), np.concatenate([[begun], tokens]))
    return at


def _watt_hours_per_loss_cent(snapshot: RunSnapshot, times: EnergyArray, measured: EnergyArray) -> float | None:
    evals = [event for event in snapshot.evals if math.isfinite(event.val_loss)]
    best = snapshot.best_eval
    if best is None or best.val_loss >= evals[0].val_loss:
        return None
    until_best = [event for event in evals if event.t <= best.t]
    at = np.array([event.t for event in until_best])
    shares = _shares(at, np.interp(at, times, measured))
    fallen = float(np.sum(-np.diff([event.val_loss for event in until_best]) * shares))
    joules = joules_until(snapshot, best.t) - joules_until(snapshot, evals[0].t)
    return joules / JOULES_PER_WATT_HOUR / (fallen / 0.01) if joules > 0 and fallen > 0 else None
