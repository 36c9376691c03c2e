"""From a wish to read samples or to talk, to the screen that does it. What these screens need is imported here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from textual.app import App

from babytrain.runs.errors import RunsError
from babytrain.runs.folder import RunFolder, read_run_toml
from babytrain.runs.state import RunState
from babytrain.tui.charset import CharsetName
from babytrain.tui.engine_client.client import EngineClient
from babytrain.tui.engine_client.errors import UsageError
from babytrain.tui.engine_client.model_access import LoadedModel, PromptReader, settings_of_run
from babytrain.tui.journal_flow import show_when_read
from babytrain.tui.messages import SamplesWanted, TalkWanted
from babytrain.tui.safe_text import safe_line
from babytrain.tui.screens.conversation import TalkPlan
from babytrain.tui.screens.samples import SamplesScreen
from babytrain.tui.screens.talk import TalkScreen

LONGEST_NAME = 40
USUAL_TOKENS = 200
USUAL_CONTEXT = 64


class WordsFlow:
    """Opens the sample browser and the conversation."""

    def __init__(self, app: App[Any], client: EngineClient, charset: CharsetName) -> None:
        self._app = app
        self._client = client
        self._charset = charset

    def samples(self, wanted: SamplesWanted) -> None:
        """Open the browser: of a run in memory at once, of one on disk as soon as it was read."""

        def show(state: RunState) -> None:
            runs_dir, at, folder = self._client.runs_dir, wanted.at, wanted.folder
            self._app.push_screen(SamplesScreen(state, runs_dir, self._charset, at=at, folder=folder))

        if wanted.state is not None:
            show(wanted.state)
        elif wanted.journal is not None:
            show_when_read(self._app, wanted.journal, show)

    def talk(self, wanted: TalkWanted) -> None:
        """Open the conversation."""
        config = _settings(wanted)
        self._app.push_screen(
            TalkScreen(
                TalkPlan(
                    name=safe_line(wanted.name, LONGEST_NAME),
                    settings=settings_of_run(config),
                    max_tokens=_whole(config, "sample_tokens", USUAL_TOKENS),
                    load=lambda at: self._load(wanted, at),
                    live=wanted.live,
                    read=lambda: self._reader(wanted, _whole(config, "context", USUAL_CONTEXT)),
                    folder=wanted.folder,
                ),
                self._charset,
            )
        )

    def _load(self, wanted: TalkWanted, at: str) -> LoadedModel:
        """The saved model. Called in a worker thread; raises UsageError."""
        folder = wanted.folder()
        if folder is None:
            raise UsageError(["This run has no folder yet, so there is no saved model."])
        return self._client.load_model(folder, at)

    def _reader(self, wanted: TalkWanted, context: int) -> PromptReader | None:
        """How the run reads prompts; None where its tokenizer cannot be read: then the engine says what is wrong."""
        folder = wanted.folder()
        if folder is None:
            return None
        try:
            return self._client.prompt_reader(folder, context)
        except UsageError:
            return None


def _settings(wanted: TalkWanted) -> Mapping[str, Any]:
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


def _whole(config: Mapping[str, Any], name: str, otherwise: int) -> int:
    """A whole number from recorded settings, which may be of another version or edited by hand."""
    value = config.get(name)
    return value if isinstance(value, int) and value > 0 else otherwise
