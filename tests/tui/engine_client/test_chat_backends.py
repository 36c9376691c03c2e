"""What the talk screen talks to: one prediction at a time, the newest text next, and nothing that blocks or raises."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from babytrain.engine.generation.sampling import SamplingSettings
from babytrain.runs.events import Command, Predicted, Request, Sample, SamplePiece
from babytrain.runs.events.sampling_options import (
    FLOAT_OPTIONS,
    INTEGER_OPTIONS,
    format_sampling_options,
    parse_sampling_options,
)
from babytrain.runs.state.live_feed import LiveFeed
from babytrain.tui.engine_client.chat_backend import (
    ChatEvent,
    ChatFailure,
    GeneratedText,
    GenerationRequest,
    ModelReady,
    Prediction,
)
from babytrain.tui.engine_client.checkpoint_chat_backend import CheckpointChatBackend
from babytrain.tui.engine_client.conversation import SAMPLING_SETTINGS, next_value
from babytrain.tui.engine_client.errors import UsageError
from babytrain.tui.engine_client.live_chat_backend import LiveChatBackend
from babytrain.tui.engine_client.run_sources import LiveSource
from tests.timeouts import LONGEST_WAIT_SECONDS
from tests.tui.scripted import ScriptedModel

SETTINGS_NOW = SamplingSettings(temperature=0.5, top_k=40)


class Run:
    """A live backend and the engine's end of its feed."""

    def __init__(self, reader: ScriptedModel | None = None) -> None:
        self.events: list[ChatEvent] = []
        self.source = LiveSource(LiveFeed())
        self.backend = LiveChatBackend(self.source, reader, self.events.append)

    def asked(self) -> list[Any]:
        requests = []
        while not self.source.feed.requests.empty():
            requests.append(self.source.feed.requests.get())
        return requests

    def answer(self, *events: Any) -> None:
        for event in events:
            self.source.feed.events.put(event)
        self.source.poll()
        self.backend.update(self.source.snapshot())


def predicted(prompt: str) -> Predicted:
    return Predicted(t=1.0, step=1, prompt=prompt, tokens=("o", "e"), probabilities=(0.8, 0.1))


def text(prompt: str, written: str, *, requested: bool = True, seed: int = 3) -> Sample:
    facts: dict[str, Any] = {"t": 1.0, "step": 1, "sample_id": 1, "temperature": 0.8, "seconds": 0.1}
    return Sample(**facts, prompt=prompt, text=written, requested=requested, talk=requested, seed=seed)


def obeyed(request: Request) -> Command:
    """What the engine puts on record behind the answer to a request."""
    return Command(t=1.0, step=1, command_id=request.command_id, action=request.action, status="applied")


def test_only_one_prediction_is_under_way_and_the_newest_text_is_next() -> None:
    run = Run()
    for typed in ("h", "he", "hel", "hell"):
        run.backend.predict(typed)
    (first,) = run.asked()
    assert first.text == "h"
    run.answer(predicted("h"), obeyed(first))
    assert run.events == [Prediction("h", (("o", 0.8), ("e", 0.1)))]
    (second,) = run.asked()
    assert second.text == "hell"
    run.answer()
    assert run.asked() == []
    run.answer(predicted("hell"), obeyed(second))
    assert run.events[-1] == Prediction("hell", (("o", 0.8), ("e", 0.1)))
    assert run.asked() == []


def test_a_refused_prediction_is_a_sentence_and_the_next_one_is_asked() -> None:
    run = Run()
    run.backend.predict("a")
    (request,) = run.asked()
    run.backend.predict("b")
    refusal = Command(
        t=1.0, step=1, command_id=request.command_id, action="predict", status="refused", reason="no weights"
    )
    run.answer(refusal)
    assert run.events == [ChatFailure("no weights")]
    assert [one.text for one in run.asked()] == ["b"]


def test_a_text_is_asked_for_with_its_settings_and_heard_piece_by_piece() -> None:
    run = Run()
    wanted = GenerationRequest("frog", SETTINGS_NOW, 70, 3)
    run.backend.generate(wanted)
    (request,) = run.asked()
    assert (request.action, request.text) == ("sample", "frog")
    assert parse_sampling_options(request.dial) == {
        "temperature": 0.5, "top_k": 40, "top_p": 1.0, "min_p": 0.0, "repetition_penalty": 1.0, "tokens": 70, "seed": 3,
        "talk": 1,
    }  # fmt: skip
    due = {"t": 1.0, "step": 1, "sample_id": 1}
    run.answer(SamplePiece(**due, prompt="", text="not ours"), text("", "not ours either", requested=False))
    assert run.events == []
    run.answer(SamplePiece(**due, prompt="frog", text=" sits", talk=True))
    run.answer(text("frog", " sits\n\nand more"), obeyed(request))
    assert run.events == [
        GeneratedText(wanted, " sits", False, "frog"),
        GeneratedText(wanted, " sits\n\n", True, "frog"),
    ]


