"""Forking: a new run that starts from a checkpoint of another with other training settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from babytrain.engine.checkpoints.format import load_checkpoint, named_checkpoint
from babytrain.engine.config.build import config_of_run
from babytrain.engine.config.errors import EngineError
from babytrain.engine.config.settings import Config
from babytrain.engine.data.corpus import read_run_text
from babytrain.engine.sessions.fork_check import fork_refusal, with_new_end
from babytrain.engine.sessions.fork_origin import ForkOrigin, with_changed_dials
from babytrain.engine.sessions.fork_with_new_text import with_more_tokens, with_new_characters
from babytrain.engine.sessions.history_from_journal import milestones_until
from babytrain.engine.sessions.new_run import NewRunPlan
from babytrain.engine.sessions.run_text import RunText, read_tokenizer, text_of_run
from babytrain.runs.store.folder import RunFolder, read_run_toml


def plan_fork(
    source: RunFolder,
    wanted: str,
    changes: Mapping[str, Any],
    *,
    runs_dir: Path,
    name: str | None = None,
    argv: Sequence[str] = (),
    paths: Sequence[str] = (),
    stdin: bytes | None = None,
) -> NewRunPlan:
    """The plan of a fork from the checkpoint `wanted` ("best", "last", its name or its step).

    It goes on with the text of `paths`, `-` for `stdin`, or without any with that of its parent. `steps` in `changes`
    is where the fork ends, counted like the parent's steps. Raises EngineError or RunsError.
    """
    changes = with_new_end(changes)
    saved, provenance = read_run_toml(source)
    config = config_of_run(saved, changes)
    if problem := fork_refusal(config_of_run(saved), config, changes):
        raise EngineError([problem])
    checkpoint = load_checkpoint(named_checkpoint(source.checkpoints, wanted))
    notes: list[str] = []
    if not paths:
        text = text_of_run(source, saved, provenance)
    else:
        text, notes = _another_text(source, config, paths, stdin)
        assert text.tokenizer is not None
        checkpoint = with_more_tokens(checkpoint, text.tokenizer.vocabulary_size)
    return NewRunPlan(
        config=config,
        runs_dir=runs_dir,
        name=name or f"{source.name}-fork",
        argv=tuple(argv),
        text=text,
        parent_text_sha256=str(provenance.get("sha256", "unknown")) if paths else "",
        notes=tuple(notes),
        origin=ForkOrigin.of(
            source.run_id,
            with_changed_dials(checkpoint, config, changes),
            replan=bool({"steps", "epochs"} & changes.keys()),
            milestones=milestones_until(source, int(checkpoint.trainer["step"])),
        ),
    )


def _another_text(
    source: RunFolder, config: Config, paths: Sequence[str], stdin: bytes | None
) -> tuple[RunText, list[str]]:
    """The text of `paths` and the tokenizer of a run that goes on with it, and notes. Raises EngineError."""
    new = read_run_text(config, paths, stdin)
    tokenizer, added = with_new_characters(read_tokenizer(source), new, config)
    note = f"The fork goes on with another text, {new.name}: losses before and after it are of different texts."
    return RunText(tuple(paths), stdin, new, tokenizer), [note, *filter(None, [added])]
