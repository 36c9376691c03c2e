"""From a wish to a running trainer: corpus, folder, lock, model, journal, sensors; and the same way back for a resume.

Everything a person can get wrong ends here in an `EngineError` with one sentence a problem; nothing is left on disk by
a run that never started.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from babytrain import __version__
from babytrain.engine.beginning import Beginning, beginning_on_record, changed_dials, keep_beginning
from babytrain.engine.checkpoint import (
    CheckpointError,
    LoadedCheckpoint,
    load_newest,
    misfit,
    optimizer_scalars,
    put_back_replaced,
)
from babytrain.engine.config import Config, ConfigError, config_of_run
from babytrain.engine.corpus.build import Corpus, build_corpus, corpus_summary
from babytrain.engine.corpus.sources import CorpusError
from babytrain.engine.crash import record_crash
from babytrain.engine.first_line import started
from babytrain.engine.fork_check import refusal
from babytrain.engine.housekeeping import appoint_examiner, keep_house
from babytrain.engine.model.gpt import GPT
from babytrain.engine.optim.optimizer import Optimizer, build_optimizer
from babytrain.engine.past import Past, has_said_its_end, show_past
from babytrain.engine.prepare import Prepared, check_step_size, prepare, with_planned_steps
from babytrain.engine.progress import Progress, restore_progress
from babytrain.engine.recorder import Recorder
from babytrain.engine.script import Script
from babytrain.engine.trainer import Trainer
from babytrain.engine.watch_memory import unpack
from babytrain.engine.workbench import Workbench
from babytrain.runs.dials.history import plan_of
from babytrain.runs.dials.state import DialState, initial_dials
from babytrain.runs.events import Ended, Resumed, Started
from babytrain.runs.feed import LiveFeed
from babytrain.runs.folder import RunFolder, RunsError, create_run, read_run_toml, write_run_toml
from babytrain.runs.journal import JournalWriter
from babytrain.runs.lock import RunLock
from babytrain.runs.provenance import collect

CORPUS_COPY = "corpus.txt"  # kept in the run folder when the text came from standard input


class EngineError(Exception):
    """Something a person can act on; `problems` holds one sentence each."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = list(problems)
        super().__init__("\n".join(self.problems))


@dataclass(frozen=True)
class NewRunPlan:
    """A run that is wished for. `paths` are texts as typed; empty = the config's built-in corpus."""

    config: Config
    runs_dir: Path
    paths: tuple[str, ...] = ()
    name: str | None = None
    argv: tuple[str, ...] = ()
    stdin: bytes | None = None  # the text behind the path `-`
    sha256: str = ""  # of the text it must be, if it must
    beginning: Beginning | None = None  # of a fork
    rerun_of: str = ""  # the run id of the one it repeats
    script: Script | None = None


@dataclass(frozen=True)
class RunResult:
    """How a session of training went; the keys of the command line's JSON."""

    run_id: str
    run_dir: str
    status: str
    steps: int
    tokens: int
    val_loss: float | None
    best_val_loss: float | None
    best_step: int | None
    tokens_per_second: float
    seconds: float
    parameters: int
    reason: str = ""


FolderCallback = Callable[[RunFolder], None]


def train_new(plan: NewRunPlan, feed: LiveFeed, on_folder: FolderCallback | None = None) -> RunResult:
    """Train a new run to its end. Raises EngineError."""
    try:
        corpus = build_corpus(plan.config, plan.paths, stdin=plan.stdin)
        if plan.sha256 and corpus.sha256 != plan.sha256:
            raise EngineError([_changed_text(plan.paths, corpus)])
        config = with_planned_steps(plan.config, corpus)
        begun = plan.beginning.planned(config) if plan.beginning is not None else None
        progress, dials = (
            (begun.progress, begun.dials) if begun is not None else (Progress(), initial_dials(config.to_dict()))
        )
        if not plan.rerun_of:
            check_step_size(dials, config, corpus)
        prepared = prepare(config, corpus)
        checkpoint = begun.checkpoint if begun is not None else None
        optimizer = _loaded_optimizer(prepared, checkpoint)
        folder = create_run(plan.runs_dir, plan.name)
    except (ConfigError, CorpusError) as error:
        raise EngineError(error.problems) from error
    except (RunsError, ValueError) as error:
        raise EngineError([str(error)]) from error
    with _locked(folder):
        provenance = collect(plan.argv) | {
            "paths": _absolute(plan.paths),
            "sha256": corpus.sha256,
            "program_version": __version__,
            "device": str(prepared.device),
        }
        if plan.rerun_of:
            provenance["rerun_of"] = plan.rerun_of
        if begun is not None:
            provenance |= begun.provenance()
        try:
            write_run_toml(folder, prepared.config.to_dict(), provenance)
            folder.tokenizer_file.write_text(corpus.tokenizer.to_json(), encoding="utf-8")
            if plan.stdin is not None and "-" in plan.paths:
                (folder.path / CORPUS_COPY).write_bytes(plan.stdin)
            if begun is not None:
                keep_beginning(folder, begun)
        except (OSError, RunsError, CheckpointError) as error:
            shutil.rmtree(folder.path, ignore_errors=True)  # ours since a moment ago, and it holds nothing yet
            reason = str(error).rstrip(".")
            raise EngineError([f"The run folder {folder.path} cannot be written: {reason}."]) from error
        if on_folder is not None:
            on_folder(folder)
        first = started(folder, prepared, begun, name=plan.name or folder.name, rerun_of=plan.rerun_of)
        return _train(prepared, optimizer, folder, feed, first, checkpoint, progress, dials, script=plan.script)


