"""Where a run stands, as plain numbers: what a checkpoint keeps besides tensors, and how it is read back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from babytrain.engine.config import Config
from babytrain.runs.dials.state import DialState, restore_dials


@dataclass
class Progress:
    """Counted since the run first started; losses in nats per token."""

    step: int = 0
    windows_seen: int = 0
    tokens: int = 0
    training_seconds: float = 0.0  # inside optimizer steps
    val_loss: float | None = None
    val_step: int | None = None
    best_val_loss: float | None = None
    best_step: int | None = None
    samples: int = 0


def restore_progress(trainer_state: dict[str, Any], config: Config) -> tuple[Progress, DialState]:
    """Progress and dials from a checkpoint's `trainer.json`; what an older version did not write keeps its default."""
    progress = Progress(**{name: trainer_state[name] for name in vars(Progress()) if name in trainer_state})
    return progress, restore_dials(trainer_state, config.to_dict())
