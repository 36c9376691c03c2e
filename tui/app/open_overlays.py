"""Opens the screens on top of another screen: the sample browser, the chat and the letter board.

A run in memory is shown at once, a run on disk after its journal was read in a thread.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from textual.app import App

from babytrain.runs.errors import RunsError
from babytrain.runs.state.run_state import RunSnapshot, RunState
from babytrain.runs.store.folder import RunFolder, read_run_toml
from babytrain.tui.engine_client.client import EngineClient
from babytrain.tui.engine_client.errors import UsageError
from babytrain.tui.engine_client.model_access import PromptReader, SavedModel, recorded_sampling_settings
from babytrain.tui.screens.chat import ChatScreen
from babytrain.tui.screens.chat_base import ChatSetup
from babytrain.tui.screens.letters import LettersScreen
from babytrain.tui.screens.messages import ChatRequested, LettersRequested, SamplesRequested
from babytrain.tui.screens.samples import SamplesScreen
from babytrain.tui.screens.thread_reads import read_journal_in_thread
from babytrain.tui.terminal.charset import CharsetName
from babytrain.tui.terminal.safe_text import safe_line

DEFAULT_REPLY_TOKENS = 200
DEFAULT_CONTEXT = 64


def open_samples(app: App[Any], client: EngineClient, charset: CharsetName, request: SamplesRequested) -> None:
    """Open the sample browser."""

    def show(state: RunState) -> None:
        app.push_screen(SamplesScreen(state, client.runs_dir, charset, at=request.at, folder=request.folder))

    if request.state is not None:
        show(request.state)
    elif request.journal is not None:
        read_journal_in_thread(app, request.journal, show)


def open_letters(app: App[Any], charset: CharsetName, request: LettersRequested) -> None:
    """Open the letter board."""

    def show(snapshot: RunSnapshot) -> None:
        app.push_screen(LettersScreen(snapshot, charset, folder=request.folder))

    if request.snapshot is not None:
        show(request.snapshot)
    elif request.journal is not None:
        read_journal_in_thread(app, request.journal, lambda state: show(state.at()))


def open_chat(app: App[Any], client: EngineClient, charset: CharsetName, request: ChatRequested) -> None:
    """Open the chat with the model of a run."""
    config = _recorded_settings(request)

    def load(at: str) -> SavedModel:
        """Called in a worker thread; raises UsageError."""
        folder = request.folder()
        if folder is None:
            raise UsageError(["This run has no folder yet, so there is no saved model."])
        return client.load_model(folder, at)

    def prompt_reader() -> PromptReader | None:
        """None where the tokenizer cannot be read; loading the model then reports the problem."""
        folder = request.folder()
        with suppress(UsageError):
            return client.prompt_reader(folder, _whole_number(config, "context", DEFAULT_CONTEXT)) if folder else None
        return None

    setup = ChatSetup(
        name=safe_line(request.name),
        settings=recorded_sampling_settings(config),
        max_tokens=_whole_number(config, "sample_tokens", DEFAULT_REPLY_TOKENS),
        folder=request.folder,
        load=load,
        prompt_reader=prompt_reader,
        live=request.live,
    )
    app.push_screen(ChatScreen(setup, charset))


def _recorded_settings(request: ChatRequested) -> Mapping[str, Any]:
    """The settings of a run from its journal, or from its folder where the journal was not read."""
    if request.state is not None and request.state.started is not None:
        return request.state.started.config
    folder = request.folder()
    if folder is None:
        return {}
    try:
        return read_run_toml(RunFolder(folder))[0]
    except RunsError:
        return {}  # loading the model reports the problem


def _whole_number(config: Mapping[str, Any], name: str, otherwise: int) -> int:
    """A positive integer from settings that may be of another version or edited by hand."""
    value = config.get(name)
    return value if isinstance(value, int) and value > 0 else otherwise
