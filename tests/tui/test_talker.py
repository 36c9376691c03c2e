"""Whom one talks to: one question at a time, the newest one next, and nothing that blocks or raises."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from babytrain.engine.token_choice import SamplingSettings
from babytrain.runs.events import Command, Predicted, Request, Sample, SamplePiece
from babytrain.runs.feed import LiveFeed
from babytrain.runs.sampling_wish import FLOATS, WHOLE, read_sampling_words, sampling_words
from babytrain.tui.live_talker import LiveTalker
from babytrain.tui.saved_talker import SavedTalker
from babytrain.tui.source import LiveSource
from babytrain.tui.talker import SETTINGS, Failed, Foretold, Heard, Wish, Woken, Written, next_rung
from tests.patience import LONGEST_WAIT_SECONDS
from tests.tui.scripted import ScriptedAuthor

SETTINGS_NOW = SamplingSettings(temperature=0.5, top_k=40)


class Run:
    """A live talker and the engine's end of its feed."""

    def __init__(self, reader: ScriptedAuthor | None = None) -> None:
        self.heard: list[Heard] = []
        self.source = LiveSource(LiveFeed())
        self.talker = LiveTalker(self.source, reader, self.heard.append)

    def asked(self) -> list[Any]:
        requests = []
        while not self.source.feed.requests.empty():
            requests.append(self.source.feed.requests.get())
        return requests

    def answer(self, *events: Any) -> None:
        for event in events:
            self.source.feed.events.put(event)
        self.source.poll()
        self.talker.look(self.source.moment())


def predicted(prompt: str) -> Predicted:
    return Predicted(t=1.0, step=1, prompt=prompt, tokens=("o", "e"), probabilities=(0.8, 0.1))


def text(prompt: str, written: str, *, asked: bool = True, seed: int = 3) -> Sample:
    facts: dict[str, Any] = {"t": 1.0, "step": 1, "sample_id": 1, "temperature": 0.8, "seconds": 0.1}
    return Sample(**facts, prompt=prompt, text=written, asked=asked, seed=seed)


def obeyed(request: Request) -> Command:
    """What the engine puts on record behind the answer to a request."""
    return Command(t=1.0, step=1, command_id=request.command_id, action=request.action, status="applied")


def test_only_one_prediction_is_under_way_and_the_newest_text_is_next() -> None:
    run = Run()
    for typed in ("h", "he", "hel", "hell"):
        run.talker.predict(typed)
    (first,) = run.asked()
    assert first.text == "h"
    run.answer(predicted("h"), obeyed(first))
    assert run.heard == [Foretold("h", (("o", 0.8), ("e", 0.1)))]
    (second,) = run.asked()
    assert second.text == "hell"
    run.answer()
    assert run.asked() == []
    run.answer(predicted("hell"), obeyed(second))
    assert run.heard[-1] == Foretold("hell", (("o", 0.8), ("e", 0.1)))
    assert run.asked() == []


def test_a_refused_prediction_is_a_sentence_and_the_next_one_is_asked() -> None:
    run = Run()
    run.talker.predict("a")
    (request,) = run.asked()
    run.talker.predict("b")
    refusal = Command(
        t=1.0, step=1, command_id=request.command_id, action="predict", status="refused", reason="no weights"
    )
    run.answer(refusal)
    assert run.heard == [Failed("no weights")]
    assert [one.text for one in run.asked()] == ["b"]


def test_a_text_is_asked_for_with_its_settings_and_heard_piece_by_piece() -> None:
    run = Run()
    wish = Wish("frog", SETTINGS_NOW, 70, 3)
    run.talker.write(wish)
    (request,) = run.asked()
    assert (request.action, request.text) == ("sample", "frog")
    assert read_sampling_words(request.dial) == {
        "temperature": 0.5, "top_k": 40, "top_p": 1.0, "min_p": 0.0, "repetition_penalty": 1.0, "tokens": 70, "seed": 3,
    }  # fmt: skip
    due = {"t": 1.0, "step": 1, "sample_id": 1}
    run.answer(SamplePiece(**due, prompt="", text="not ours"), text("", "not ours either", asked=False))
    assert run.heard == []
    run.answer(SamplePiece(**due, prompt="frog", text=" sits"))
    run.answer(text("frog", " sits\n\nand more"), obeyed(request))
    assert run.heard == [Written(wish, " sits", False, "frog"), Written(wish, " sits\n\n", True, "frog")]


def test_the_rest_behind_a_blank_line_is_given_up() -> None:
    run = Run()
    wish = Wish("frog", SETTINGS_NOW, 70, 3)
    run.talker.write(wish)
    (request,) = run.asked()
    run.answer(SamplePiece(t=1.0, step=1, sample_id=1, prompt="frog", text=" sits\n\nan"))
    assert run.source.feed.given_up == {request.command_id}
    run.answer(text("frog", " sits\n\nand"), obeyed(request))
    assert run.heard == [Written(wish, " sits\n\n", True, "frog")]


def test_a_stopped_text_is_given_up_and_not_heard_of_again() -> None:
    run = Run()
    run.talker.write(Wish("frog", SETTINGS_NOW, 70, 3))
    (request,) = run.asked()
    run.talker.stop()
    assert run.source.feed.given_up == {request.command_id}
    run.answer(text("frog", " sits"), obeyed(request))
    assert run.heard == []


