"""Talk to the model: a line to type in, the text above it, and what the model thinks comes next while one types.

These models answer nothing: they go on with a text (see `conversation.py`). Whom one talks to is a `Talker`: the run
that trains below, between two of its steps, or a saved model that is loaded in a thread. When the run comes to its end
meanwhile, its saved model takes over, and the conversation stays.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container
from textual.message import Message
from textual.widgets import Input

from babytrain.runs.state import Moment
from babytrain.tui.charset import CharsetName
from babytrain.tui.conversation import COMMANDS, Conversation, Turn, find_command
from babytrain.tui.glyphs import GLYPHS
from babytrain.tui.keymap import MODES, Mode, bindings_in
from babytrain.tui.screens.base import OverlayScreen
from babytrain.tui.session import UsageError
from babytrain.tui.source import LiveSource
from babytrain.tui.talker import (
    SETTINGS,
    Author,
    Failed,
    Foretold,
    Heard,
    Likeliest,
    LiveTalker,
    PromptReader,
    SavedTalker,
    Talker,
    Wish,
    Woken,
    Written,
    next_rung,
)
from babytrain.tui.widgets.key_bar import KeyBar
from babytrain.tui.widgets.next_bars import NextBars
from babytrain.tui.widgets.talk_lines import NoteLine, SettingsLine, TalkInput, TalkTitle
from babytrain.tui.widgets.talk_pane import TalkFacts, TalkPane
from babytrain.tui.wording import state_of

if TYPE_CHECKING:
    from babytrain.tui.speaking import SamplingSettings

BESIDE = 80  # columns from which the bars stand beside the text
LONGEST_LINE = 20_000  # characters that may be typed or pasted at once
HINT = "Type the beginning of a text; enter lets the model go on. With nothing typed it begins, or goes on, by itself."
BYTE_LEVEL = "A run at byte level (--set tokenizer=byte) reads everything."


@dataclass(frozen=True)
class TalkPlan:
    """Whom to talk to: `live` is the run that trains here, `load` gets the saved model of a run from one of its
    checkpoints, in a worker thread, and `read` says how the live run reads a prompt."""

    name: str
    settings: SamplingSettings
    max_tokens: int
    load: Callable[[str], Author] | None
    live: LiveSource | None = None
    read: Callable[[], PromptReader | None] = lambda: None


class TalkScreen(OverlayScreen):
    """See the module's docstring."""

    mode: ClassVar[Mode] = "talk"
    BINDINGS: ClassVar[list[BindingType]] = list(bindings_in(*MODES["talk"]))

    class News(Message):
        """The talker said something; it may come from a thread."""

        def __init__(self, heard: Heard) -> None:
            super().__init__()
            self.heard = heard

    def __init__(self, plan: TalkPlan, charset: CharsetName) -> None:
        super().__init__(classes="talk")
        self._plan = plan
        self._charset = charset
        self._glyphs = GLYPHS[charset]
        self.conversation = Conversation(plan.settings, max_tokens=plan.max_tokens, seed=1, knows=self._knows)
        self._talker: Talker | None = None
        self._awake = False
        self._over = False  # there is nobody to talk to any more
        self._who = ("waking the model", self._glyphs.waiting, "$warning")
        self._wish: Wish | None = None  # being written
        self._turn = Turn("", "")  # what it becomes
        self._asked: str | None = None  # the text whose continuation was asked for last
        self._likeliest: Likeliest = ()
        self._chosen = SETTINGS[0]
        self._told = ("", "")  # something said once, until the next key

    def compose(self) -> ComposeResult:
        """Who, the text and the bars, the settings, a line to type in, something to say, the keys."""
        yield TalkTitle(self._glyphs)
        with Container(id="words"):
            yield TalkPane(self._charset)
            yield NextBars(self._charset)
        yield SettingsLine(self._glyphs)
        yield TalkInput(placeholder="hell", id="line", compact=True, max_length=LONGEST_LINE)
        yield NoteLine()
        yield KeyBar()

    def on_mount(self) -> None:
        """Typing can begin at once, while the model wakes."""
        self.apply_breakpoints()
        self.query_one("#line").focus()
        if self._plan.live is not None:
            self._talk_to(LiveTalker(self._plan.live, self._plan.read(), self._hear))
            self._woken(Woken("in training"))
        else:
            self._wake("best")
        self._show()

    def on_unmount(self) -> None:
        """Whoever was talked to may rest."""
        if self._talker is not None:
            self._talker.close()

    def on_resize(self, event: events.Resize) -> None:
        """Bars beside the text, or below it."""
        self.query_one("#words").set_class(event.size.width >= BESIDE, "-beside")

    def _talk_to(self, talker: Talker) -> None:
        if self._talker is not None:
            self._talker.close()
        self._talker = talker
        self._awake, self._over, self._asked = False, False, None

    def _wake(self, at: str) -> None:
        """Load a checkpoint in a thread of its own."""
        load = self._plan.load
        if load is None:
            self._failed(Failed("There is no saved model of this run to talk to.", final=True))
            return
        talker = SavedTalker(lambda: load(at), self._hear)
        self._talk_to(talker)
        self._who = (f"waking the model{self._glyphs.ellipsis}", self._glyphs.waiting, "$warning")
        self.run_worker(talker.run, thread=True, exit_on_error=False, group="talk")

    def _hear(self, heard: Heard) -> None:
        self.post_message(self.News(heard))

    # what is heard

    @on(News)
    def _heard(self, message: News) -> None:
        match message.heard:
            case Woken() as woken:
                self._woken(woken)
            case Foretold() as foretold:
                if foretold.text == self._ahead():
                    self._likeliest = foretold.likeliest
                elif self._wish is None:
                    self._predict()
            case Written() as written if written.wish is self._wish:
                self._written(written)
            case Failed() as failed:
                self._failed(failed)
            case _:
                return  # of a text that was stopped
        self._show()

    def _woken(self, woken: Woken) -> None:
        self._awake = True
        self._who = (f"awake {self._glyphs.dot} {woken.words}", self._glyphs.running, "$success")
        if woken.notes:
            self._told = (" ".join(woken.notes), "$warning")
        self._predict()

    def _written(self, written: Written) -> None:
        typed = self._turn.typed
        if written.prompt is not None and not self.conversation.text and not typed:
            typed = written.prompt  # the run's own prompt, in place of nothing
        self._turn = Turn(typed, written.text)
        if written.over:
            self._end_turn()

    def _end_turn(self) -> None:
        self.conversation.turns.append(self._turn)
        self.conversation.next_seed()
        self._wish = None
        self._predict()

    def _failed(self, failed: Failed) -> None:
        self._told = (failed.sentence, "$error")
        if failed.final:
            self._over = True
            self._who = ("asleep", self._glyphs.failed, "$error")
        if self._wish is not None:
            self._wish = None
            if self._turn.reply:
                self._end_turn()
            elif not self.query_one("#line", TalkInput).value:
                self._put(self._turn.typed)

    def follow(self, moment: Moment) -> None:
        """The run below went on; when it is over, the saved model takes its place."""
        if not isinstance(self._talker, LiveTalker) or not self.is_mounted:
            return
        self._talker.look(moment)
        state = state_of(moment, self._glyphs)
        if moment.ended is None:
            self._who = (f"{state.word} {self._glyphs.dot} step {moment.step:,}", state.symbol, state.style)
            self._show_title()
            return
        if self._wish is not None:
            self.stop_writing()
        self._wake("last")
        self._show()

    # what is shown

    def _show(self) -> None:
        if not self.is_mounted:
            return
        conversation = self.conversation
        writing = self._wish is not None
        turns = (*conversation.turns, self._turn) if writing else tuple(conversation.turns)
        ahead = self._ahead()
        left_out, notes = self._left_out(ahead)
        self.query_one(TalkPane).show(TalkFacts(turns, writing, left_out, HINT))
        hint = (
            ""
            if self._over
            else f"waking the model{self._glyphs.ellipsis}"
            if not self._awake
            else self._glyphs.ellipsis
        )
        self.query_one(NextBars).show(self._likeliest, old=self._asked != ahead or writing, hint=hint)
        self.query_one(SettingsLine).show([(name, conversation.standing(name)) for name in SETTINGS], self._chosen)
        self.query_one(NoteLine).show(*(self._told if self._told[0] else self._note(notes)))
        self._show_title()

    def _show_title(self) -> None:
        words, sign, style = self._who
        if self._wish is not None:
            words, sign, style = f"writing{self._glyphs.ellipsis}", self._glyphs.running, "$accent"
        self.query_one(TalkTitle).show(f"talk {self._glyphs.dot} {self._plan.name}", words, sign, style)

    def _note(self, notes: tuple[str, ...]) -> tuple[str, str]:
        """What there is to say about the line being typed."""
        line = self.query_one("#line", TalkInput).value
        if is_command(line):
            word = line[1:].partition(" ")[0]
            if word == "at":
                return "/at WHICH: talk to another checkpoint: best, last, its name or its step", "$foreground 60%"
            try:
                name = find_command(word)
            except UsageError:
                fitting = [name for name in COMMANDS if name.startswith(word.lower())]
                return "  ".join(f"/{name}" for name in fitting) or f"There is no command /{word}.", "$foreground 60%"
            return f"/{name} {COMMANDS[name][0]}: {COMMANDS[name][1]}", "$foreground 60%"
        return " ".join(notes), "$warning"

    def _left_out(self, text: str) -> tuple[int, tuple[str, ...]]:
        """How much of a text is out of the model's sight, and all that is to be said about how it reads it."""
        reader = self._reader
        if reader is None:
            return 0, ()
        _, unknown = reader.without_unknown(_plain(self.query_one("#line", TalkInput).value))
        prompt = reader.prepare(text)
        notes = (*unknown, BYTE_LEVEL) if unknown else ()
        return prompt.left_out, (*notes, *prompt.notes)

    # what is typed

    @property
    def _reader(self) -> PromptReader | None:
        return self._talker.reader if self._talker is not None else None

    def _knows(self, text: str) -> bool:
        return self._reader is None or self._reader.knows(text)

    def _known(self, line: str) -> str:
        """What the model can read of a line."""
        return line if self._reader is None else self._reader.without_unknown(line)[0]

    def _ahead(self) -> str:
        """The text whose continuation is of interest: the conversation, and the line being typed."""
        line = self.query_one("#line", TalkInput).value
        typed = "" if is_command(line) else self._known(_plain(line))
        return self.conversation.after(self.conversation.text, typed)

    def _put(self, text: str) -> None:
        """Put a text into the line; what was said stays."""
        line = self.query_one("#line", TalkInput)
        with line.prevent(Input.Changed):
            line.value = text
            line.cursor_position = len(text)
        self._predict()

    def _predict(self) -> None:
        if self._talker is not None and self._awake and self._wish is None:
            self._asked = self._ahead()
            self._talker.predict(self._asked)

    @on(Input.Changed)
    def _typed(self) -> None:
        self._told = ("", "")
        if self._asked != self._ahead():
            self._predict()
        self._show()

    def action_go_on(self) -> None:
        """Let the model go on from the text, or obey a typed command."""
        line = self.query_one("#line", TalkInput)
        text = line.value
        self._told = ("", "")
        try:
            if is_command(text):
                self._put("")
                self._obey(text[1:])
            elif self._may_write():
                typed = self._known(_plain(text))
                if typed or not text:
                    self._put("")
                    self._write(typed)
                else:
                    self._told = (f"Nothing of this can be read by the model. {BYTE_LEVEL}", "$warning")
        except UsageError as error:
            self._told = (" ".join(error.problems), "$error")
        self._show()

    def _may_write(self) -> bool:
        if self._over:
            return False
        if self._wish is not None:
            self._told = ("It is still writing; esc stops it.", "$warning")
        elif not self._awake:
            self._told = ("The model is still waking up.", "$warning")
        return self._awake and self._wish is None

    def _write(self, typed: str) -> None:
        """Let the model write after the conversation and `typed`."""
        conversation = self.conversation
        text = conversation.after(conversation.text, typed)
        self._turn = Turn(typed, "")
        self._wish = Wish(
            text, conversation.settings, conversation.max_tokens, conversation.seed, conversation.stop == "blank"
        )
        if self._talker is not None:
            self._talker.write(self._wish)

    def _obey(self, command: str) -> None:
        """Do what a typed command says. Raises UsageError."""
        word, _, rest = command.partition(" ")
        rest = rest.strip()
        if word == "at" and rest:
            self._wake_other(rest)
            return
        name = find_command(word.strip())
        if name == "quit":
            self.dismiss(None)
        elif name == "help":
            self.app.call_later(self.app.run_action, "help")
        elif name == "again":
            self.action_again()
        elif name == "reset":
            self.action_forget()
        elif name == "save":
            self._told = (f"The conversation is in {self.conversation.save(rest)}.", "$success")
        elif name == "next":
            self._put(rest)
        else:
            if rest:
                self.conversation.turn(name, rest)
            self._told = (f"{name} is {self.conversation.standing(name)}.", "$success")

    def _wake_other(self, at: str) -> None:
        """Talk to another checkpoint. Raises UsageError."""
        if isinstance(self._talker, LiveTalker):
            raise UsageError(
                ["This run is in training: it answers as it is now. Older checkpoints speak when it is over."]
            )
        self.stop_writing()
        self._wake(at)

    # keys

    def action_again(self) -> None:
        """Another reply to the same."""
        if self._may_write():
            try:
                self._write(self.conversation.take_back())
            except UsageError as error:
                self._told = (" ".join(error.problems), "$warning")
        self._show()

    def action_forget(self) -> None:
        """Begin anew."""
        self.stop_writing()
        self.conversation.turns.clear()
        self._told = ("The conversation is forgotten.", "$success")
        self._predict()
        self._show()

    def action_choose_setting(self, count: int) -> None:
        """The next setting (1), or the one before (-1), is turned by the arrows."""
        self._chosen = SETTINGS[(SETTINGS.index(self._chosen) + count) % len(SETTINGS)]
        self._show()

    def action_turn_setting(self, direction: int) -> None:
        """Up (1) or down (-1)."""
        value = next_rung(self._chosen, float(self.conversation.standing(self._chosen)), direction)
        self.conversation.turn(self._chosen, f"{value:g}")
        self._show()

    @on(SettingsLine.Chosen)
    def _setting_clicked(self, message: SettingsLine.Chosen) -> None:
        self._chosen = message.name
        self._show()

    def action_scroll_talk(self, pages: int) -> None:
        """The text, a page up or down."""
        self.query_one(TalkPane).action_scroll_pages(pages)

    def stop_writing(self) -> bool:
        """Leave the text being written as it is; False when none was."""
        if self._wish is None:
            return False
        if self._talker is not None:
            self._talker.stop()
        self._end_turn()
        self._show()
        return True

    def interrupt(self) -> bool:
        """ctrl+c stops a text first."""
        return self.stop_writing()

    def action_close(self) -> None:
        """Stop the text being written, or go back."""
        if not self.stop_writing():
            self.dismiss(None)


def is_command(line: str) -> bool:
    """Whether a line is a command, as in the plain terminal: `/temperature 0.5`; `//` begins a text with `/`."""
    return line.startswith("/") and not line.startswith("//")


def _plain(line: str) -> str:
    """The text of a line that is no command."""
    return line.removeprefix("/") if line.startswith("//") else line
