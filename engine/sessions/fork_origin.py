"""Where a fork begins: with a checkpoint of another run, and dials of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from babytrain.engine.checkpoints.format import LoadedCheckpoint, checkpoint_name, save_checkpoint
from babytrain.engine.config.errors import ConfigError
from babytrain.engine.config.settings import Config
from babytrain.engine.training.train_state import Progress, read_trainer
from babytrain.runs.events import Checkpoint, Started
from babytrain.runs.playback.replay_plan import FORK_START
from babytrain.runs.store.folder import RunFolder


@dataclass(frozen=True)
class ForkOrigin:
    """A checkpoint of run `parent` as the fork restores it."""

    parent: str
    checkpoint: LoadedCheckpoint
    replan: bool = False  # its end is the one in its settings, not the parent's

    @classmethod
    def of(cls, parent: str, checkpoint: LoadedCheckpoint, *, replan: bool = False) -> ForkOrigin:
        """What was best, what an undo would put back and the diagnosis belong to the parent: the fork has its own."""
        progress = replace(
            Progress.of(checkpoint.trainer), val_loss=None, val_step=None, best_val_loss=None, best_step=None
        )
        trainer = {**checkpoint.trainer, **vars(progress), "t": 0.0, "undos": []}
        trainer.pop("watch", None)
        return cls(parent, replace(checkpoint, trainer=trainer), replan)

    @property
    def step(self) -> int:
        """The step of the checkpoint."""
        return int(self.checkpoint.trainer["step"])

    def planned(self, config: Config) -> ForkOrigin:
        """The same once the settings are resolved. Raises ConfigError when there is nothing left to train."""
        checkpoint = with_changed_dials(self.checkpoint, config, {"steps": config.steps} if self.replan else {})
        end = checkpoint.trainer["dials"]["total_steps"]
        if self.step >= end:
            raise ConfigError(
                [f"This checkpoint is at step {self.step:,} and the plan ends at {end:,}: add --steps to go on."]
            )
        return replace(self, checkpoint=checkpoint)

    def provenance(self) -> dict[str, Any]:
        """What `run.toml` says of where it came from."""
        return {"forked_from": self.parent, "forked_step": self.step, "forked_checkpoint": self.checkpoint.path.name}

    def save_copy(self, folder: RunFolder) -> None:
        """Put a copy of the checkpoint into the new run, with a name so that it is never tidied away.

        The tensors are the parent's to the bit. Raises CheckpointError.
        """
        checkpoint = self.checkpoint
        save_checkpoint(
            folder.checkpoints,
            self.step,
            checkpoint.model,
            checkpoint.optimizer,
            checkpoint.trainer,
            best=False,
            keep=1,
            name=FORK_START,
        )


def with_changed_dials(checkpoint: LoadedCheckpoint, config: Config, changes: Mapping[str, Any]) -> LoadedCheckpoint:
    """A checkpoint whose dials stand where `changes` (values in `config`) put them. Raises CheckpointError."""
    names = {*changes, "steps"} if "epochs" in changes else set(changes)
    _, dials, _ = read_trainer(checkpoint, config)
    dials = dials.with_settings({name: getattr(config, name) for name in names})
    return replace(checkpoint, trainer={**checkpoint.trainer, **dials.saved()})


def copy_event(folder: RunFolder, started: Started) -> Checkpoint:
    """The event of the copy that a fork begins with."""
    return Checkpoint(
        t=started.t,
        step=started.step,
        directory=f"{folder.checkpoints.name}/{checkpoint_name(started.step, FORK_START)}",
        reason="requested",
        seconds=0.0,
        name=FORK_START,
    )
