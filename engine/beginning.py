"""How a run begins that does not begin with nothing: a fork, with a checkpoint of another run and other settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from babytrain.engine.checkpoint import LoadedCheckpoint, checkpoint_name, save_checkpoint
from babytrain.engine.config import Config
from babytrain.engine.progress import Progress
from babytrain.runs.dials.state import DialState
from babytrain.runs.events import Checkpoint, Started
from babytrain.runs.folder import RunFolder
from babytrain.runs.replay_plan import FORK_START


@dataclass(frozen=True)
class Beginning:
    """A checkpoint of run `parent`, and where progress and dials stand in the run that begins with it."""

    parent: str
    checkpoint: LoadedCheckpoint
    progress: Progress
    dials: DialState
    replan: bool = False  # its end is the one in its settings, not the parent's

    def planned(self, config: Config) -> Beginning:
        """The same once the settings are resolved. Raises ValueError when there is nothing left to train."""
        dials = replace(self.dials, total_steps=config.steps) if self.replan else self.dials
        if self.progress.step >= dials.total_steps:
            raise ValueError(
                f"This checkpoint is at step {self.progress.step:,} and the plan ends at {dials.total_steps:,}: "
                "add --steps to go on."
            )
        return replace(self, dials=dials)

    def provenance(self) -> dict[str, Any]:
        """What `run.toml` says of where it came from."""
        return {
            "forked_from": self.parent,
            "forked_step": self.progress.step,
            "forked_checkpoint": self.checkpoint.path.name,
        }


def changed_dials(dials: DialState, config: Config, changes: Mapping[str, Any]) -> DialState:
    """Dials as saved, turned to what `changes` (whose values stand in `config`) ask for."""
    names = {*changes, "steps"} if "epochs" in changes else set(changes)
    return dials.with_settings({name: getattr(config, name) for name in names})


def keep_beginning(folder: RunFolder, begun: Beginning) -> None:
    """Put a copy of the checkpoint into the new run, with a name so that it is never tidied away.

    The tensors are the parent's to the bit. Raises CheckpointError.
    """
    checkpoint = begun.checkpoint
    trainer = {**checkpoint.trainer, **vars(begun.progress), "t": 0.0, **begun.dials.saved()}
    save_checkpoint(
        folder.checkpoints,
        begun.progress.step,
        checkpoint.model,
        checkpoint.optimizer,
        trainer,
        best=False,
        keep=1,
        name=FORK_START,
    )


def beginning_on_record(folder: RunFolder, started: Started) -> Checkpoint:
    """The event of that copy."""
    return Checkpoint(
        t=started.t,
        step=started.step,
        directory=f"{folder.checkpoints.name}/{checkpoint_name(started.step, FORK_START)}",
        reason="asked",
        seconds=0.0,
        name=FORK_START,
    )
