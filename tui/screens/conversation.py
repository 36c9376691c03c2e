"""Whom one talks to: waking a model, asking it for a text or for what comes next, and taking in what it says.

Whom one talks to is a `Talker`: the run that trains below, between two of its steps, or a saved model that is loaded in
a thread. When the run comes to its end meanwhile, its saved model takes over, and the conversation stays. What is shown
of all this, and the line to type in, are a subclass's (`talk.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from textual import on
from textual.message import Message

from babytrain.runs.state import Moment
from babytrain.tui.charset import CharsetName
from babytrain.tui.conversation import Conversation, Turn, is_command, plain_text
from babytrain.tui.glyphs import GLYPHS
from babytrain.tui.live_talker import LiveTalker
from babytrain.tui.saved_talker import SavedTalker
from babytrain.tui.screens.base import OverlayScreen
from babytrain.tui.source import LiveSource
from babytrain.tui.talker import (
    Author,
    Failed,
    Foretold,
    Heard,
    Likeliest,
    PromptReader,
    Talker,
    Wish,
    Woken,
    Written,
)
from babytrain.tui.wording import state_of

if TYPE_CHECKING:
    from babytrain.tui.speaking import SamplingSettings


@dataclass(frozen=True)
class TalkPlan:
    """Whom to talk to: `live` is the run that trains here, `load` gets the saved model of a run from one of its
    checkpoints, in a worker thread, and `read` says how the live run reads a prompt. `folder` is where it is kept."""

    name: str
    settings: SamplingSettings
    max_tokens: int
    load: Callable[[str], Author] | None
    live: LiveSource | None = None
    read: Callable[[], PromptReader | None] = lambda: None
    folder: Callable[[], Path | None] = lambda: None


class ConversationScreen(OverlayScreen):
    """See the module's docstring."""

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
        self._told = ("", "")  # something said once, until the next key

    @property
    def run_folder(self) -> Path | None:
        """Where the run is kept, None where that is not known yet."""
        return self._plan.folder()

    # what a subclass shows

    @property
    def line(self) -> str:
        """What is being typed."""
        raise NotImplementedError

    def _put(self, text: str) -> None:
        """Put a text into the line."""
        raise NotImplementedError

    def _show(self) -> None:
        """Bring everything up to date."""
        raise NotImplementedError

    def _show_title(self) -> None:
        """Bring the title up to date."""
        raise NotImplementedError

    # who

    def on_unmount(self) -> None:
        """Whoever was talked to may rest."""
        if self._talker is not None:
            self._talker.close()

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
        talker = self._talker
        if isinstance(talker, SavedTalker) and not self._over:  # it stays awake if there is no such checkpoint
            self._awake, self._asked = False, None
            talker.wake(at)
        else:
            talker = SavedTalker(load, at, self._hear)
            self._talk_to(talker)
            self.run_worker(talker.run, thread=True, exit_on_error=False, group="talk")
        self._who = (f"waking the model{self._glyphs.ellipsis}", self._glyphs.waiting, "$warning")

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
            elif not self.line:
                self._put(self._turn.typed)

    def follow(self, moment: Moment) -> None:
        """The run below went on; when it is over, the saved model takes its place."""
        if not isinstance(self._talker, LiveTalker) or not self.can_draw:
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

    # what is asked

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
        line = self.line
        typed = "" if is_command(line) else self._known(plain_text(line))
        return self.conversation.after(self.conversation.text, typed)

    def _predict(self) -> None:
        if self._talker is not None and self._awake and self._wish is None:
            self._asked = self._ahead()
            self._talker.predict(self._asked)

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
