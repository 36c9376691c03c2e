"""The chat screen: input line, conversation, next-token bars and sampling settings."""

from __future__ import annotations

from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container
from textual.widgets import Input

from babytrain.tui.engine_client.chat_backend import ModelReady
from babytrain.tui.engine_client.conversation import (
    BYTE_TOKENIZER_HINT,
    CHAT_COMMANDS,
    SAMPLING_SETTINGS,
    find_chat_command,
    is_chat_command,
    next_value,
    unescaped_line,
)
from babytrain.tui.engine_client.errors import UsageError
from babytrain.tui.engine_client.live_chat_backend import LiveChatBackend
from babytrain.tui.keys.keymap import SCOPES_BY_MODE, KeyMode, bindings_in
from babytrain.tui.screens.chat_base import ChatScreenBase, ChatSetup
from babytrain.tui.terminal.charset import CharsetName
from babytrain.tui.widgets.chat.chat_lines import ChatInput, ChatTitle, NoteLine, SamplingSettingsLine
from babytrain.tui.widgets.chat.chat_pane import ChatPane, ChatView, NextTokenBars
from babytrain.tui.widgets.common.key_bar import KeyBar

SIDE_BY_SIDE_CHAT_COLUMNS = 80  # columns from which the bars are beside the text
MAX_TYPED_CHARACTERS = 20_000  # characters that may be typed or pasted at once
CHAT_HINT = (
    "Type the beginning of a text, and enter lets the model go on from it. What you type next begins another text; "
    "with nothing typed the model goes on with the newest one."
)


