"""Starts a new run or resumes an old one: from the settings to the result.

Mistakes of a person are an `EngineError` or a `RunsError` with one sentence per problem, and a run that never started
leaves nothing on disk. Anything else is a defect, and its traceback is written into the run folder.
"""

from __future__ import annotations

import gc
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec

from babytrain.engine.checkpoints.format import (
    LoadedCheckpoint,
    load_newest,
    restore_replaced_checkpoints,
)
from babytrain.engine.config.build import config_of_run
from babytrain.engine.config.errors import EngineError
from babytrain.engine.config.settings import Config
from babytrain.engine.data.corpus import Corpus, corpus_summary
from babytrain.engine.model.gpt import GPT
from babytrain.engine.optim.optimizer import Optimizer
from babytrain.engine.sessions.background_services import start_analysis, start_telemetry
from babytrain.engine.sessions.fork_check import fork_refusal
from babytrain.engine.sessions.fork_origin import copy_event, with_changed_dials
from babytrain.engine.sessions.history_from_journal import (
    ResumeHistory,
    ended_in_order,
    lost_steps,
    read_history,
    resume_sentence,
)
from babytrain.engine.sessions.new_run import NewRunPlan, fill_folder, started_event
from babytrain.engine.sessions.prepare_model import (
    check_step_size,
    prepare_model,
    refuse_too_large,
    with_planned_steps,
)
from babytrain.engine.sessions.run_text import RunText, keep_text_of, text_of_run
from babytrain.engine.training.finalize import EndStatus, error_sentence, record_end, write_crash_log
from babytrain.engine.training.recorder import Recorder
from babytrain.engine.training.rerun_script import RerunScript
from babytrain.engine.training.train_state import TrainState, check_usable, read_trainer
from babytrain.engine.training.trainer import Trainer
from babytrain.runs.dials.dial_state import DialState, initial_dials
from babytrain.runs.dials.history import plan_of
from babytrain.runs.errors import RunsError
from babytrain.runs.events import Resumed, Started
from babytrain.runs.journal import JournalWriter
from babytrain.runs.state.live_feed import LiveFeed
from babytrain.runs.store.folder import RunFolder, create_run, read_run_toml, write_run_toml
from babytrain.runs.store.lock import RunLock
from babytrain.runs.store.training_folder import TrainingFolder


@dataclass(frozen=True)
class RunResult:
    """The result of a session; the fields are the keys of the command line's JSON."""

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


@dataclass(frozen=True)
class Session:
    """A session ready to begin, its folder locked. `first` is its first event, `notes` and `warnings` go to the log."""

    lock: RunLock
    corpus: Corpus
    state: TrainState
    first: Started | Resumed
    history: ResumeHistory
    notes: Sequence[str]
    warnings: Sequence[str] = ()
    script: RerunScript | None = None


def train_new(plan: NewRunPlan, feed: LiveFeed, on_folder: FolderCallback | None = None) -> RunResult:
    """Train a new run to its end. Raises EngineError or RunsError."""
    text = plan.text or RunText(plan.paths, plan.stdin)
    corpus = text.corpus(plan.config)
    config = with_planned_steps(plan.config, corpus)
    origin = plan.origin.planned(config) if plan.origin is not None else None
    dials = initial_dials(config.to_dict()) if origin is None else read_trainer(origin.checkpoint, config)[1]
    if not plan.rerun_of:
        check_step_size(dials, config, corpus)
    with refuse_too_large(config, corpus):
        config, model, trials = prepare_model(config, corpus)
        state = _build_state(config, model, dials, origin.checkpoint if origin is not None else None)
    folder = create_run(plan.runs_dir, plan.name)
    with _locked(folder, new=True) as lock:
        not_kept = fill_folder(folder, plan, state, corpus, origin, text)
        if on_folder is not None:
            on_folder(folder)
        first = started_event(folder, state, corpus, plan)
        reached = plan.origin.milestones if plan.origin is not None else frozenset()
        history = ResumeHistory(first_step=first.step, milestones=reached)
        warnings = [*plan.notes, *text.warnings, *filter(None, [not_kept])]
        session = Session(lock, corpus, state, first, history, trials, warnings, plan.script)
        return _run(session, feed, on_folder)


