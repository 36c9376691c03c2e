"""Which charts a report has, and what they hold."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from babytrain.runs.events import Vitals
from babytrain.runs.state import Moment
from babytrain.runs.throttling import throttled_stretches
from babytrain.tui.poster.series import Thinned, speed, step_column, thinned, training_loss, validation_loss
from babytrain.tui.report.side_by_side import losses_compare, names_of, shared_unit

_MOST_STRETCHES = 1600  # of one curve when there is one run; shared among several
_FEWEST_STRETCHES = 250


@dataclass(frozen=True)
class Curve:
    """One line of a chart. `colour` is a number of the style sheet; a `strong` one is drawn bold, without its range."""

    name: str
    line: Thinned
    colour: int
    strong: bool = False


@dataclass(frozen=True)
class Chart:
    """Curves over the steps. `levels` are named heights, `bands` stretches of steps with what they mean."""

    title: str
    unit: str
    curves: tuple[Curve, ...]
    levels: tuple[tuple[str, float], ...] = ()
    bands: tuple[tuple[float, float, str], ...] = ()
    logarithmic: bool = False


def charts_of(moments: Sequence[Moment]) -> list[Chart]:
    """The charts of one run or several; those that would be empty are left out."""
    most = max(_FEWEST_STRETCHES, _MOST_STRETCHES // max(1, len(moments)))
    bands = _throttle_bands(moments[0]) if len(moments) == 1 else ()
    charts = [
        _loss(moments, most),
        _one("Learning rate", "as used", moments, lambda moment: step_column(moment, "learning_rate", most)),
        _one("Gradient norm", "before clipping, logarithmic", moments,
             lambda moment: _positive(step_column(moment, "gradient_norm", most)), logarithmic=True),
        _one("Speed", "tokens per second", moments, lambda moment: speed(moment, most // 4), bands=bands),
        _one("Temperature", "degrees Celsius of the card, or of the processor", moments,
             lambda moment: _sensor(moment, most, _temperature), bands=bands),
        _one("Power", "watts", moments, lambda moment: _sensor(moment, most, _power), bands=bands),
    ]  # fmt: skip
    return [chart for chart in charts if chart.curves]


def _loss(moments: Sequence[Moment], most: int) -> Chart:
    curves: list[Curve] = []
    several = len(moments) > 1
    for place, (called, moment) in enumerate(zip(names_of(moments), moments, strict=True)):
        name, colour = called if several else "", place
        training = training_loss(moment, most)
        if len(training):
            curves.append(Curve(f"{name} training".strip(), training, colour))
        evals = validation_loss(moment)
        if len(evals) > 1 and evals[0][0] == 0:
            evals = evals[1:]  # a line from there to the next one would say what nobody measured
        if evals:
            steps, losses = zip(*evals, strict=True)
            line = thinned(steps, losses, losses, losses, most)
            curves.append(Curve(f"{name} validation".strip(), line, colour if several else 1, strong=True))
    return Chart("Loss", f"nats per {shared_unit(moments)}", tuple(curves), _levels(moments))


def _levels(moments: Sequence[Moment]) -> tuple[tuple[str, float], ...]:
    """What models that only count reach, and what nothing gets below; for several runs only where that is the same."""
    if not losses_compare(moments):
        return ()
    counted = next((moment.baselines for moment in moments if moment.baselines is not None), None)
    levels: list[tuple[str, float]] = []
    if counted is not None:
        levels = [("chance", counted.uniform), (f"{shared_unit(moments)}s counted", counted.unigram),
                  ("pairs counted", counted.bigram), ("threes counted", counted.trigram),
                  ("fives counted", counted.fivegram)]  # fmt: skip
    floor = next((moment.started.corpus.floor_nats_per_token for moment in moments if moment.started), None)
    if floor is not None:
        levels.append(("all there is to know", floor))
    return tuple((name, value) for name, value in levels if math.isfinite(value))


def _one(
    title: str,
    unit: str,
    moments: Sequence[Moment],
    column: Callable[[Moment], Thinned],
    *,
    bands: tuple[tuple[float, float, str], ...] = (),
    logarithmic: bool = False,
) -> Chart:
    """A chart with one curve a run."""
    lines = (
        (place, name, column(moment))
        for place, (name, moment) in enumerate(zip(names_of(moments), moments, strict=True))
    )
    curves = tuple(Curve(name, line, place) for place, name, line in lines if len(line))
    return Chart(title, unit, curves, bands=bands, logarithmic=logarithmic)


def _positive(line: Thinned) -> Thinned:
    kept = line.low > 0
    return Thinned(line.x[kept], line.low[kept], line.high[kept], line.mean[kept])


def _sensor(moment: Moment, most: int, read: Callable[[Vitals], float | None]) -> Thinned:
    looks = sorted(
        (look.step, value) for look in moment.state.vitals.until(moment.t) if (value := read(look)) is not None
    )
    if not looks:
        return thinned([], [], [], [], most)
    steps, values = zip(*looks, strict=True)
    return thinned(steps, values, values, values, most)


def _temperature(look: Vitals) -> float | None:
    card = next((card for card in look.gpus if card.trains), look.gpus[0] if look.gpus else None)
    return look.host.temperature_celsius if card is None else card.temperature_celsius


def _power(look: Vitals) -> float | None:
    known = [card.power_watts for card in look.gpus if card.power_watts is not None]
    return sum(known) if known else look.host.processor_watts


def _throttle_bands(moment: Moment) -> tuple[tuple[float, float, str], ...]:
    """Where the card slowed itself down, in steps."""
    times, steps = moment.column("t"), moment.column("step")
    if not len(steps):
        return ()
    bands = []
    for stretch in throttled_stretches(moment.state.vitals.until(moment.t)):
        first, last = np.searchsorted(times, (stretch.start, stretch.end))
        ends = [float(steps[min(int(row), len(steps) - 1)]) for row in (first, last)]
        bands.append((ends[0], ends[1], f"slowed by {stretch.words}"))
    return tuple(bands)
