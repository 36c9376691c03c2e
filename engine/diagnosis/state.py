"""What the diagnosis of a run has to remember when the run is switched off, so that a resumed one is judged the same.

Only what cannot be read back from the journal: the standing verdict with its doubts, whether it was acted on, and the
per-window validation losses of the best evaluation and of the newest two.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import msgspec
import numpy as np

from babytrain.engine.diagnosis.observation import WindowLosses
from babytrain.engine.diagnosis.verdicts import Diagnosis


@dataclass(frozen=True)
class DiagnosisState:
    """`newest_windows` oldest first."""

    diagnosis: Diagnosis | None = None
    acted: bool = False
    best_windows: WindowLosses | None = None
    newest_windows: tuple[WindowLosses, ...] = ()

    def with_windows(self, windows: WindowLosses, *, best: bool) -> DiagnosisState:
        """With the losses of one more evaluation; `best`: it is the best so far."""
        newest = (*self.newest_windows[-1:], windows)
        return replace(self, newest_windows=newest, best_windows=windows if best else self.best_windows)

    def until(self, step: int) -> DiagnosisState:
        """As if nothing had been evaluated after `step`."""
        newest = tuple(windows for windows in self.newest_windows if windows.step <= step)
        best = self.best_windows if self.best_windows is not None and self.best_windows.step <= step else None
        return replace(self, newest_windows=newest, best_windows=best)


def pack_diagnosis_state(state: DiagnosisState) -> dict[str, Any]:
    """Plain values for the `trainer.json` of a checkpoint."""
    best = state.best_windows
    return {
        "diagnosis": None if state.diagnosis is None else msgspec.to_builtins(state.diagnosis),
        "acted": state.acted,
        "best_windows": None if best is None else _pack_windows(best),
        "newest_windows": [_pack_windows(windows) for windows in state.newest_windows],
    }


def unpack_diagnosis_state(saved: Mapping[str, Any]) -> DiagnosisState:
    """The memory in a checkpoint; an empty one where there is none, or where it makes no sense."""
    try:
        best = saved.get("best_windows")
        standing = saved.get("diagnosis")
        return DiagnosisState(
            diagnosis=None if standing is None else msgspec.convert(standing, Diagnosis),
            acted=bool(saved.get("acted", False)),
            best_windows=None if best is None else _unpack_windows(best),
            newest_windows=tuple(_unpack_windows(windows) for windows in saved.get("newest_windows", [])),
        )
    except (msgspec.ValidationError, binascii.Error, ValueError, TypeError, KeyError, AttributeError):
        # Written by another version: the diagnosis begins afresh, as it did before there was a state.
        return DiagnosisState()


def _pack_windows(windows: WindowLosses) -> dict[str, Any]:
    losses = np.ascontiguousarray(windows.losses, dtype="<f4").tobytes()
    return {"step": windows.step, "losses": base64.b64encode(losses).decode("ascii")}


def _unpack_windows(saved: Mapping[str, Any]) -> WindowLosses:
    losses = np.frombuffer(base64.b64decode(saved["losses"], validate=True), dtype="<f4").astype(np.float32)
    return WindowLosses(int(saved["step"]), losses)