def train_resumed(
    run_dir: Path,
    changes: dict[str, Any],
    feed: LiveFeed,
    on_folder: FolderCallback | None = None,
    script: Script | None = None,
) -> RunResult:
    """Go on from the newest good checkpoint of a run, with `changes` to its settings. Raises EngineError.

    With a `script` the feed has seen this run's past already.
    """
    folder = RunFolder(run_dir)
    if "steps" in changes:  # a new end in steps replaces one in minutes or epochs
        changes = {"minutes": 0.0, "epochs": 0.0} | changes
    try:
        with _locked(folder):
            saved, provenance = read_run_toml(folder)
            config = _resumed_config(saved, changes)
            corpus = _same_corpus(folder, config, provenance)
            put_back_replaced(folder.checkpoints)
            checkpoint, problems = load_newest(folder.checkpoints)
            progress, dials = restore_progress(checkpoint.trainer, config)
            if {"steps", "epochs"} & set(changes):
                config = with_planned_steps(config, corpus)
            dials = changed_dials(dials, config, changes)
            if script is None and {"batch_size", "accumulate"} & set(changes):
                check_step_size(dials, config, corpus)
            if progress.step >= dials.total_steps and has_said_its_end(folder):
                raise EngineError(
                    [f"This run is done ({progress.step:,} of {dials.total_steps:,} steps): add --steps to go on."]
                )
            prepared = prepare(config, corpus)
            optimizer = _loaded_optimizer(prepared, checkpoint)
            past = show_past(folder, feed if script is None else LiveFeed(), progress.step)
            if on_folder is not None:
                on_folder(folder)
            if changes:
                write_run_toml(folder, prepared.config.to_dict(), provenance)
            first = Resumed(
                t=max(past.last_t, float(checkpoint.trainer.get("t", 0.0))),
                step=progress.step,
                wall_time=time.time(),
                checkpoint=checkpoint.path.name,
                total_steps=dials.total_steps,
                changes=changes,
            )
            before = past.energy_in(config.currency, config_of_run(saved).currency)
            return _train(
                prepared,
                optimizer,
                folder,
                feed,
                first,
                checkpoint,
                progress,
                dials,
                problems,
                replace(past, energy=before),
                script=script,
            )
    except (ConfigError, CorpusError) as error:
        raise EngineError(error.problems) from error
    except (RunsError, CheckpointError, ValueError) as error:
        raise EngineError([str(error)]) from error


@contextmanager
def _locked(folder: RunFolder) -> Iterator[None]:
    try:
        lock = RunLock(folder)
        lock.acquire()
    except RunsError as error:
        raise EngineError([str(error)]) from error
    try:
        yield
    finally:
        lock.release()


