"""The state of a run that a checkpoint holds, and how it is saved, restored and rolled back."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch

from babytrain.engine.checkpoints.format import (
    CheckpointError,
    LoadedCheckpoint,
    check_checkpoint_fits,
    save_checkpoint,
    tensor_mismatch,
)
from babytrain.engine.config.build import checked_value, format_limit
from babytrain.engine.config.settings import SETTINGS, Config
from babytrain.engine.diagnosis.diagnosis_state import DiagnosisState, pack_diagnosis_state, unpack_diagnosis_state
from babytrain.engine.model.gpt import GPT
from babytrain.engine.optim.optimizer import Optimizer
from babytrain.engine.training.guard import Guard
from babytrain.runs.dials.dial_state import DialState, restore_dials
from babytrain.runs.dials.renamed_settings import present_settings
from babytrain.runs.dials.spec import LARGEST_SCALE, LONGEST_REWARM, SMALLEST_SCALE
from babytrain.runs.errors import error_reason
from babytrain.runs.events import Eval
from babytrain.runs.store.checkpoint_list import TRAINER_FILE

_MOST_STEPS = 10**15
# Of the positions that are not those of a setting.
_LIMITS = {
    "total_steps": (0, _MOST_STEPS),
    "beta2_windows": (1, _MOST_STEPS),
    "lr_scale": (SMALLEST_SCALE, LARGEST_SCALE),
    "rewarm_step": (0, _MOST_STEPS),
    "rewarm_steps": (0, LONGEST_REWARM),
}


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

    @classmethod
    def of(cls, trainer: dict[str, Any]) -> Progress:
        """From a checkpoint's `trainer.json`; fields that an older version did not write keep their defaults."""
        return cls(**{name: trainer[name] for name in vars(cls()) if name in trainer})


