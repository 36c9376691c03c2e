"""The positions of all dials of a run, as the engine trains by them and as recorded."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, get_type_hints

from babytrain.runs.dials.renamed_settings import present_name, present_settings
from babytrain.runs.dials.spec import SETTABLE, Position


@dataclass(frozen=True)
class Undo:
    """A change that can be undone: its dial, and the positions it replaced."""

    dial: str
    positions: Mapping[str, Position]


@dataclass(frozen=True)
class DialState:
    """Positions of the dials, and what an undo would restore."""

    total_steps: int = 0
    schedule: str = ""
    batch_size: int = 1
    accumulate: int = 1
    weight_decay: float = 0.0
    dropout: float = 0.0
    clip: float = 0.0
    label_smoothing: float = 0.0
    beta1: float = 0.0
    beta2: float = 0.0
    beta2_windows: int = 1  # windows in a step that beta2 is meant for
    window_shift: float = 0.0
    token_noise: float = 0.0
    eval_every: int = 0
    sample_every: int = 0
    quiet_hours: str = ""
    quiet_duty: float = 0.0
    temperature_ceiling_celsius: float = 0.0
    power_budget_watts: float = 0.0
    on_battery: str = "train"
    lr_scale: float = 1.0  # multiplies the schedule
    lr_hold: float | None = None  # replaces the schedule
    rewarm_step: int = 0  # from here on the learning rate climbs for `rewarm_steps` steps
    rewarm_steps: int = 0
    undos: tuple[Undo, ...] = ()  # newest last
    unknown: frozenset[str] = frozenset()  # dials missing from an old or edited record; their values change nothing

    @property
    def windows_per_step(self) -> int:
        """Windows in one optimizer step."""
        return self.batch_size * self.accumulate

    @property
    def beta2_in_use(self) -> float:
        """AdamW's beta2, its half-life kept in tokens as the step grows (Marek et al. 2025, arXiv 2507.07101)."""
        power = self.windows_per_step / self.beta2_windows
        return self.beta2 if power == 1.0 else float(self.beta2**power)

    def position(self, name: str) -> Position:
        """The position of the dial `name`, None when there is no such dial or it is unknown."""
        position: Position = getattr(self, name) if name in POSITIONS and name not in self.unknown else None
        return position

    def positions(self) -> dict[str, Position]:
        """Every known position by name, as plain values for a record."""
        return {name: getattr(self, name) for name in POSITIONS if name not in self.unknown}

    def with_positions(self, recorded: Mapping[str, object]) -> DialState:
        """These dials at `recorded` positions; unknown names and invalid values change nothing."""
        read = {name: _read(name, recorded[name]) for name in POSITIONS if name in recorded}
        released = {"lr_hold"} if recorded.get("lr_hold", 0) is None else set()
        valid: dict[str, Any] = {name: value for name, value in read.items() if value is not None or name in released}
        return replace(self, **valid, unknown=self.unknown - valid.keys())

    def with_settings(self, changes: Mapping[str, object]) -> DialState:
        """These dials after a resume or fork with other settings; a new lr or schedule resets its scale and hold."""
        recorded = {name: value for name, value in changes.items() if name in SETTABLE}
        if "steps" in changes:
            recorded["total_steps"] = changes["steps"]
        if {"lr", "schedule"} & changes.keys():
            recorded |= {"lr_hold": None, "lr_scale": 1.0}
        dials = self.with_positions(recorded)
        return replace(dials, beta2_windows=dials.windows_per_step) if "beta2" in changes else dials

    def changed_from(self, before: DialState) -> dict[str, Position]:
        """The positions that differ from those of `before`."""
        return {name: getattr(self, name) for name in POSITIONS if getattr(self, name) != getattr(before, name)}

    def saved(self) -> dict[str, Any]:
        """What a checkpoint keeps of the dials, read by `restore_dials`."""
        undos = [{"dial": undo.dial, "fields": dict(undo.positions)} for undo in self.undos]
        return {"dials": self.positions(), "undos": undos}


POSITIONS = tuple(field.name for field in fields(DialState) if field.name not in ("undos", "unknown"))
_TYPES = get_type_hints(DialState)


def initial_dials(settings: Mapping[str, object], total_steps: int | None = None) -> DialState:
    """The dials of a run that starts with these settings; `total_steps` defaults to its setting `steps`."""
    dials = DialState(unknown=frozenset(SETTABLE)).with_positions(settings)
    end = settings.get("steps", 0) if total_steps is None else total_steps
    return replace(dials, beta2_windows=max(1, dials.windows_per_step)).with_positions({"total_steps": end})


def restore_dials(trainer: Mapping[str, Any], settings: Mapping[str, object]) -> DialState:
    """The dials of a checkpoint's trainer, completed from the settings. Raises ValueError when undos are damaged."""
    try:
        saved = [
            (present_name(str(undo["dial"])), present_settings(dict(undo["fields"])))
            for undo in trainer.get("undos", ())
        ]
    except (LookupError, TypeError, ValueError) as error:
        raise ValueError("what it says of the dials that can be undone") from error
    undos = tuple(
        Undo(dial, {name: position for name, position in positions.items() if name in POSITIONS})
        for dial, positions in saved
    )
    return replace(initial_dials(settings).with_positions(present_settings(trainer.get("dials", {}))), undos=undos)


def _read(name: str, raw: object) -> Position:
    """A recorded position as the dial's type, None when invalid."""
    wanted = _TYPES[name]
    if wanted is str:
        return raw if isinstance(raw, str) else None
    try:
        number = float(raw) if isinstance(raw, int | float | str) and not isinstance(raw, bool) else math.nan
    except (ValueError, OverflowError):
        return None
    if not math.isfinite(number):
        return None
    return int(raw if isinstance(raw, int) else number) if wanted is int else number
