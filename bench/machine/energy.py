"""How far the electricity meter is off: scripted computers whose energy is known exactly, read as the real ones are.

The power of every part is a known function of time, so its integral is known too. The sensors read it once a second
with some jitter, and things happen to them: gaps, counters that wrap or begin anew, a card that is lost, a night's
sleep. The truth of a scenario is the energy of the seconds that a perfect observer of the same readings could know:
all of them for a counter through a silence, none of a sleep.

    python -m bench.machine.energy [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import math
import random
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from pathlib import Path

from babytrain.engine.telemetry.energy_meter import EnergyMeter
from babytrain.runs.energy.bill import gap_percent
from babytrain.runs.energy.tariff import Tariff
from babytrain.runs.events import Energy, GpuReading, HostReading

IDLE_WATTS, SWING_WATTS, MEAN_WATTS, PERIOD_SECONDS = 60.0, 80.0, 220.0, 37.0


def card_watts(t: float) -> float:
    """The power of a card in training, with an evaluation now and then."""
    return MEAN_WATTS + SWING_WATTS * math.sin(2 * math.pi * t / PERIOD_SECONDS)


def card_joules(t: float) -> float:
    """The integral of `card_watts` from 0 to `t`."""
    turn = 2 * math.pi / PERIOD_SECONDS
    return MEAN_WATTS * t + SWING_WATTS / turn * (1 - math.cos(turn * t))


@dataclass(frozen=True)
class Scenario:
    """A card over `seconds` of waking time. Spans are (start, end) in those seconds."""

    name: str
    seconds: float = 3600.0
    counter: bool = True
    polled: bool = True
    wraps_at: float = math.inf  # joules
    reset_at: float = math.inf  # seconds: the counter restarts at 0
    silent: tuple[tuple[float, float], ...] = ()  # the card does not answer
    stalled: tuple[tuple[float, float], ...] = ()  # no readings are taken
    sleeps: tuple[tuple[float, float], ...] = ()  # (start, length)
    lost_at: float = math.inf
    bridged: bool = True  # the counter goes on counting while silent
    averaged: bool = False  # as NVML since Ampere: power is the mean of the last second, the counter ticks every 0.1 s
    jitter: float = 0.05


@dataclass(frozen=True)
class Result:
    """What the meter measured in a scenario."""

    name: str
    truth_joules: float
    joules: float
    error_percent: float
    unmeasured_seconds: float
    truth_unmeasured_seconds: float
    gap_percent: float | None = field(default=None)


SCENARIOS = (
    Scenario("counter and polled, an hour"),
    Scenario("polled only", counter=False),
    Scenario("power averaged, counter in ticks", averaged=True),
    Scenario("power averaged, polled only", averaged=True, counter=False),
    Scenario("counter wraps at 65.5 kJ", wraps_at=65532.610987, polled=False),
    Scenario("counter wraps at 4.3 kJ", wraps_at=4294.967296, polled=False),
    Scenario("counter begins anew, polled steps in", reset_at=1800.0),
    Scenario("counter begins anew, nothing steps in", reset_at=1800.0, polled=False),
    Scenario("silences, counter", silent=((600.0, 640.0), (1500.0, 1502.5), (3000.0, 3060.0))),
    Scenario("silences, polled only", counter=False, silent=((600.0, 640.0), (1500.0, 1501.5), (3000.0, 3060.0))),
    Scenario("nobody looks for a minute, polled only", counter=False, stalled=((900.0, 960.0),)),
    Scenario("a night's sleep", sleeps=((1200.0, 28_800.0),)),
    Scenario("a night's sleep, polled only", counter=False, sleeps=((1200.0, 28_800.0),)),
    Scenario("card lost after 40 minutes", lost_at=2400.0),
    Scenario("card lost, polled only", counter=False, lost_at=2400.0),
    Scenario(
        "everything at once",
        seconds=7200.0,
        wraps_at=262143.328850,
        reset_at=2000.0,
        silent=((600.0, 640.0), (4000.0, 4002.0)),
        stalled=((900.0, 930.0),),
        sleeps=((1200.0, 28_800.0), (5000.0, 600.0)),
        lost_at=7000.0,
    ),
)


def run_scenario(scenario: Scenario, seed: int = 1) -> Result:
    """Read a scenario once a second and compare with the truth."""
    chance = random.Random(seed)
    meter = EnergyMeter(tariff=Tariff(), wall_watts=0.0, idle_watts=0.0, supply_factor=1.0, before=None)
    looks: list[tuple[float, bool]] = []  # time, and whether the card answered
    energy: Energy | None = None
    t = 0.0
    while t <= scenario.seconds:
        if not any(start < t < end for start, end in scenario.stalled):
            lost = t >= scenario.lost_at or any(start < t < end for start, end in scenario.silent)
            card = GpuReading(index=0, name="card", trains=True)
            if not lost:
                card = GpuReading(
                    index=0,
                    name="card",
                    trains=True,
                    energy_joules=_counter_at(scenario, t) if scenario.counter else None,
                    power_watts=_power_at(scenario, t) if scenario.polled else None,
                )
            slept = sum(length for when, length in scenario.sleeps if when < t)
            energy = meter.take_reading(
                monotonic=1000.0 + t,
                boottime=5000.0 + t + slept,
                wall_time=1.7e9 + t + slept,
                host=HostReading(),
                gpus=(card,),
                t=t,
                step=int(t),
            )
            looks.append((t, not lost))
        t += 1.0 + chance.uniform(-scenario.jitter, scenario.jitter)
    assert energy is not None
    truth, unmeasured = _truth(scenario, looks)
    return Result(
        name=scenario.name,
        truth_joules=truth,
        joules=energy.joules,
        error_percent=100 * (energy.joules / truth - 1),
        unmeasured_seconds=energy.unmeasured_seconds,
        truth_unmeasured_seconds=unmeasured,
        gap_percent=_gap(energy),
    )


def _power_at(scenario: Scenario, t: float) -> float:
    return card_joules(t) - card_joules(t - 1.0) if scenario.averaged else card_watts(t)


def _counter_at(scenario: Scenario, t: float) -> float:
    t = math.floor(t * 10) / 10 if scenario.averaged else t
    drawn = card_joules(t) + 500.0 - (card_joules(scenario.reset_at) + 500.0 if t >= scenario.reset_at else 0.0)
    return math.fmod(drawn, scenario.wraps_at)


def _truth(scenario: Scenario, looks: list[tuple[float, bool]]) -> tuple[float, float]:
    """Joules that a perfect observer of these readings could know, and the seconds it could not."""
    joules = unmeasured = 0.0
    answered = [t for t, answers in looks if answers]
    for before, now in pairwise(answered):
        slept = sum(length for when, length in scenario.sleeps if before <= when < now)
        gap = now - before > 3.0
        began_anew = before < scenario.reset_at <= now
        known = (scenario.counter and not began_anew) or (scenario.polled and not gap)
        if slept or not known:
            unmeasured += now - before + slept
        else:
            joules += card_joules(now) - card_joules(before)
    silent = looks[-1][0] - answered[-1]
    return joules, unmeasured + (silent if silent > 3.0 else 0.0)


def _gap(energy: Energy) -> float | None:
    gaps = [gap for source in energy.sources if (gap := gap_percent(source, energy.sources)) is not None]
    return gaps[0] if gaps else None


def main(run: Callable[[Scenario], Result] = run_scenario) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, help="write the figures here")
    options = parser.parse_args()
    results = [run(scenario) for scenario in SCENARIOS]
    print(f"{'scenario':40} {'true kJ':>10} {'told kJ':>10} {'error':>9} {'unmeasured s':>13} {'true':>9} {'gap':>8}")
    for result in results:
        gap = "" if result.gap_percent is None else f"{result.gap_percent:+.3f}%"
        print(
            f"{result.name:40} {result.truth_joules / 1000:10.2f} {result.joules / 1000:10.2f} "
            f"{result.error_percent:+8.3f}% {result.unmeasured_seconds:13.1f} "
            f"{result.truth_unmeasured_seconds:9.1f} {gap:>8}"
        )
    print(f"largest error: {max(abs(result.error_percent) for result in results):.3f}%")
    if options.json:
        options.json.write_text(json.dumps([asdict(result) for result in results], indent=1))


if __name__ == "__main__":
    main()
