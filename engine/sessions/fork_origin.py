"""The checkpoint of another run that a fork begins with, with changed dials."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from babytrain.engine.checkpoints.format import LoadedCheckpoint, checkpoint_name, save_checkpoint
from babytrain.engine.config.errors import ConfigError
from babytrain.engine.config.settings import Config
from babytrain.engine.training.train_state import Progress, read_trainer
from babytrain.runs.dials.spec import LOSS_DIALS, UPDATE_DIALS
from babytrain.runs.events import Checkpoint, Started
from babytrain.runs.playback.replay_plan import FORK_START
from babytrain.runs.store.folder import RunFolder


@dataclass(frozen=True)
class ForkOrigin:
    """A checkpoint of run `parent` as the fork restores it."""

    parent: str
    checkpoint: LoadedCheckpoint
    replan: bool = False  # the end is that of its settings, not the parent's
    milestones: frozenset[str] = frozenset()  # that the checkpoint's model had reached, which are no firsts any more

    @classmethod
    def of(
        cls,
        parent: str,
        checkpoint: LoadedCheckpoint,
        *,
        replan: bool = False,
        milestones: frozenset[str] = frozenset(),
    ) -> ForkOrigin:
        """Without the parent's best loss, undo history and diagnosis."""
        progress = replace(
            Progress.of(checkpoint.trainer), val_loss=None, val_step=None, best_val_loss=None, best_step=None
        )
        trainer = {**checkpoint.trainer, **vars(progress), "t": 0.0, "undos": []}
        trainer.pop("watch", None)
        return cls(parent, replace(checkpoint, trainer=trainer), replan, milestones)

    @property
    def step(self) -> int:
        """The step of the checkpoint."""
        return int(self.checkpoint.trainer["step"])

    def planned(self, config: Config) -> ForkOrigin:
        """With the dials of the resolved settings. Raises ConfigError when there is nothing left to train."""
        checkpoint = with_changed_dials(self.checkpoint, config, {"steps": config.steps} if self.replan else {})
        end = checkpoint.trainer["dials"]["total_steps"]
        if self.step >= end:
            raise ConfigError(
                [f"This checkpoint is at step {self.step:,} and the plan ends at {end:,}: add --steps to go on."]
            )
        return replace(self, checkpoint=checkpoint)

    def provenance(self) -> dict[str, Any]:
        """The entries in `run.toml` that say where the fork came from."""
        return {"forked_from": self.parent, "forked_step": self.step, "forked_checkpoint": self.checkpoint.path.name}

    def save_copy(self, folder: RunFolder) -> None:
        """Copy the checkpoint into the new run, named so that it is never pruned. Raises CheckpointError."""
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
    """A checkpoint with the dials in `changes` set as in `config`, which its guard hears of. Raises CheckpointError."""
    names = {*changes, "steps"} if "epochs" in changes else set(changes)
    _, before, guard = read_trainer(checkpoint, config)
    dials = before.with_settings({name: getattr(config, name) for name in names})
    changed = dials.changed_from(before).keys() & (LOSS_DIALS | set(UPDATE_DIALS)) | names & {"lr", "muon_lr"}
    if changed:
        guard.dials_changed(changed)
    if changed or "max_rollbacks" in names:
        guard.rollbacks_left = config.max_rollbacks  # another attempt
    return replace(checkpoint, trainer={**checkpoint.trainer, **dials.saved(), "guard": guard.state()})


def copy_event(folder: RunFolder, started: Started) -> Checkpoint:
    """The event of the copied checkpoint that a fork begins with."""
    return Checkpoint(
        t=started.t,
        step=started.step,
        directory=f"{folder.checkpoints.name}/{checkpoint_name(started.step, FORK_START)}",
        reason="requested",
        seconds=0.0,
        name=FORK_START,
    )