def test_the_rest_behind_a_blank_line_is_given_up() -> None:
    run = Run()
    wanted = GenerationRequest("frog", SETTINGS_NOW, 70, 3)
    run.backend.generate(wanted)
    (request,) = run.asked()
    run.answer(SamplePiece(t=1.0, step=1, sample_id=1, prompt="frog", text=" sits\n\nan", talk=True))
    assert run.source.feed.cancelled == {request.command_id}
    run.answer(text("frog", " sits\n\nand"), obeyed(request))
    assert run.events == [GeneratedText(wanted, " sits\n\n", True, "frog")]


def test_a_stopped_text_is_given_up_and_not_heard_of_again() -> None:
    run = Run()
    run.backend.generate(GenerationRequest("frog", SETTINGS_NOW, 70, 3))
    (request,) = run.asked()
    run.backend.stop()
    assert run.source.feed.cancelled == {request.command_id}
    run.answer(text("frog", " sits"), obeyed(request))
    assert run.events == []


def test_what_comes_late_of_a_stopped_text_is_not_taken_for_the_next_one() -> None:
    run = Run()
    run.backend.generate(GenerationRequest("frog", SETTINGS_NOW, 70, 3))
    (stopped,) = run.asked()
    run.backend.stop()
    wanted = GenerationRequest("toad", SETTINGS_NOW, 70, 4)
    run.backend.generate(wanted)
    (request,) = run.asked()
    run.answer(text("frog", " sits"), obeyed(stopped))
    assert run.events == []
    run.answer(text("toad", " naps", seed=4), obeyed(request))
    assert run.events == [GeneratedText(wanted, " naps", True, "toad")]


def test_an_answer_of_an_earlier_session_is_none() -> None:
    run = Run()
    run.answer(text("frog", " sat"), Command(t=0.5, step=1, command_id=1, action="sample", status="applied"))
    run.backend.generate(GenerationRequest("frog", SETTINGS_NOW, 70, 3))
    (request,) = run.asked()
    assert request.command_id == 1
    run.answer()
    assert run.events == []


def test_what_the_model_cannot_read_is_not_sent() -> None:
    run = Run(ScriptedModel(context=5))
    run.backend.predict("a fr\u00e9og")
    assert [request.text for request in run.asked()] == [" frog"]


def saved(
    author: ScriptedModel, **others: ScriptedModel
) -> tuple[CheckpointChatBackend, list[ChatEvent], threading.Thread, threading.Event]:
    events: list[ChatEvent] = []
    news = threading.Event()

    def on_event(event: ChatEvent) -> None:
        events.append(event)
        news.set()

    def load(at: str) -> ScriptedModel:
        if at not in authors:
            raise UsageError([f"There is no checkpoint '{at}'."])
        return authors[at]

    authors = {"best": author, **others}
    backend = CheckpointChatBackend(load, "best", on_event)
    thread = threading.Thread(target=backend.run)
    return backend, events, thread, news


def test_a_saved_model_answers_in_its_own_thread_and_ends_with_its_listener() -> None:
    backend, events, thread, news = saved(ScriptedModel())
    backend.predict("he")
    backend.predict("hell")
    thread.start()
    while len(events) < 2:
        assert news.wait(LONGEST_WAIT_SECONDS)
    wanted = GenerationRequest("frog", SETTINGS_NOW, 70, 3)
    backend.generate(wanted)
    while not (isinstance(events[-1], GeneratedText) and events[-1].done):
        assert news.wait(LONGEST_WAIT_SECONDS)
    backend.close()
    thread.join(LONGEST_WAIT_SECONDS)
    assert not thread.is_alive()
    assert events[0] == ModelReady("step 500")
    assert isinstance(events[1], Prediction)
    assert (events[1].text, events[1].likeliest[0]) == ("hell", ("o", 0.81))
    assert events[-1] == GeneratedText(wanted, " leaps into\nthe quiet pond\n\n", True)


