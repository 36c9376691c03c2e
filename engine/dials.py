"""The dials of a run: what a person may turn while it trains, and how a request becomes a new position.

Pure data and pure functions; the trainer applies requests at step boundaries and records each with its step, which is
what makes a steered run repeatable. A dial is named like the setting it starts from and has the same limits.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from typing import Any

from babytrain.engine.config import FIELDS, HOUSE_SETTINGS, Config, check_field, limit_words, parse_value
from babytrain.engine.optim.schedule import learning_rate_factor
from babytrain.runs.events import Request

SMALLEST_SCALE = 1e-6
LARGEST_SCALE = 1e6
# What `set` turns, in the order in which it is shown.
SETTABLE = (
    "schedule",
    "batch_size",
    "accumulate",
    "weight_decay",
    "dropout",
    "clip",
    "label_smoothing",
    "beta1",
    "beta2",
    "jitter",
    "noise",
    "eval_every",
    "sample_every",
    "quiet_hours",
    "quiet_duty",
    "temperature_ceiling",
    "power_budget",
    "on_battery",
)


@dataclass(frozen=True)
class Dials:
    """Positions of the dials. `lr_scale` multiplies the schedule, `lr_hold` replaces it.

    From `rewarm_step` on the learning rate climbs for `rewarm_steps` steps to where it would be. `beta2` is meant for
    steps of `beta2_windows` windows.
    """

    total_steps: int
    schedule: str
    batch_size: int
    accumulate: int
    weight_decay: float
    dropout: float
    clip: float
    label_smoothing: float
    beta1: float
    beta2: float
    beta2_windows: int
    jitter: float
    noise: float
    eval_every: int
    sample_every: int
    quiet_hours: str = ""
    quiet_duty: float = 0.0
    temperature_ceiling: float = 0.0
    power_budget: float = 0.0
    on_battery: str = "train"
    lr_scale: float = 1.0
    lr_hold: float | None = None
    rewarm_step: int = 0
    rewarm_steps: int = 0

    @property
    def windows_per_step(self) -> int:
        """Windows in one optimizer step."""
        return self.batch_size * self.accumulate

    def to_dict(self) -> dict[str, Any]:
        """Plain values for a checkpoint."""
        return asdict(self)


HOUSE_DIALS = tuple(name for name in SETTABLE if name in HOUSE_SETTINGS)


def without_house(dials: Dials) -> Dials:
    """The dials with those of the house, which change no result, where they stand by themselves."""
    by_themselves: dict[str, Any] = {name: FIELDS[name].default for name in HOUSE_DIALS}
    return replace(dials, **by_themselves)


def initial_dials(config: Config) -> Dials:
    """Where every dial stands when a run starts."""
    settings = {name: getattr(config, name) for name in SETTABLE}
    return Dials(total_steps=config.steps, beta2_windows=config.batch_size * config.accumulate, **settings)


def restore_dials(saved: dict[str, Any], config: Config) -> Dials:
    """Dials from a checkpoint; what an older version did not write stands where the config has it."""
    dials = initial_dials(config)
    return replace(dials, **{name: saved[name] for name in dials.to_dict() if name in saved})


@dataclass(frozen=True)
class Turn:
    """What a request did to the dials: the new positions with the changed number before and after, or a refusal."""

    dials: Dials
    before: float | None = None
    after: float | None = None
    refusal: str = ""


def learning_rate(config: Config, dials: Dials, step: int) -> float:
    """The learning rate of the step after `step` finished ones."""
    if dials.lr_hold is not None:
        rate = dials.lr_hold
    else:
        rate = config.lr * dials.lr_scale * learning_rate_factor(config, step, dials.total_steps, dials.schedule)
    climbed = step - dials.rewarm_step
    if dials.rewarm_steps and 0 <= climbed < dials.rewarm_steps:
        rate *= (climbed + 1) / (dials.rewarm_steps + 1)
    return rate


def beta2_in_use(dials: Dials) -> float:
    """AdamW's second decay for steps of the present size: its half-life is kept in tokens.

    Marek et al. 2025, arXiv 2507.07101: with steps k times as large, beta2 to the power of k.
    """
    power = dials.windows_per_step / dials.beta2_windows
    return dials.beta2 if power == 1.0 else float(dials.beta2**power)


def turn_dial(config: Config, dials: Dials, request: Request, step: int, most_windows: int | None = None) -> Turn:
    """The effect of a request that only turns a dial; a value out of range is refused with the range.

    `most_windows` is how many windows an epoch has: a batch may not be larger.
    """
    value = request.value
    match request.action:
        case "lr_release":
            return _turn_rate(config, dials, replace(dials, lr_hold=None), step)
        case "lr_scale":
            if value is None or not math.isfinite(value) or not SMALLEST_SCALE <= value <= LARGEST_SCALE:
                return Turn(
                    dials,
                    refusal=f"the factor must lie between {SMALLEST_SCALE:g} and {limit_words(LARGEST_SCALE)}, "
                    f"not {_said(request)}",
                )
            return _turn_rate(config, dials, replace(dials, lr_scale=value, lr_hold=None), step)
        case "lr_hold":
            low, high = FIELDS["lr"].metadata["low"], FIELDS["lr"].metadata["high"]
            if value is None or not math.isfinite(value) or not low <= value <= high:
                between = f"{limit_words(low)} and {limit_words(high)}"
                return Turn(dials, refusal=f"lr must lie between {between}, not {_said(request)}")
            return Turn(replace(dials, lr_hold=value), learning_rate(config, dials, step), value)
        case "rewarm":
            longest = FIELDS["warmup"].metadata["high"]
            if value is None or not math.isfinite(value) or not 1 <= value <= longest:
                return Turn(dials, refusal=f"a warm-up takes between 1 and {longest:,} steps, not {_said(request)}")
            return _turn_rate(config, dials, replace(dials, rewarm_step=step, rewarm_steps=int(value)), step)
        case "total_steps":
            latest = FIELDS["steps"].metadata["high"]
            if value is None or not math.isfinite(value) or not step <= value <= latest:
                return Turn(
                    dials, refusal=f"the run can end between step {step:,} and {latest:,}, not at {_said(request)}"
                )
            return Turn(replace(dials, total_steps=int(value)), dials.total_steps, int(value))
        case "set":
            return _set(dials, request, most_windows)
    return Turn(dials, refusal=f"{request.action} is not a dial")


def _turn_rate(config: Config, dials: Dials, turned: Dials, step: int) -> Turn:
    return Turn(turned, learning_rate(config, dials, step), learning_rate(config, turned, step))


def _set(dials: Dials, request: Request, most_windows: int | None) -> Turn:
    """A new position of one dial, checked like the setting of that name."""
    name = request.dial
    if name not in SETTABLE:
        return Turn(dials, refusal=f"there is no dial {name!r}; there are {', '.join(SETTABLE)}")
    try:
        value = parse_value(name, request.text if request.value is None else _plain(request.value))
    except ValueError as error:
        return Turn(dials, refusal=str(error).rstrip("."))
    problem = check_field(name, value)
    if problem:
        return Turn(dials, refusal=problem.rstrip("."))
    turned = replace(dials, **{name: value})
    if most_windows is not None and turned.windows_per_step > most_windows:
        return Turn(dials, refusal=too_large_a_step(turned, name, most_windows))
    if name == "beta2":
        turned = replace(turned, beta2_windows=turned.windows_per_step)
    before = getattr(dials, name)
    if isinstance(value, str):
        return Turn(turned)
    return Turn(turned, float(before), float(value))


def too_large_a_step(dials: Dials, name: str, most_windows: int) -> str:
    """Why a step cannot have so many windows, and how far `name` (batch_size or accumulate) may go, as a refusal."""
    most = most_windows * getattr(dials, name) // dials.windows_per_step
    allowed = f": {name} must lie between 1 and {most:,}" if most else ""
    return f"a step of {dials.windows_per_step:,} windows is more than the {most_windows:,} the text has{allowed}"


def _said(request: Request) -> str:
    """What was asked for, in the words of a refusal."""
    return repr(request.text) if request.value is None else f"{request.value:g}"


def _plain(value: float) -> str:
    """A number as a person would type it: whole numbers without a point."""
    return str(int(value)) if math.isfinite(value) and value == int(value) else repr(value)
