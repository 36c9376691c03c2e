"""The state of a diagnosis in a checkpoint, so that a resumed run gets the same verdicts.

Only what is not in the journal: the last verdict and its candidate, whether the run acted on it, the per-window
validation losses of the best evaluation and the newest two, and how updates agreed with the gradient after them.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec
import numpy as np

from babytrain.engine.diagnosis.observation import WindowArray, WindowLosses
from babytrain.engine.diagnosis.verdicts import Diagnosis

MOST_ALIGNMENTS = 128


@dataclass(frozen=True)
class DiagnosisState:
    """`newest_windows` and `alignments` oldest first; the latter since the last dial change, see `UpdateAlignment`."""

    diagnosis: Diagnosis | None = None
    acted: bool = False
    best_windows: WindowLosses | None = None
    newest_windows: tuple[WindowLosses, ...] = ()
    alignments: tuple[tuple[float, ...], ...] = ()

    def with_alignments(self, measured: Sequence[tuple[float, ...]]) -> DiagnosisState:
        """Add what was measured since; the newest `MOST_ALIGNMENTS` are kept."""
        if not measured:
            return self
        rounded = [tuple(round(cosine, 4) for cosine in row) for row in measured]
        return replace(self, alignments=(*self.alignments, *rounded)[-MOST_ALIGNMENTS:])

    def with_windows(self, windows: WindowLosses, *, best: bool) -> DiagnosisState:
        """Add the losses of an evaluation; `best`: it is the best so far."""
        newest = (*self.newest_windows[-1:], windows)
        return replace(self, newest_windows=newest, best_windows=windows if best else self.best_windows)

    def until(self, step: int) -> DiagnosisState:
        """Without evaluations and verdict after `step`."""
        newest = tuple(windows for windows in self.newest_windows if windows.step <= step)
        best = self.best_windows if self.best_windows is not None and self.best_windows.step <= step else None
        diagnosis = self.diagnosis if self.diagnosis is not None and self.diagnosis.step <= step else None
        return replace(self, diagnosis=diagnosis, newest_windows=newest, best_windows=best)


def pack_diagnosis_state(state: DiagnosisState) -> dict[str, Any]:
    """Plain values for the `trainer.json` of a checkpoint."""
    packed: dict[str, Any] = msgspec.to_builtins(state, enc_hook=_pack_losses)
    return packed


def unpack_diagnosis_state(saved: Mapping[str, Any]) -> DiagnosisState:
    """The state in a checkpoint; an empty one where it is missing or invalid."""
    try:
        return msgspec.convert(saved, DiagnosisState, dec_hook=_unpack_losses)
    except msgspec.ValidationError:  # written by another version
        return DiagnosisState()


def _pack_losses(losses: WindowArray) -> str:
    return base64.b64encode(np.ascontiguousarray(losses, dtype="<f4").tobytes()).decode("ascii")


def _unpack_losses(_: type, packed: str) -> WindowArray:
    return np.frombuffer(base64.b64decode(packed, validate=True), dtype="<f4").astype(np.float32)