def test_a_saved_model_stops_when_told() -> None:
    author = ScriptedModel()
    author.may_write.clear()
    backend, events, thread, news = saved(author)
    thread.start()
    backend.generate(GenerationRequest("frog", SETTINGS_NOW, 70, 3))
    while not any(isinstance(one, GeneratedText) for one in events):
        assert news.wait(LONGEST_WAIT_SECONDS)
    backend.stop()
    author.may_write.set()
    backend.predict("hell")
    while not isinstance(events[-1], Prediction):
        assert news.wait(LONGEST_WAIT_SECONDS)
    backend.close()
    thread.join(LONGEST_WAIT_SECONDS)
    assert not any(isinstance(one, GeneratedText) and one.done for one in events)


@pytest.mark.parametrize(
    ("failure", "sentence"),
    [
        (MemoryError(), "The model cannot answer (there is not enough memory)."),
        (RuntimeError("out of threads"), "The model cannot answer (out of threads)."),
        (UsageError(["The weights are damaged."]), "The weights are damaged."),
    ],
)
def test_a_saved_model_that_breaks_says_so_and_answers_the_next_request(failure: Exception, sentence: str) -> None:
    model = ScriptedModel(failure=failure)
    backend, events, thread, news = saved(model)

    def wait_for(kind: type[ChatEvent]) -> None:
        while not isinstance(events[-1] if events else None, kind):
            assert news.wait(LONGEST_WAIT_SECONDS)
            assert thread.is_alive()

    backend.predict("hell")
    thread.start()
    wait_for(ChatFailure)
    assert events[-1] == ChatFailure(sentence)
    request = GenerationRequest("frog", SETTINGS_NOW, 70, 3)
    backend.generate(request)
    while events[-1] != ChatFailure(sentence, request=request):
        assert news.wait(LONGEST_WAIT_SECONDS)
        assert thread.is_alive()
    model.failure = None
    backend.predict("hell")
    wait_for(Prediction)
    backend.close()
    thread.join(LONGEST_WAIT_SECONDS)


def test_of_a_checkpoint_that_is_not_there_the_model_stays_awake() -> None:
    backend, events, thread, news = saved(ScriptedModel(), last=ScriptedModel(step=900))
    thread.start()
    backend.load("999")
    while len(events) < 3:
        assert news.wait(LONGEST_WAIT_SECONDS)
    backend.load("last")
    while len(events) < 4:
        assert news.wait(LONGEST_WAIT_SECONDS)
    backend.close()
    thread.join(LONGEST_WAIT_SECONDS)
    assert events == [
        *(ModelReady("step 500"), ChatFailure("There is no checkpoint '999'."), ModelReady("step 500")),
        ModelReady("step 900"),
    ]


def test_a_model_that_cannot_be_loaded_is_a_sentence() -> None:
    events: list[ChatEvent] = []

    def broken(at: str) -> Any:
        raise RuntimeError("boom")

    def refused(at: str) -> Any:
        raise UsageError(["There is no checkpoint."])

    CheckpointChatBackend(refused, "best", events.append).run()
    CheckpointChatBackend(broken, "best", events.append).run()
    assert events[0] == ChatFailure("There is no checkpoint.", final=True)
    assert isinstance(events[1], ChatFailure)
    assert "boom" in events[1].sentence


SETTINGS_IN_COMMANDS = st.fixed_dictionaries(
    {},
    optional={name: st.floats(allow_nan=False) for name in FLOAT_OPTIONS}
    | {name: st.integers(0, 2**63) for name in INTEGER_OPTIONS},
)


@given(SETTINGS_IN_COMMANDS)
def test_settings_survive_the_way_through_a_command(wanted: dict[str, float]) -> None:
    assert parse_sampling_options(format_sampling_options(wanted)) == wanted


@given(st.text())
def test_whatever_stands_in_a_command_can_be_read(words: str) -> None:
    assert set(parse_sampling_options(words)) <= {*FLOAT_OPTIONS, *INTEGER_OPTIONS}


def test_only_settings_become_words() -> None:
    with pytest.raises(KeyError):
        format_sampling_options({"lr": 1.0})


@pytest.mark.parametrize("name", SAMPLING_SETTINGS)
def test_a_setting_is_turned_in_notches_that_the_model_takes_and_ends_somewhere(name: str) -> None:
    field = name.replace("-", "_")
    for direction in (1, -1):
        value = getattr(SamplingSettings(), field)
        for _ in range(30):
            value = next_value(name, value, direction)
            SamplingSettings(**{field: int(value) if field == "top_k" else value})
        assert next_value(name, value, direction) == value