def train_resumed(
    run_dir: Path,
    changes: dict[str, Any],
    feed: LiveFeed,
    on_folder: FolderCallback | None = None,
    script: RerunScript | None = None,
) -> RunResult:
    """Go on from the newest readable checkpoint of a run, with `changes` to its settings. Raises EngineError.

    With the `script` of a rerun the feed already has this run's events.
    """
    folder = RunFolder(run_dir)
    if "steps" in changes:  # a new end in steps replaces one in minutes or epochs
        changes = {"minutes": 0.0, "epochs": 0.0} | changes
    with _locked(folder) as lock:
        saved, provenance = read_run_toml(folder)
        config = config_of_run(saved, changes)
        if problem := fork_refusal(config_of_run(saved), config, changes, who="A resumed run keeps its"):
            raise EngineError([problem])
        text = text_of_run(folder, saved, provenance)
        corpus = text.corpus(config)
        restore_replaced_checkpoints(folder.checkpoints)
        checkpoint, problems = load_newest(
            folder.checkpoints, lambda found: check_usable(found, config, corpus.tokenizer.vocabulary_size)
        )
        if {"steps", "epochs"} & set(changes):
            config = with_planned_steps(config, corpus)
        checkpoint = with_changed_dials(checkpoint, config, changes)
        progress, dials, _ = read_trainer(checkpoint, config)
        if script is None and {"batch_size", "accumulate"} & set(changes):
            check_step_size(dials, config, corpus)
        if progress.step >= dials.total_steps and ended_in_order(folder):
            raise EngineError(
                [f"This run is done ({progress.step:,} of {dials.total_steps:,} steps): add --steps to go on."]
            )
        with refuse_too_large(config, corpus):
            config, model, trials = prepare_model(config, corpus)
            state = _build_state(config, model, dials, checkpoint)
        history = read_history(folder, feed if script is None else LiveFeed(), progress.step)
        state.evaluations = list(history.evaluations)
        state.progress.samples = max(state.progress.samples, history.last_sample_id)  # some may be after the checkpoint
        if on_folder is not None:
            on_folder(folder)
        if changes:
            write_run_toml(folder, state.config.to_dict(), provenance)
        first = Resumed(
            t=max(history.last_t, float(checkpoint.trainer.get("t", 0.0))),
            step=progress.step,
            wall_time=time.time(),
            checkpoint=checkpoint.path.name,
            total_steps=dials.total_steps,
            changes=changes,
        )
        # The cost so far is not known in another currency.
        if history.energy is not None and config.currency != config_of_run(saved).currency:
            history = replace(history, energy=msgspec.structs.replace(history.energy, money=None))
        start = resume_sentence(folder, checkpoint.path.name, progress.step, dials, config_of_run(saved), changes)
        warnings = [*text.warnings, *lost_steps(progress.step, problems, history.last_step)]
        with suppress(OSError):  # of an older run, or of one that has lost it
            keep_text_of(folder, corpus, config, text)
        session = Session(lock, corpus, state, first, history, [start, *trials], warnings, script)
        return _run(session, feed, on_folder)


@contextmanager
def _locked(folder: RunFolder, *, new: bool = False) -> Iterator[RunLock]:
    """Hold the lock of a run. Failures become EngineErrors; the traceback of a defect goes into the run folder.

    A `new` folder that cannot be locked is removed again.
    """
    try:
        lock = RunLock(folder)
        try:
            lock.acquire()
        except RunsError:
            if new:
                shutil.rmtree(folder.path, ignore_errors=True)
            raise
        try:
            yield lock
        finally:
            lock.release()
    except EngineError:
        raise
    except RunsError as error:
        raise EngineError([str(error)]) from error
    except Exception as error:
        raise EngineError([f"{error_sentence(error)}{write_crash_log(folder, error)}"]) from error


def _run(session: Session, feed: LiveFeed, on_folder: FolderCallback | None) -> RunResult:
    """Open the journal, start the sensors, train, close everything in any case. Raises EngineError."""
    folder, corpus, state, first = session.lock.folder, session.corpus, session.state, session.first
    history, script, config = session.history, session.script, state.config
    journal = JournalWriter(folder.journal)
    files = TrainingFolder(session.lock, journal)
    recorder = Recorder(
        journal,
        feed,
        folder,
        start_t=first.t,
        held_before=history.held_seconds,
        listener=script.on_event if script is not None else None,
        files=files,
        on_folder=on_folder,
    )
    recorder.step = state.progress.step
    try:
        recorder.emit(first)
        recorder.emit(plan_of(config.to_dict(), corpus.facts, state.dials.positions(), t=first.t, step=first.step))
        if isinstance(first, Started) and first.parent:
            recorder.emit(copy_event(folder, first))
        for note in (*session.notes, corpus_summary(corpus)):
            recorder.note(note)
        for warning in (*corpus.notes, *session.warnings):
            recorder.note(warning, "warning")
        with (
            _frozen_garbage(),
            start_telemetry(config, recorder, state.device, history.energy) as duty_cycle,
            start_analysis(config, corpus, recorder, history) as analyzer,
        ):
            ended = Trainer(
                state,
                recorder,
                corpus,
                duty_cycle=duty_cycle,
                analyzer=analyzer,
                script=script,
                first_step=history.first_step,
                samples_at_step=history.samples_at_step,
            ).run()
    except Exception as error:
        sentence = error_sentence(error, state.progress.step)
        where = write_crash_log(recorder.folder, error)
        record_end(recorder, state.progress, "failed", sentence)
        raise EngineError([f"{sentence}{where}"]) from error
    finally:
        files.close()
        journal.close()
    if journal.unwritten:  # the run will be listed without its end
        status: EndStatus = "failed" if ended.status == "done" else ended.status
        reason = f"{ended.reason}, but its journal could not be written to the end: {journal.last_error}"
        ended = msgspec.structs.replace(ended, status=status, reason=reason)
    progress = state.progress
    return RunResult(
        run_id=recorder.folder.run_id,
        run_dir=str(recorder.folder.path),
        status=ended.status,
        steps=progress.step,
        tokens=progress.tokens,
        val_loss=progress.val_loss,
        best_val_loss=progress.best_val_loss,
        best_step=progress.best_step,
        tokens_per_second=ended.tokens_per_second,
        seconds=ended.t,
        parameters=state.model.parameter_count,
        reason=ended.reason,
    )


@contextmanager
def _frozen_garbage() -> Iterator[None]:
    """Keep the garbage collector from walking long-lived imports and weights during a step."""
    before = gc.get_threshold()
    gc.unfreeze()  # objects of an earlier run in this process
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    try:
        yield
    finally:
        gc.unfreeze()
        gc.set_threshold(*before)


def _build_state(config: Config, model: GPT, dials: DialState, checkpoint: LoadedCheckpoint | None) -> TrainState:
    """The state a session begins with. Raises CheckpointError."""
    state = TrainState(config, model, Optimizer(model, config), dials)
    if checkpoint is not None:
        state.restore(checkpoint)
    return state
