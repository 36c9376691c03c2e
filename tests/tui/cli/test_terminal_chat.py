"""A conversation with a model that is not there: what is read, what is kept, what is told."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from babytrain.engine.data.tokenizer import CharTokenizer
from babytrain.engine.generation.prompts import drop_unknown_characters, prepare_prompt
from babytrain.engine.generation.sampling import SamplingSettings
from babytrain.tui.cli.terminal_chat import TerminalChat
from babytrain.tui.engine_client.chat_backend import until_blank_line
from babytrain.tui.engine_client.conversation import CHAT_COMMANDS
from babytrain.tui.engine_client.errors import UsageError
from babytrain.tui.terminal.plain_output import PlainOutput

LETTERS = CharTokenizer("\n abcdefghijklmnopqrstuvwxyz/")


class FakeModel:
    """Writes what it is told to, and remembers what it was asked."""

    def __init__(self, *replies: str, context: int = 100) -> None:
        self.replies = list(replies)
        self.context = context
        self.read: list[str] = []
        self.requests: list[dict[str, Any]] = []
        self.problem = ""
        self.interrupted_after: int | None = None

    def without_unknown(self, text: str) -> tuple[str, tuple[str, ...]]:
        return drop_unknown_characters(text, LETTERS)

    def prepare(self, prompt: str) -> Any:
        return prepare_prompt(prompt, LETTERS, self.context)

    def generate(self, prompt: Any, settings: SamplingSettings, *, max_tokens: int, seed: int) -> Iterator[str]:
        if self.problem:
            raise UsageError([self.problem])
        self.read.append(prompt.text)
        self.requests.append({"settings": settings, "max_tokens": max_tokens, "seed": seed})
        for number, char in enumerate(self.replies.pop(0)[:max_tokens]):
            if number == self.interrupted_after:
                raise KeyboardInterrupt
            yield char

    def likeliest(self, prompt: Any, count: int) -> list[tuple[str, float]]:
        self.read.append(prompt.text)
        return [("o", 0.81), (" ", 0.06)][:count]


class Talk:
    """A chat and what it put on the terminal."""

    def __init__(self, model: FakeModel) -> None:
        self.texts, self.told = io.StringIO(), io.StringIO()
        self.chat = TerminalChat(
            model,  # type: ignore[arg-type]
            SamplingSettings(),
            max_tokens=50,
            seed=1,
            output=PlainOutput(self.texts, "braille"),
            messages=PlainOutput(self.told, "braille"),
            width=lambda: 60,
        )

    def say(self, *lines: str) -> str:
        return [self.chat.respond(line) for line in lines][-1]


def test_what_is_typed_begins_a_text_and_nothing_typed_goes_on_with_it() -> None:
    model = FakeModel(" sits", " sings\n\n", " end", "less")
    talk = Talk(model)
    assert talk.say("a frog", "a bee", "the", "") == "go on"
    assert model.read == ["a frog", "a bee", "the", "the end"]
    assert talk.texts.getvalue() == "a frog sits\na bee sings\n\nthe end\nless\n"
    assert talk.told.getvalue() == ""


def test_every_reply_has_a_seed_of_its_own_and_again_writes_another_one_in_its_place() -> None:
    model = FakeModel(" sits", " sleeps", " sinks")
    talk = Talk(model)
    talk.say("a frog", "/again", "/seed 9", "/again")
    assert [wish["seed"] for wish in model.requests] == [1, 2, 9]
    assert model.read == ["a frog"] * 3
    assert talk.chat.text == "a frog sinks"


def test_reset_forgets() -> None:
    model = FakeModel(" sits", " sings")
    talk = Talk(model)
    talk.say("a frog", "/reset", "a bee")
    assert model.read[1] == "a bee"


def test_it_says_once_that_the_model_sees_only_the_end() -> None:
    model = FakeModel(*["x" * 10] * 4, context=15)
    talk = Talk(model)
    talk.say("abc", "", "", "")
    assert talk.told.getvalue().count("sees only the end") == 1
    assert model.read[-1] == "x" * 15


def test_characters_the_model_never_saw_are_named_and_left_out_for_good() -> None:
    model = FakeModel(" sits", " sings")
    talk = Talk(model)
    talk.say("a \x1b龍frog", "a bee", "龍")
    assert model.read == ["a frog", "a bee"]
    assert talk.told.getvalue().count("龍") == 2
    assert talk.told.getvalue().count("--set tokenizer=byte") == 1, "what else could be done is said once"
    assert "\x1b" not in talk.told.getvalue() + talk.texts.getvalue()


def test_ctrl_c_keeps_what_was_written() -> None:
    model = FakeModel(" sits on a stone", " sings")
    model.interrupted_after = 5
    talk = Talk(model)
    assert talk.say("a frog") == "stopped"
    model.interrupted_after = None
    assert talk.say("") == "go on"
    assert model.read[1] == "a frog sits"


def test_a_reply_ends_at_a_blank_line_unless_it_shall_not() -> None:
    model = FakeModel("\n\nfrog\n\nbee", "\n\nfrog\n\nbee")
    talk = Talk(model)
    talk.say("a", "/reset", "/stop never", "a")
    assert talk.texts.getvalue() == "a\n\nfrog\n\na\n\nfrog\n\nbee\n"


@given(st.lists(st.text(alphabet="a\n", max_size=4), max_size=10))
def test_the_cut_at_a_blank_line_does_not_depend_on_the_pieces(pieces: list[str]) -> None:
    whole = "".join(pieces)
    kept = "".join(until_blank_line(iter(pieces)))
    assert kept == "".join(until_blank_line(iter(whole)))
    assert whole.startswith(kept)
    assert "\n\n" not in kept.lstrip("\n").removesuffix("\n\n")
    assert kept == whole or kept.endswith("\n\n")


def test_settings_are_turned_and_the_next_reply_follows_them() -> None:
    model = FakeModel("x")
    talk = Talk(model)
    talk.say("/temperature 0.5", "/top-k 40", "/top_p 0.9", "/min-p 0.1", "/rep 1.2", "/tokens 7", "a")
    (wish,) = model.requests
    assert wish == {"settings": SamplingSettings(0.5, 40, 0.9, 0.1, 1.2), "max_tokens": 7, "seed": 1}
    assert "temperature is 0.5." in talk.told.getvalue()


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        ("/temperature 11", "must lie between 0 and 10"),
        ("/temperature warm", "temperature is a number, not 'warm'"),
        ("/top-k 1.5", "top-k is a whole number"),
        ("/tokens 0", "between 1 and"),
        ("/seed -1", "between 0 and"),
        ("/seed x", "whole number"),
        ("/stop now", "blank or never"),
        ("/t", "/temperature or /top-k"),
        ("/", "no command /"),
        ("/\x1b[31m", "␛[31m"),
        ("/save", "where to save"),
        ("/save x", "nothing to save"),
        ("/again", "nothing to write again"),
    ],
)
def test_what_cannot_be_is_a_sentence_and_changes_nothing(command: str, sentence: str) -> None:
    talk = Talk(FakeModel())
    assert talk.say(command) == "go on"
    assert sentence in talk.told.getvalue()
    assert (talk.chat.settings, talk.chat.max_tokens, talk.chat.seed) == (SamplingSettings(), 50, 1)
    assert talk.texts.getvalue() == ""


def test_next_shows_bars_after_a_text_or_after_the_conversation() -> None:
    model = FakeModel(" sits")
    talk = Talk(model)
    talk.say("/next hell", "a frog", "/next")
    assert model.read == ["hell", "a frog", "a frog sits"]
    first, second = talk.texts.getvalue().splitlines()[:2]
    assert first.startswith("hell -> o  81% ████")
    assert second.startswith("        ␣   6% █")


def test_the_conversation_is_saved_once_and_exactly(tmp_path: Path) -> None:
    talk = Talk(FakeModel(" si\x1b[31mts\n\n", " sings"))
    file = tmp_path / "a talk.txt"
    talk.say("a frog", "a bee", f"/save {file}")
    saved = "> a frog\na frog si\x1b[31mts\n\n> a bee\na bee sings\n"
    assert file.read_text(encoding="utf-8") == saved
    talk.say(f"/save {file}", f"/save {tmp_path}/nowhere/x", "/save \x00")
    assert file.read_text(encoding="utf-8") == saved
    for sentence in ("is there already", "cannot be written", "No such file"):
        assert sentence in talk.told.getvalue()


def test_a_text_may_begin_with_a_slash() -> None:
    model = FakeModel("x")
    Talk(model).say("//quit")
    assert model.read == ["/quit"]


def test_help_names_every_command_and_quit_leaves() -> None:
    talk = Talk(FakeModel())
    assert talk.say("/help") == "go on"
    assert all(f"/{name}" in talk.told.getvalue() for name in CHAT_COMMANDS)
    assert talk.say("/q") == "quit"


def test_a_damaged_model_is_a_sentence_and_the_conversation_goes_on() -> None:
    model = FakeModel()
    model.problem = "The model's weights are damaged."
    talk = Talk(model)
    assert talk.say("a frog") == "go on"
    assert "damaged" in talk.told.getvalue()