def _train(
    prepared: Prepared,
    optimizer: Optimizer,
    folder: RunFolder,
    feed: LiveFeed,
    first: Started | Resumed,
    checkpoint: LoadedCheckpoint | None,
    progress: Progress,
    dials: DialState,
    notes: Sequence[str] = (),
    past: Past | None = None,
    *,
    script: Script | None = None,
) -> RunResult:
    """Open the journal, start the sensors, train, close everything whatever happens. Raises EngineError."""
    config, past = prepared.config, past or Past(begun_step=first.step)
    journal = JournalWriter(folder.journal)
    recorder = Recorder(journal, feed, start_t=first.t, listener=script.hear if script is not None else None)
    recorder.step = progress.step
    recorder.emit(first)
    facts = prepared.corpus.facts
    recorder.emit(plan_of(config.to_dict(), facts, dials.positions(), t=first.t, step=first.step))
    if isinstance(first, Started) and first.parent:
        recorder.emit(beginning_on_record(folder, first))
    recorder.note(corpus_summary(prepared.corpus))
    for sentence in prepared.trials:
        recorder.note(sentence)
    for note in (*prepared.corpus.notes, *notes):
        recorder.note(note, "warning")
    bench: Workbench | None = None
    try:
        with (
            keep_house(config, recorder, feed, folder, prepared.device, past.energy) as housekeeper,
            appoint_examiner(config, prepared.corpus, recorder, folder, past) as examiner,
        ):
            bench = Workbench(
                config,
                prepared.corpus,
                prepared.model,
                optimizer,
                recorder,
                feed,
                folder,
                prepared.device,
                dials,
                progress,
                housekeeper,
                examiner,
                script=script,
                begun_step=past.begun_step,
                held_seconds=past.held_seconds,
            )
            bench.evaluations.extend(past.evaluations)
            if checkpoint is not None:
                if "guard" in checkpoint.trainer:
                    bench.guard.restore(checkpoint.trainer["guard"])
                if isinstance(first, Resumed):
                    bench.watched = unpack(checkpoint.trainer.get("watch", {}))
            ended = Trainer(bench).run()
    except Exception as error:
        sentence = record_crash(folder, recorder, error, bench.progress if bench is not None else progress)
        raise EngineError([sentence]) from error
    finally:
        journal.close()
    return _result(folder, prepared.model, ended, bench.progress)


def _resumed_config(saved: Mapping[str, Any], changes: Mapping[str, Any]) -> Config:
    """The settings to go on with. Raises ConfigError, and EngineError for changes the weights could not follow."""
    config = config_of_run(saved, changes)
    if problem := refusal(config_of_run(saved), config, changes, who="A resumed run keeps its"):
        raise EngineError([problem])
    return config


def _same_corpus(folder: RunFolder, config: Config, provenance: dict[str, Any]) -> Corpus:
    """The text a run was trained on. Raises EngineError when it is not the same any more."""
    paths = [str(path) for path in provenance.get("paths", [])]
    stdin = (folder.path / CORPUS_COPY).read_bytes() if "-" in paths else None
    corpus = build_corpus(config, paths, stdin=stdin)
    if corpus.sha256 != provenance.get("sha256"):
        raise EngineError([_changed_text(paths, corpus)])
    return corpus


def _changed_text(paths: Sequence[str], corpus: Corpus) -> str:
    return f"The text of this run has changed since ({', '.join(paths) or corpus.name}): put the old text back."


def _loaded_optimizer(prepared: Prepared, checkpoint: LoadedCheckpoint | None) -> Optimizer:
    """The optimizer of a model; both as in the checkpoint, if there is one. Raises EngineError when it does not fit."""
    if checkpoint is None:
        return build_optimizer(prepared.model, prepared.config)
    if problem := misfit(prepared.model.state_dict(), checkpoint.model):
        raise EngineError([f"The checkpoint {checkpoint.path} does not fit this model: {problem}."])
    prepared.model.load_state_dict(checkpoint.model)
    optimizer = build_optimizer(prepared.model, prepared.config)
    try:
        optimizer.load_tensors(checkpoint.optimizer)
        optimizer.load_scalars(optimizer_scalars(checkpoint))
    except (ValueError, CheckpointError) as error:
        raise EngineError([f"The checkpoint {checkpoint.path} cannot be used: {error}"]) from error
    return optimizer


def _absolute(paths: Sequence[str]) -> list[str]:
    return [path if path == "-" else str(Path(path).absolute()) for path in paths]


def _result(folder: RunFolder, model: GPT, ended: Ended, progress: Progress) -> RunResult:
    return RunResult(
        run_id=folder.run_id,
        run_dir=str(folder.path),
        status=ended.status,
        steps=progress.step,
        tokens=progress.tokens,
        val_loss=progress.val_loss,
        best_val_loss=progress.best_val_loss,
        best_step=progress.best_step,
        tokens_per_second=ended.tokens_per_second,
        seconds=ended.t,
        parameters=model.parameter_count,
        reason=ended.reason,
    )