@dataclass
class TrainState:
    """A model in training. `evaluations` are oldest first and saved in the journal, not in a checkpoint."""

    config: Config
    model: GPT
    optimizer: Optimizer
    dials: DialState
    progress: Progress = field(default_factory=Progress)
    diagnosis: DiagnosisState = field(default_factory=DiagnosisState)
    evaluations: list[Eval] = field(default_factory=list)
    guard: Guard = field(init=False)

    def __post_init__(self) -> None:
        self.guard = Guard(self.config)
        self.apply_dials()

    @property
    def device(self) -> torch.device:
        """The device of the model."""
        return self.model.token_embedding.device

    def apply_dials(self) -> None:
        """Set the dials that the optimizer and the model keep copies of."""
        dials = self.dials
        self.optimizer.set_weight_decay(dials.weight_decay)
        self.optimizer.set_betas(dials.beta1, dials.beta2_in_use)
        if self.model.dropout != dials.dropout:
            self.model.set_dropout(dials.dropout)
        if self.model.label_smoothing != dials.label_smoothing:
            self.model.set_label_smoothing(dials.label_smoothing)

    def save(self, checkpoints: Path, t: float, *, name: str = "") -> Path:
        """Write a checkpoint; `t` is seconds of running time. Raises CheckpointError."""
        progress = self.progress
        self.take_alignments()
        trainer = {
            "format": 1,
            **vars(progress),
            "t": t,
            **self.dials.saved(),
            "guard": self.guard.state(),
            "watch": pack_diagnosis_state(self.diagnosis),
            "optimizer": self.optimizer.scalars(),
        }
        return save_checkpoint(
            checkpoints,
            progress.step,
            self.model.state_dict(),
            self.optimizer.tensors(),
            trainer,
            best=progress.best_step == progress.step,
            keep=self.config.keep_checkpoints,
            name=name,
        )

    def take_alignments(self) -> None:
        """Move what the optimizer measured into the state of the diagnosis."""
        self.diagnosis = self.diagnosis.with_alignments(self.optimizer.alignment.take())

    def restore(self, checkpoint: LoadedCheckpoint) -> None:
        """Load everything from a checkpoint. Raises CheckpointError before anything is changed."""
        progress, dials, guard = read_trainer(checkpoint, self.config)
        self._load_tensors(checkpoint)
        self.progress, self.dials, self.guard = progress, dials, guard
        self.diagnosis = unpack_diagnosis_state(checkpoint.trainer.get("watch", {}))
        self.apply_dials()

    def roll_back(self, checkpoint: LoadedCheckpoint) -> DialState:
        """Load weights, optimizer and step of an earlier checkpoint of this run; dials and window count stay.

        The same windows would lead to the same state again. Returns the dials of the checkpoint. Raises CheckpointError
        before anything is changed.
        """
        progress, dials, _ = read_trainer(checkpoint, self.config)
        self._load_tensors(checkpoint)
        now = self.progress
        kept = {name: getattr(now, name) for name in ("windows_seen", "tokens", "training_seconds", "samples")}
        self.progress = replace(progress, **kept)
        self.guard.rolled_back(checkpoint.trainer.get("guard") or {}, self.dials.changed_from(dials))
        step = self.progress.step
        self.evaluations = [evaluation for evaluation in self.evaluations if evaluation.step <= step]
        self.diagnosis = replace(self.diagnosis.until(step), alignments=())
        self.apply_dials()
        return dials

    def _load_tensors(self, checkpoint: LoadedCheckpoint) -> None:
        model, optimizer = self.model, self.optimizer
        if problem := tensor_mismatch(model.state_dict(), checkpoint.model) or tensor_mismatch(
            optimizer.tensors(), checkpoint.optimizer
        ):
            raise CheckpointError(f"The checkpoint {checkpoint.path} does not fit this model: {problem}.")
        try:
            optimizer.load_scalars(checkpoint.trainer.get("optimizer", {}))
        except (ValueError, AttributeError) as error:
            raise CheckpointError(f"The checkpoint {checkpoint.path} cannot be used: {error}") from error
        optimizer.load_tensors(checkpoint.optimizer)
        optimizer.alignment.take()  # of the weights that are left behind
        model.load_state_dict(checkpoint.model)


def check_usable(checkpoint: LoadedCheckpoint, config: Config, vocabulary_size: int) -> None:
    """Raise CheckpointError unless a run with these settings can go on from it, before a model is made."""
    check_checkpoint_fits(checkpoint, config, vocabulary_size)
    read_trainer(checkpoint, config)


def read_trainer(checkpoint: LoadedCheckpoint, config: Config) -> tuple[Progress, DialState, Guard]:
    """The trainer's own numbers in a checkpoint. Raises CheckpointError when they are damaged."""
    trainer, guard = checkpoint.trainer, Guard(config)
    try:
        progress, dials = Progress.of(trainer), restore_dials(trainer, config.to_dict())
        for positions in (present_settings(trainer.get("dials", {})), *(undo.positions for undo in dials.undos)):
            for name, position in positions.items():
                _check_position(name, position)
        if trainer.get("guard") is not None:  # written by an older version, or by hand
            guard.restore(trainer["guard"])
    except (ValueError, LookupError, TypeError, AttributeError, OverflowError) as error:
        raise CheckpointError(
            f"The checkpoint {checkpoint.path} is damaged: {TRAINER_FILE} ({error_reason(error)})."
        ) from error
    return progress, dials, guard


def _check_position(name: str, position: object) -> None:
    """Raise ValueError unless a dial can stand there. A dial that this version does not have may stand anywhere."""
    setting = "lr" if name == "lr_hold" else name
    if name in _LIMITS:
        low, high = _LIMITS[name]
        if not (isinstance(position, int | float) and low <= position <= high):
            raise ValueError(f"{name} must lie between {format_limit(low)} and {format_limit(high)}")
    elif setting in SETTINGS and position is not None:
        checked_value(setting, position)
