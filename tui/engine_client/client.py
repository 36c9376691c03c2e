"""The engine as screens and commands use it: train a run, or load a saved model. Tests use a double of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from babytrain.runs.store.folder import RunFolder
from babytrain.tui.engine_client.engine_thread import RerunSession, TrainingSession
from babytrain.tui.engine_client.errors import UsageError, usage_errors

if TYPE_CHECKING:
    from babytrain.engine.sessions.new_run import NewRunPlan
    from babytrain.engine.sessions.start_and_resume import RunResult
    from babytrain.runs.state.live_feed import LiveFeed
    from babytrain.tui.engine_client.model_access import PromptReader, SavedModel
    from babytrain.tui.engine_client.validation import NewRunRequest


@dataclass(frozen=True)
class PresetChoice:
    """A preset in the new-run dialog."""

    name: str
    summary: str


@dataclass(frozen=True)
class NewRunOptions:
    """What the new-run dialog returns."""

    preset: str = "baby"
    corpus: str = "haiku"  # a built-in corpus, or a path or glob
    name: str = ""
    steps: int | None = None  # None: the preset's own


class EngineClient:
    """Makes training sessions and loads models. `argv` goes into a run's provenance."""

    def __init__(self, runs_dir: Path, argv: Sequence[str] = ()) -> None:
        self.runs_dir = runs_dir
        self._argv = tuple(argv)

    def presets(self) -> list[PresetChoice]:
        """All presets, default first."""
        from babytrain.engine.config.presets import PRESETS

        return [PresetChoice(name, preset.summary) for name, preset in PRESETS.items()]

    def new_run(self, options: NewRunOptions) -> TrainingSession:
        """A session for the new-run dialog. Raises UsageError."""
        from babytrain.tui.engine_client.validation import check_new_run, is_built_in_corpus, is_stream

        settings: dict[str, Any] = {} if options.steps is None else {"steps": options.steps}
        paths: list[str] = []
        if is_built_in_corpus(options.corpus):
            settings["corpus"] = options.corpus
        else:
            paths.append(options.corpus)
            if is_stream(options.corpus):
                raise UsageError(["Standard input is the keyboard here: give a file, a folder or a glob, and no pipe."])
        return self.train(
            check_new_run(preset=options.preset, settings=settings, paths=paths, name=options.name or None)
        )

    def train(self, request: NewRunRequest) -> TrainingSession:
        """A session for a checked new run."""

        def train(feed: LiveFeed, on_folder: Callable[[RunFolder], None]) -> RunResult:
            from babytrain.engine.sessions.new_run import NewRunPlan
            from babytrain.engine.sessions.start_and_resume import train_new

            plan = NewRunPlan(
                config=request.config,
                runs_dir=self.runs_dir,
                paths=request.paths,
                name=request.name,
                argv=self._argv,
                stdin=request.stdin,
                notes=request.notes,
            )
            return train_new(plan, feed, on_folder)

        return TrainingSession(train)

    def resume(self, run_dir: Path, changes: Mapping[str, Any] | None = None) -> TrainingSession:
        """A session that resumes a run with `changes` to its settings. Raises UsageError."""
        from babytrain.tui.engine_client.validation import check_changes

        checked = check_changes(changes or {})

        def train(feed: LiveFeed, on_folder: Callable[[RunFolder], None]) -> RunResult:
            from babytrain.engine.sessions.start_and_resume import train_resumed

            return train_resumed(run_dir, checked, feed, on_folder)

        return TrainingSession(train)

    def fork(
        self,
        run_dir: Path,
        at: str,
        changes: Mapping[str, Any],
        *,
        name: str | None = None,
        texts: Sequence[str] = (),
        read_now: bool = False,
    ) -> TrainingSession:
        """A session for a new run from the checkpoint `at` of another one, with `changes` to its settings.

        `texts` replace its text. `read_now` reads the checkpoint, and the texts, before training begins. May be called
        in any thread. Raises UsageError.
        """
        from babytrain.tui.engine_client.validation import check_changes, read_streams

        checked = check_changes(changes)
        texts, stdin = read_streams(texts)

        def make_plan() -> NewRunPlan:
            from babytrain.engine.sessions.fork import plan_fork

            folder, runs_dir = RunFolder(run_dir), self.runs_dir
            return plan_fork(
                folder, at, checked, runs_dir=runs_dir, name=name, argv=self._argv, paths=texts, stdin=stdin
            )

        plans: list[NewRunPlan] = []
        if read_now:
            with usage_errors("The checkpoint or the text cannot be read"):
                plans.append(make_plan())

        def train(feed: LiveFeed, on_folder: Callable[[RunFolder], None]) -> RunResult:
            from babytrain.engine.sessions.start_and_resume import train_new

            # Popped, so that the weights are not kept as long as the session.
            return train_new(plans.pop() if plans else make_plan(), feed, on_folder)

        return TrainingSession(train)

    def fork_problems(self, run_dir: Path, at: str, changes: Mapping[str, Any], *, step: int | None) -> list[str]:
        """What is wrong with a fork, one sentence each.

        `step`: of a running run, which will be stopped and saved there for the fork.
        """
        from babytrain.engine.sessions.fork_check import find_fork_problems
        from babytrain.tui.engine_client.validation import check_changes

        try:
            return find_fork_problems(RunFolder(run_dir), at, check_changes(changes), step=step)
        except UsageError as error:
            return error.problems

    def rerun(self, run_dir: Path, name: str | None) -> RerunSession:
        """A session that repeats a run and compares. Loads torch. Raises UsageError."""
        with usage_errors("The run cannot be repeated"):
            from babytrain.engine.sessions.rerun import plan_rerun

            plan = plan_rerun(RunFolder(run_dir), runs_dir=self.runs_dir, name=name, argv=self._argv)
        return RerunSession(plan)

    def load_model(self, run_dir: Path, at: str) -> SavedModel:
        """A saved model; `at`: "best", "last", a name or a step. Loads torch. Raises UsageError."""
        from babytrain.tui.engine_client.model_access import SavedModel

        return SavedModel(run_dir, at)

    def prompt_reader(self, run_dir: Path, context: int) -> PromptReader:
        """A run's tokenizer for prompts of at most `context` tokens, without its model. Raises UsageError."""
        from babytrain.tui.engine_client.model_access import prompt_reader

        return prompt_reader(run_dir, context)