class ChatScreen(ChatScreenBase):
    """The widgets and commands of the chat."""

    mode: ClassVar[KeyMode] = "chat"
    required_widgets: ClassVar[tuple[str, ...]] = (
        "ChatTitle",
        "ChatPane",
        "NextTokenBars",
        "SamplingSettingsLine",
        "#chat-input",
        "NoteLine",
    )
    BINDINGS: ClassVar[list[BindingType]] = list(bindings_in(*SCOPES_BY_MODE["chat"]))

    def __init__(self, setup: ChatSetup, charset: CharsetName) -> None:
        super().__init__(setup, charset)
        self._chosen = SAMPLING_SETTINGS[0]  # the setting that up and down change

    def compose(self) -> ComposeResult:
        """Title, conversation and bars, sampling settings, input line, note, key bar."""
        yield ChatTitle(self.charset)
        with Container(id="chat-body"):
            yield ChatPane(self.charset)
            yield NextTokenBars(self.charset)
        yield SamplingSettingsLine(self.charset)
        yield ChatInput(
            placeholder="the beginning of a text", id="chat-input", compact=True, max_length=MAX_TYPED_CHARACTERS
        )
        yield NoteLine()
        yield KeyBar()

    def on_mount(self) -> None:
        """Focus the input line; the model loads meanwhile."""
        self.query_one("#chat-input").focus()
        if self._setup.live is not None:
            self._use_backend(LiveChatBackend(self._setup.live, self._setup.prompt_reader(), self._on_chat_event))
            self._model_ready(ModelReady("in training"))
        else:
            self._load("best")
        self._show()

    def on_resize(self, event: events.Resize) -> None:
        """Bars beside the text, or below it."""
        self.query_one("#chat-body").set_class(event.size.width >= SIDE_BY_SIDE_CHAT_COLUMNS, "-side-by-side")

    def _show(self) -> None:
        if not self.can_draw:
            return
        conversation = self.conversation
        writing = self._request is not None
        turns = (*conversation.turns, self._turn) if writing else tuple(conversation.turns)
        text = self._text_to_predict()
        left_out, notes = self._left_out(text)
        shows_it = writing or not self.line
        self.query_one(ChatPane).show(ChatView(turns, writing, left_out if shows_it else 0, CHAT_HINT))
        hint = self.glyphs.ellipsis if self._ready else f"waking the model{self.glyphs.ellipsis}"
        self.query_one(NextTokenBars).show(
            self._likeliest, old=self._predicted != text or writing, hint="" if self._has_failed else hint
        )
        self.query_one(SamplingSettingsLine).show(
            [(name, conversation.setting_value(name)) for name in SAMPLING_SETTINGS], self._chosen
        )
        self.query_one(NoteLine).show(*(self._notice if self._notice[0] else self._note(notes)))
        self._show_title()

    def _note(self, notes: tuple[str, ...]) -> tuple[str, str]:
        line = self.line
        if is_chat_command(line):
            word = line[1:].partition(" ")[0]
            if word == "at":
                return "/at WHICH: talk to another checkpoint: best, last, its name or its step", "$foreground 60%"
            try:
                name = find_chat_command(word)
            except UsageError:
                fitting = [name for name in CHAT_COMMANDS if name.startswith(word.lower())]
                return "  ".join(f"/{name}" for name in fitting) or f"There is no command /{word}.", "$foreground 60%"
            return f"/{name} {CHAT_COMMANDS[name][0]}: {CHAT_COMMANDS[name][1]}", "$foreground 60%"
        return " ".join(notes), "$warning"

    def _left_out(self, text: str) -> tuple[int, tuple[str, ...]]:
        """The number of leading characters outside the model's context, and notes on how the model reads the text."""
        reader = self._reader
        if reader is None:
            return 0, ()
        _, unknown = reader.without_unknown(unescaped_line(self.line))
        prompt = reader.prepare(text)
        notes = (*unknown, BYTE_TOKENIZER_HINT) if unknown else ()
        return prompt.left_out, (*notes, *prompt.notes)

    @on(Input.Changed)
    def _typed(self) -> None:
        self._notice = ("", "")
        if self._predicted != self._text_to_predict():
            self._predict()
        self._show()

    def action_go_on(self) -> None:
        """Generate from the text, or run a typed command."""
        text = self.line
        self._notice = ("", "")
        try:
            if is_chat_command(text):
                self._set_line("")
                self._run_command(text[1:])
            elif self._can_generate():
                typed = self._readable(unescaped_line(text))
                if typed or not text:
                    self._set_line("")
                    self._generate(typed)
                else:
                    self._notice = (f"Nothing of this can be read by the model. {BYTE_TOKENIZER_HINT}", "$warning")
        except UsageError as error:
            self._notice = (" ".join(error.problems), "$error")
        self._show()

    def _run_command(self, command: str) -> None:
        """Raises UsageError."""
        word, _, rest = command.partition(" ")
        rest = rest.strip()
        if word == "at" and rest:
            self._load_other(rest)
            return
        name = find_chat_command(word.strip())
        if name == "quit":
            self.dismiss(None)
        elif name == "help":
            self.app.call_later(self.app.run_action, "help")
        elif name == "again":
            self.action_again()
        elif name == "reset":
            self.action_forget()
        elif name == "save":
            self._notice = (f"The conversation is in {self.conversation.save(rest)}.", "$success")
        elif name == "next":
            self._set_line(rest)
        else:
            if rest:
                self.conversation.turn(name, rest)
            self._notice = (f"{name} is {self.conversation.setting_value(name)}.", "$success")

    def _load_other(self, at: str) -> None:
        """Talk to another checkpoint. Raises UsageError."""
        if isinstance(self._backend, LiveChatBackend):
            raise UsageError(
                ["This run is in training: it answers as it is now. Older checkpoints speak when it is over."]
            )
        self.stop_writing()
        self._load(at)

    def action_again(self) -> None:
        """Generate another reply to the same text."""
        if self._can_generate():
            try:
                self._generate(self.conversation.remove_last_reply())
            except UsageError as error:
                self._notice = (" ".join(error.problems), "$warning")
        self._show()

    def action_forget(self) -> None:
        """Start a new conversation."""
        self.stop_writing()
        self.conversation.turns.clear()
        self._notice = ("Everything written here is forgotten.", "$success")
        self._predict()
        self._show()

    def action_choose_setting(self, count: int) -> None:
        """Select the next (1) or previous (-1) sampling setting."""
        self._chosen = SAMPLING_SETTINGS[(SAMPLING_SETTINGS.index(self._chosen) + count) % len(SAMPLING_SETTINGS)]
        self._show()

    def action_turn_setting(self, direction: int) -> None:
        """Raise (1) or lower (-1) the selected setting."""
        value = next_value(self._chosen, float(self.conversation.setting_value(self._chosen)), direction)
        self.conversation.turn(self._chosen, f"{value:g}")
        self._show()

    @on(SamplingSettingsLine.Chosen)
    def _setting_clicked(self, message: SamplingSettingsLine.Chosen) -> None:
        self._chosen = message.name
        self._show()

    def action_scroll_chat(self, pages: int) -> None:
        """Scroll the conversation by pages."""
        self.query_one(ChatPane).action_scroll_pages(pages)

    def action_close(self) -> None:
        """Stop generating, or close the chat."""
        if not self.stop_writing():
            self.dismiss(None)