def test_what_comes_late_of_a_stopped_text_is_not_taken_for_the_next_one() -> None:
    run = Run()
    run.talker.write(Wish("frog", SETTINGS_NOW, 70, 3))
    (stopped,) = run.asked()
    run.talker.stop()
    wish = Wish("toad", SETTINGS_NOW, 70, 4)
    run.talker.write(wish)
    (request,) = run.asked()
    run.answer(text("frog", " sits"), obeyed(stopped))
    assert run.heard == []
    run.answer(text("toad", " naps", seed=4), obeyed(request))
    assert run.heard == [Written(wish, " naps", True, "toad")]


def test_an_answer_of_an_earlier_session_is_none() -> None:
    run = Run()
    run.answer(text("frog", " sat"), Command(t=0.5, step=1, command_id=1, action="sample", status="applied"))
    run.talker.write(Wish("frog", SETTINGS_NOW, 70, 3))
    (request,) = run.asked()
    assert request.command_id == 1
    run.answer()
    assert run.heard == []


def test_what_the_model_cannot_read_is_not_sent() -> None:
    run = Run(ScriptedAuthor(context=5))
    run.talker.predict("a fr\u00e9og")
    assert [request.text for request in run.asked()] == [" frog"]


def saved(
    author: ScriptedAuthor, **others: ScriptedAuthor
) -> tuple[SavedTalker, list[Heard], threading.Thread, threading.Event]:
    heard: list[Heard] = []
    news = threading.Event()

    def tell(one: Heard) -> None:
        heard.append(one)
        news.set()

    def load(at: str) -> ScriptedAuthor:
        if at not in authors:
            raise ValueError(f"There is no checkpoint '{at}'.")
        return authors[at]

    authors = {"best": author, **others}
    talker = SavedTalker(load, "best", tell)
    thread = threading.Thread(target=talker.run)
    return talker, heard, thread, news


def test_a_saved_model_answers_in_its_own_thread_and_ends_with_its_listener() -> None:
    talker, heard, thread, news = saved(ScriptedAuthor())
    talker.predict("he")
    talker.predict("hell")
    thread.start()
    while len(heard) < 2:
        assert news.wait(LONGEST_WAIT_SECONDS)
    wish = Wish("frog", SETTINGS_NOW, 70, 3)
    talker.write(wish)
    while not (isinstance(heard[-1], Written) and heard[-1].over):
        assert news.wait(LONGEST_WAIT_SECONDS)
    talker.close()
    thread.join(LONGEST_WAIT_SECONDS)
    assert not thread.is_alive()
    assert heard[0] == Woken("step 500")
    assert isinstance(heard[1], Foretold)
    assert (heard[1].text, heard[1].likeliest[0]) == ("hell", ("o", 0.81))
    assert heard[-1] == Written(wish, " leaps into\nthe quiet pond\n\n", True)


def test_a_saved_model_stops_when_told() -> None:
    author = ScriptedAuthor()
    author.may_write.clear()
    talker, heard, thread, news = saved(author)
    thread.start()
    talker.write(Wish("frog", SETTINGS_NOW, 70, 3))
    while not any(isinstance(one, Written) for one in heard):
        assert news.wait(LONGEST_WAIT_SECONDS)
    talker.stop()
    author.may_write.set()
    talker.predict("hell")
    while not isinstance(heard[-1], Foretold):
        assert news.wait(LONGEST_WAIT_SECONDS)
    talker.close()
    thread.join(LONGEST_WAIT_SECONDS)
    assert not any(isinstance(one, Written) and one.over for one in heard)


def test_of_a_checkpoint_that_is_not_there_the_model_stays_awake() -> None:
    talker, heard, thread, news = saved(ScriptedAuthor(), last=ScriptedAuthor(step=900))
    thread.start()
    talker.wake("999")
    while len(heard) < 3:
        assert news.wait(LONGEST_WAIT_SECONDS)
    talker.wake("last")
    while len(heard) < 4:
        assert news.wait(LONGEST_WAIT_SECONDS)
    talker.close()
    thread.join(LONGEST_WAIT_SECONDS)
    assert heard == [
        *(Woken("step 500"), Failed("There is no checkpoint '999'."), Woken("step 500")),
        Woken("step 900"),
    ]


def test_a_model_that_cannot_be_loaded_is_a_sentence() -> None:
    heard: list[Heard] = []

    def broken(at: str) -> Any:
        raise RuntimeError("boom")

    def refused(at: str) -> Any:
        raise ValueError("There is no checkpoint.")

    SavedTalker(refused, "best", heard.append).run()
    SavedTalker(broken, "best", heard.append).run()
    assert heard[0] == Failed("There is no checkpoint.", final=True)
    assert isinstance(heard[1], Failed)
    assert "RuntimeError: boom" in heard[1].sentence


WISHES = st.fixed_dictionaries(
    {},
    optional={name: st.floats(allow_nan=False) for name in FLOATS} | {name: st.integers(0, 2**63) for name in WHOLE},
)


@given(WISHES)
def test_settings_survive_the_way_through_a_command(wish: dict[str, float]) -> None:
    assert read_sampling_words(sampling_words(wish)) == wish


@given(st.text())
def test_whatever_stands_in_a_command_can_be_read(words: str) -> None:
    assert set(read_sampling_words(words)) <= {*FLOATS, *WHOLE}


def test_only_settings_become_words() -> None:
    with pytest.raises(KeyError):
        sampling_words({"lr": 1.0})


@pytest.mark.parametrize("name", SETTINGS)
def test_a_setting_is_turned_in_notches_that_the_model_takes_and_ends_somewhere(name: str) -> None:
    field = name.replace("-", "_")
    for direction in (1, -1):
        value = getattr(SamplingSettings(), field)
        for _ in range(30):
            value = next_rung(name, value, direction)
            SamplingSettings(**{field: int(value) if field == "top_k" else value})
        assert next_rung(name, value, direction) == value
