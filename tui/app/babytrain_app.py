"""The app: opens the first screen, owns the training session, and switches screens.

- One session at a time. Its `run` is called in a thread worker; the app learns of its end from the worker.
- However the app ends, `feed.stop_requested` is set first, because Textual waits for its thread workers.
- What the home screen does not need (charts, numpy, dialogs) is imported by the method that needs it, which halves
  the time to the first paint.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any, ClassVar

from rich.console import RenderableType
from textual import on
from textual.app import App, SystemCommand
from textual.binding import BindingType
from textual.command import Provider
from textual.filter import LineFilter
from textual.screen import ModalScreen, Screen
from textual.worker import Worker, WorkerState

from babytrain.tui.app.command_palette import CommandsProvider
from babytrain.tui.app.overlay_app import OverlayApp
from babytrain.tui.app.start_screen import (
    AppResult,
    StartAtHome,
    StartReplay,
    StartScreen,
    StartTraining,
    StartWatching,
)
from babytrain.tui.app.themes import DARK_THEME, LIGHT_THEME
from babytrain.tui.engine_client.engine_thread import ENGINE_THREAD, start_engine_worker
from babytrain.tui.engine_client.errors import UsageError
from babytrain.tui.keys.keymap import bindings_in
from babytrain.tui.keys.user_keys import load_user_keys
from babytrain.tui.notifications import NotificationOptions
from babytrain.tui.screens import messages
from babytrain.tui.screens.base import ModeScreen, OverlayScreen
from babytrain.tui.screens.home import HomeScreen
from babytrain.tui.screens.thread_reads import read_journal_in_thread
from babytrain.tui.terminal.charset import CharsetName, detect_charset
from babytrain.tui.terminal.charset_filter import CharsetFilter
from babytrain.tui.terminal.safe_text import safe_line

if TYPE_CHECKING:
    from babytrain.runs.state.run_state import RunState
    from babytrain.tui.engine_client.client import EngineClient
    from babytrain.tui.engine_client.engine_thread import TrainingSession
    from babytrain.tui.screens.dialogs.fork import ForkStarter

DEMO_SECONDS = 60.0  # a demo plays as fast as it takes to be over in about this time
STYLES = Path(__file__).parent.parent / "styles"


class BabytrainApp(OverlayApp):
    """The Textual app. `charset` None: the richest the terminal can show."""

    TITLE = "babytrain"
    CSS_PATH: ClassVar[list[str | PurePath]] = [
        STYLES / name for name in ("app.tcss", "run.tcss", "home.tcss", "samples_and_chat.tcss", "letters.tcss")
    ]
    BINDINGS: ClassVar[list[BindingType]] = list(bindings_in("everywhere", "picture"))
    COMMANDS: ClassVar[set[type[Provider] | Callable[[], type[Provider]]]] = App.COMMANDS | {CommandsProvider}
    ESCAPE_TO_MINIMIZE: ClassVar[bool] = False
    # Layouts, see styles/. Textual declares both as plain attributes.
    HORIZONTAL_BREAKPOINTS = [(0, "-strip"), (60, "-compact"), (100, "-wide")]  # noqa: RUF012
    VERTICAL_BREAKPOINTS = [(0, "-flat"), (8, "-low"), (18, "-tall")]  # noqa: RUF012

    def __init__(
        self,
        *,
        engine_client: EngineClient,
        start_screen: StartScreen,
        charset: CharsetName | None = None,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(engine_client, charset or detect_charset(os.environ), wall_clock)
        self.session: TrainingSession | None = None  # the current or the last one
        self.left_from_home = False  # from the list of runs, where no run is left
        self._charset_filter = CharsetFilter(self.charset)
        self.failure: Exception | None = None
        self._start_screen = start_screen
        self._notification_options = (
            start_screen.notifications if isinstance(start_screen, StartTraining) else NotificationOptions()
        )
        self._training = False
        self._fork: ForkStarter | None = None  # made when first needed
        self._trash: list[Path] = []
        self._highlight = ""
        self.register_theme(DARK_THEME)
        self.register_theme(LIGHT_THEME)
        wanted = os.environ.get("TEXTUAL_THEME", "")
        self.theme = wanted if wanted in self.available_themes else DARK_THEME.name

    def _first_screen(self) -> Screen[None]:
        match self._start_screen:
            case StartTraining(session):
                return self._live(session)
            case StartReplay(state, title, playing, speed, folder):
                return self._replay(state, title, playing=playing, speed=speed, folder=folder)
            case StartWatching(journal, title):
                return self._watch(journal, title)
            case StartAtHome():
                return self._home()

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Textual's filters, and one for the terminal's character set."""
        if self.charset == "braille":
            return super().get_line_filters()
        return [*super().get_line_filters(), self._charset_filter]

    def on_mount(self) -> None:
        """Load the user's keys, capture printed lines, open the first screen."""
        self._user_keys = load_user_keys(os.environ)
        self.set_keymap(self._user_keys.keymap)
        for problem in self._user_keys.problems:
            self.notify(safe_line(problem), severity="warning", markup=False, timeout=12)
        self.begin_capture_print(self)
        # On top of Textual's empty screen, because that screen cannot be switched for another later.
        self.push_screen(self._first_screen())

    def exit(
        self, result: AppResult | None = None, return_code: int = 0, message: RenderableType | None = None
    ) -> None:
        """End the app; a run that trains is saved and stopped."""
        self._stop_at_once()
        super().exit(result, return_code, message)

    def _handle_exception(self, error: Exception) -> None:
        """An exception ends the app; the command line reports it in a sentence (see `cli/run_app.py`)."""
        self._stop_at_once()
        self.failure = error
        super()._handle_exception(error)

    def leave(self) -> None:
        """End the app."""
        self.left_from_home = isinstance(self.screen, HomeScreen)
        self.exit(AppResult(self.session))

    def _stop_at_once(self) -> None:
        if self.session is not None:
            self.session.feed.stop_requested.set()

    def action_go_home(self) -> None:
        """Show the list of runs."""
        self._show_screen(self._home())

    def _show_screen(self, screen: Screen[None]) -> None:
        """Replace the current screen and everything on top of it."""
        while isinstance(self.screen, ModalScreen | OverlayScreen):
            self.pop_screen()
        self.switch_screen(screen)

    def _home(self) -> HomeScreen:
        return HomeScreen(
            self.engine_client.runs_dir,
            self.charset,
            highlight=self._highlight,
            trash=self._trash,
            now=self._wall_clock,
        )

    def _live(self, session: TrainingSession) -> Screen[None]:
        """The screen of a session whose thread starts after the first paint."""
        from babytrain.tui.engine_client.validation import dial_rules
        from babytrain.tui.notifications import Notifier
        from babytrain.tui.screens.run.live_screen import LiveScreen

        self.session = session
        self._training = True
        notifier = Notifier(self._notification_options, self._write_to_terminal, self.add_log_line)
        return LiveScreen(session, self.charset, self._printed, dials=dial_rules(), notifier=notifier)

    def _write_to_terminal(self, characters: str) -> None:
        """Write a sequence that draws nothing, such as a bell."""
        if self._driver is not None:
            self._driver.write(characters)
            self._driver.flush()

    def _replay(self, state: RunState, title: str, *, playing: bool, speed: float, folder: Path | None) -> Screen[None]:
        from babytrain.tui.screens.run.replay_and_watch import ReplayScreen

        return ReplayScreen(state, title, self.charset, playing=playing, speed=speed, folder=folder)

    def _watch(self, journal: Path, title: str) -> Screen[None]:
        from babytrain.tui.screens.run.replay_and_watch import WatchScreen

        return WatchScreen(journal, title, self.charset)

    @on(messages.LiveScreenPainted)
    def _start_engine(self) -> None:
        if self.session is not None:
            start_engine_worker(self, self.session)

    @on(messages.LeaveRequested)
    def _leave_run(self) -> None:
        if self._training:
            self.action_ask_quit()
        else:
            self.action_go_home()

    @on(messages.NewRunRequested)
    def _new_run(self) -> None:
        from babytrain.tui.screens.dialogs.new_run import NewRunScreen

        def done(session: TrainingSession | None) -> None:
            if session is not None:
                self._show_screen(self._live(session))

        self.push_screen(NewRunScreen(self.engine_client.presets(), self.engine_client.new_run), done)

    @on(messages.ResumeRequested)
    def _resume(self, message: messages.ResumeRequested) -> None:
        try:
            session = self.engine_client.resume(message.folder)
        except UsageError as error:
            self._show_message("It cannot be resumed", str(error))
            return
        self._highlight = f"run:{message.folder.name}"
        self._show_screen(self._live(session))

    @on(messages.ForkRequested)
    def _ask_for_fork(self, message: messages.ForkRequested) -> None:
        from babytrain.tui.screens.dialogs.fork import ForkStarter

        self._fork = self._fork or ForkStarter(
            self,
            self.engine_client,
            self.charset,
            running=lambda: self.session if self._training else None,
            show=lambda session: self._show_screen(self._live(session)),
        )
        self._fork.ask(message.folder, message.name)

    @on(messages.OpenRequested)
    def _open(self, message: messages.OpenRequested) -> None:
        row = message.row
        self._highlight = row.key

        def show(state: RunState) -> None:
            speed = max(1.0, state.at().t / DEMO_SECONDS) if row.is_demo else 1.0
            folder = row.folder.path if row.folder is not None else None
            self._show_screen(self._replay(state, row.summary.name, playing=row.is_demo, speed=speed, folder=folder))

        if row.summary.status == "training":
            self._show_screen(self._watch(row.journal, row.summary.name))
        else:
            read_journal_in_thread(self, row.journal, show)

    @on(Worker.StateChanged)
    def _worker_changed(self, event: Worker.StateChanged) -> None:
        ended = event.state in (WorkerState.SUCCESS, WorkerState.ERROR, WorkerState.CANCELLED)
        if ended and event.worker.group == ENGINE_THREAD:
            self._session_over()

    def _session_over(self) -> None:
        """Everything is saved: update the live screen, then quit, go home or start the waiting fork."""
        from babytrain.tui.screens.dialogs.quit import QuitScreen
        from babytrain.tui.screens.run.live_screen import LiveScreen

        self._training = False
        if not self.screen_stack:
            return  # the app is closing
        session = self.session
        if session is not None and session.run_dir is not None:
            self._highlight = f"run:{session.run_dir.name}"
        fork = self._fork.take_next() if self._fork is not None else None
        for screen in self.screen_stack:
            if isinstance(screen, LiveScreen):
                screen.session_over()
        question = self.screen
        if isinstance(question, QuitScreen):
            choice = question.choice
            self.pop_screen()
            if choice == "quit":
                self.leave()
                return
            if choice == "home":
                self.action_go_home()
                return
        if session is not None and session.error:
            self._show_message("Training failed", session.error)
        elif fork is not None:
            self._show_screen(self._live(fork))

    @on(messages.StopRequested)
    def _stop_training(self) -> None:
        if self.session is not None and self._training:
            self.session.feed.ask("stop")

    def action_ask_quit(self) -> None:
        """Leave the app; while a run trains, ask first."""
        from babytrain.tui.screens.dialogs.quit import QuitScreen
        from babytrain.tui.screens.run.live_screen import LiveScreen

        if not self._training:
            self.leave()
        elif not isinstance(self.screen, QuitScreen):
            screen = next((screen for screen in self.screen_stack if isinstance(screen, LiveScreen)), None)
            self.push_screen(QuitScreen(safe_line(screen.display_run_name) if screen else "The run"))

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """Of Textual's own commands the theme alone: for the others the key map has better ones."""
        yield SystemCommand("Theme", "Choose other colours.", self.action_change_theme)

    async def action_quit(self) -> None:
        """Textual's quit action asks the same question."""
        self.action_ask_quit()

    def action_interrupt(self) -> None:
        """ctrl+c: ask as `action_ask_quit`; pressed again, save and stop at once."""
        from babytrain.tui.screens.dialogs.quit import QuitScreen

        screen = self.screen
        if isinstance(screen, ModeScreen) and screen.interrupt():
            return
        if self._training and isinstance(screen, QuitScreen):
            self._stop_at_once()
            screen.action_choose("quit")
        else:
            self.action_ask_quit()
