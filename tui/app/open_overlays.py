"""Opens the screens that stand on top of another one: the sample browser, the chat and the letter board.

A run in memory is shown at once, a run on disk after its journal was read in a thread. What these screens need is
imported here and not at start-up.
"""

from __future__ import annotations

from collections.abc import Mapping
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

_MAX_CHAT_NAME = 40
DEFAULT_REPLY_TOKENS = 200
DEFAULT_CONTEXT = 64


class ChatAndSamplesOpener:
    """Opens the sample browser and the conversation."""

    def __init__(self, app: App[Any], client: EngineClient, charset: CharsetName) -> None:
        self._app = app
        self._client = client
        self._charset = charset

    def samples(self, wanted: SamplesRequested) -> None:
        """Open the browser: of a run in memory at once, of one on disk as soon as it was read."""

        def show(state: RunState) -> None:
            runs_dir, at, folder = self._client.runs_dir, wanted.at, wanted.folder
            self._app.push_screen(SamplesScreen(state, runs_dir, self._charset, at=at, folder=folder))

        if wanted.state is not None:
            show(wanted.state)
        elif wanted.journal is not None:
            read_journal_in_thread(self._app, wanted.journal, show)

    def talk(self, wanted: ChatRequested) -> None:
        """Open the conversation."""
        config = _recorded_settings(wanted)
        self._app.push_screen(
            ChatScreen(
                ChatSetup(
                    name=safe_line(wanted.name, _MAX_CHAT_NAME),
                    settings=recorded_sampling_settings(config),
                    max_tokens=_whole_number(config, "sample_tokens", DEFAULT_REPLY_TOKENS),
                    folder=wanted.folder,
                    load=lambda at: self._load(wanted, at),
                    prompt_reader=lambda: self._reader(wanted, _whole_number(config, "context", DEFAULT_CONTEXT)),
                    live=wanted.live,
                ),
                self._charset,
            )
        )

    def _load(self, wanted: ChatRequested, at: str) -> SavedModel:
        """The saved model. Called in a worker thread; raises UsageError."""
        folder = wanted.folder()
        if folder is None:
            raise UsageError(["This run has no folder yet, so there is no saved model."])
        return self._client.load_model(folder, at)

    def _reader(self, wanted: ChatRequested, context: int) -> PromptReader | None:
        """How the run reads prompts; None where its tokenizer cannot be read: then the engine says what is wrong."""
        folder = wanted.folder()
        if folder is None:
            return None
        try:
            return self._client.prompt_reader(folder, context)
        except UsageError:
            return None


def _recorded_settings(wanted: ChatRequested) -> Mapping[str, Any]:
    """The recorded settings of a run: as its journal has them, or from its folder where nobody has read the journal."""
    if wanted.state is not None and wanted.state.started is not None:
        return wanted.state.started.config
    folder = wanted.folder()
    if folder is None:
        return {}
    try:
        return read_run_toml(RunFolder(folder))[0]
    except RunsError:
        return {}  # waking the model says what is wrong


def _whole_number(config: Mapping[str, Any], name: str, otherwise: int) -> int:
    """A whole number from recorded settings, which may be of another version or edited by hand."""
    value = config.get(name)
    return value if isinstance(value, int) and value > 0 else otherwise


class LettersOpener:
    """Opens the letter board."""

    def __init__(self, app: App[Any], charset: CharsetName) -> None:
        self._app = app
        self._charset = charset

    def show(self, wanted: LettersRequested) -> None:
        """Of a run in memory at once, of one on disk as soon as it was read."""

        def show(snapshot: RunSnapshot) -> None:
            self._app.push_screen(LettersScreen(snapshot, self._charset, folder=wanted.folder))

        if wanted.snapshot is not None:
            show(wanted.snapshot)
        elif wanted.journal is not None:
            read_journal_in_thread(self._app, wanted.journal, lambda state: show(state.at()))
