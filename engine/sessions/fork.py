"""Forking: a new run that starts from a checkpoint of another with other training settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from babytrain.engine.checkpoints.format import load_checkpoint, named_checkpoint
from babytrain.engine.config.build import config_of_run
from babytrain.engine.config.errors import EngineError
from babytrain.engine.sessions.fork_check import fork_refusal, with_new_end
from babytrain.engine.sessions.fork_origin import ForkOrigin, with_changed_dials
from babytrain.engine.sessions.history_from_journal import milestones_until
from babytrain.engine.sessions.start_and_resume import NewRunPlan, kept_text
from babytrain.runs.store.folder import RunFolder, read_run_toml


def plan_fork(
    source: RunFolder,
    wanted: str,
    changes: Mapping[str, Any],
    *,
    runs_dir: Path,
    name: str | None = None,
    argv: Sequence[str] = (),
) -> NewRunPlan:
    """The plan of a fork from the checkpoint `wanted` ("best", "last", its name or its step).

    `steps` in `changes` is where the fork ends, counted like the parent's steps. Raises EngineError or RunsError.
    """
    changes = with_new_end(changes)
    saved, provenance = read_run_toml(source)
    config = config_of_run(saved, changes)
    if problem := fork_refusal(config_of_run(saved), config, changes):
        raise EngineError([problem])
    checkpoint = load_checkpoint(named_checkpoint(source.checkpoints, wanted))
    paths = tuple(str(path) for path in provenance.get("paths", []))
    return NewRunPlan(
        config=config,
        runs_dir=runs_dir,
        paths=paths,
        name=name or f"{source.name}-fork",
        argv=tuple(argv),
        stdin=kept_text(source) if "-" in paths else None,
        sha256=str(provenance.get("sha256", "")),
        origin=ForkOrigin.of(
            source.run_id,
            with_changed_dials(checkpoint, config, changes),
            replan=bool({"steps", "epochs"} & changes.keys()),
            milestones=milestones_until(source, int(checkpoint.trainer["step"])),
        ),
    )
