"""Events for tests: plain ones with sensible defaults, hypothesis strategies for any, and small whole runs."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import strategies as st

from babytrain.runs.dials.dial_state import POSITIONS
from babytrain.runs.dials.renamed_settings import RENAMED_SETTINGS
from babytrain.runs.events import (
    SCHEMA_VERSION,
    AnyEvent,
    Checkpoint,
    Command,
    CorpusInfo,
    Ended,
    Eval,
    Fan,
    GpuReading,
    HostReading,
    LogMessage,
    Phase,
    Plan,
    RatePlan,
    Resumed,
    Sample,
    SamplePiece,
    Started,
    Step,
    Vitals,
)

FACTS = CorpusInfo(
    name="haiku",
    sha256="0" * 64,
    characters=1000,
    train_tokens=900,
    val_tokens=100,
    vocabulary_size=65,
    tokenizer="char",
)


def started(**changes: Any) -> Started:
    facts: dict[str, Any] = {
        "t": 0.0,
        "step": 0,
        "schema": SCHEMA_VERSION,
        "run_id": "ziggy-20260131-120000",
        "name": "ziggy",
        "wall_time": 1_769_860_800.0,
        "config": {"lr": 3e-3, "corpus": "haiku"},
        "corpus": FACTS,
        "parameters": 800_000,
        "total_steps": 1500,
        "steps_per_epoch": 100.0,
        "tokens_per_step": 768,
        "device": "cpu",
    }
    return Started(**(facts | changes))


def step(number: int, **changes: Any) -> Step:
    facts: dict[str, Any] = {
        "t": number * 0.5,
        "step": number,
        "loss": 4.0 - number * 0.001,
        "learning_rate": 3e-3,
        "gradient_norm": 1.0,
        "tokens": number * 768,
        "step_seconds": 0.5,
    }
    return Step(**(facts | changes))


def evaluation(number: int, val_loss: float, **changes: Any) -> Eval:
    facts: dict[str, Any] = {"t": number * 0.5, "step": number, "train_loss": val_loss, "seconds": 0.1}
    return Eval(val_loss=val_loss, **(facts | changes))


def checkpoint(number: int, **changes: Any) -> Checkpoint:
    facts: dict[str, Any] = {
        "t": number * 0.5,
        "step": number,
        "directory": f"checkpoints/step-{number:09d}",
        "reason": "cadence",
        "seconds": 0.01,
    }
    return Checkpoint(**(facts | changes))


def resumed(number: int, t: float, **changes: Any) -> Resumed:
    facts: dict[str, Any] = {"wall_time": 1_769_864_400.0, "checkpoint": "x", "total_steps": 1500}
    return Resumed(t=t, step=number, **(facts | changes))


def ended(number: int, status: Any = "done", **changes: Any) -> Ended:
    facts: dict[str, Any] = {"t": number * 0.5, "reason": "", "tokens": number * 768, "tokens_per_second": 1536.0}
    return Ended(step=number, status=status, **(facts | changes))


_finite = st.floats(-1e39, 1e39)
_floats = _finite | st.sampled_from([float("nan"), float("inf"), -float("inf")])
_counts = st.integers(0, 10**15)
_wall_times = st.floats(0, 2.5e11)
_integers = st.integers(-(2**63), 2**63 - 1)
_maybe_float = st.none() | _floats
_maybe_finite = st.none() | _finite
_maybe_integer = st.none() | _integers


def any_positions(text: st.SearchStrategy[str]) -> st.SearchStrategy[dict[str, Any]]:
    """Dials and what is none, at any position."""
    return st.dictionaries(st.sampled_from(POSITIONS) | text, st.none() | _integers | _finite | text, max_size=6)


def plans(base: dict[str, Any], positions: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[Plan]:
    """Every plan that a journal may hold."""
    amounts = st.floats(0, 1e12)
    return st.builds(
        Plan,
        **base,
        dials=positions,
        rate=st.none()
        | st.builds(RatePlan, lr=amounts, warmup=_counts, wsd_decay_fraction=amounts, min_lr_ratio=amounts),
        checkpoint_every=_counts,
        minutes=amounts,
        prompts=_counts,
        sample_tokens=_counts,
        final_evaluation_tokens=_counts,
        canary_tokens=_counts,
    )


def any_event(text: st.SearchStrategy[str], times: st.SearchStrategy[float] = _floats) -> st.SearchStrategy[AnyEvent]:
    """Every kind of event with every kind of number that a journal may hold; `text` gives the texts."""
    text = text.filter(lambda word: word not in RENAMED_SETTINGS)  # a damaged first line lets old names be renamed
    base: dict[str, Any] = {"t": times, "step": _counts}
    plain_values = st.none() | st.booleans() | _integers | _finite | text
    positions = any_positions(text)
    facts = st.builds(
        CorpusInfo,
        name=text,
        sha256=text,
        characters=_integers,
        train_tokens=_integers,
        val_tokens=_integers,
        vocabulary_size=_integers,
        tokenizer=text,
        characters_per_token=_finite,
        floor_nats_per_token=_maybe_finite,
    )
    fan = st.builds(Fan, percent=_maybe_finite, rpm=_maybe_finite)
    gpu = st.builds(
        GpuReading,
        index=_integers,
        name=text,
        memory_used_bytes=_maybe_integer,
        temperature_celsius=_maybe_finite,
        fans=st.lists(fan, max_size=2).map(tuple),
        throttle_reasons=st.lists(text, max_size=2).map(tuple),
        missing=st.dictionaries(text, text, max_size=2),
    )
    host = st.builds(
        HostReading,
        cpu_percent=_maybe_finite,
        core_percents=st.lists(_finite, max_size=3).map(tuple),
        memory_used_bytes=_maybe_integer,
        plugged_in=st.none() | st.booleans(),
    )
    return st.one_of(
        st.builds(
            Started,
            **base,
            schema=_integers,
            run_id=text,
            name=text,
            wall_time=_wall_times,
            config=st.dictionaries(text, plain_values, max_size=3),
            corpus=facts,
            parameters=_integers,
            total_steps=_integers,
            steps_per_epoch=_finite,
            tokens_per_step=_integers,
            device=text,
        ),
        st.builds(
            Step,
            **base,
            loss=_floats,
            learning_rate=_floats,
            gradient_norm=_floats,
            tokens=_counts,
            step_seconds=_floats,
            loss_min=_maybe_float,
            loss_max=_maybe_float,
            merged=_integers,
        ),
        st.builds(Eval, **base, val_loss=_floats, train_loss=_floats, seconds=_floats, best=st.booleans()),
        st.builds(
            Sample,
            **base,
            sample_id=_integers,
            prompt=text,
            text=text,
            seed=_integers,
            temperature=_finite,
            seconds=_finite,
        ),
        st.builds(SamplePiece, **base, sample_id=_integers, prompt=text, text=text),
        st.builds(Vitals, **base, host=host, gpus=st.lists(gpu, max_size=2).map(tuple), gpu_note=text),
        st.builds(
            Command,
            **base,
            command_id=_integers,
            action=st.sampled_from(["lr_scale", "note", "total_steps", "stop", "set", "undo"]),
            dial=text,
            status=st.sampled_from(["applied", "refused"]),
            value=_maybe_float,
            text=text,
            before=_maybe_float,
            after=_maybe_float,
            dials=st.none() | positions,
        ),
        plans(base, positions),
        st.builds(
            Checkpoint,
            **base,
            directory=text,
            reason=st.sampled_from(["cadence", "best", "requested", "end"]),
            seconds=_floats,
            val_loss=_maybe_float,
        ),
        st.builds(Phase, **base, phase=st.sampled_from(["loading", "training", "paused"])),
        st.builds(LogMessage, **base, level=st.sampled_from(["info", "warning", "error"]), text=text),
        st.builds(Resumed, **base, wall_time=_wall_times, checkpoint=text, total_steps=_integers),
        st.builds(
            Ended,
            **base,
            status=st.sampled_from(["done", "interrupted", "failed"]),
            reason=text,
            tokens=_integers,
            tokens_per_second=_floats,
            val_loss=_maybe_float,
            best_val_loss=_maybe_float,
            best_step=_maybe_integer,
        ),
    )


@st.composite
def recorded_run(draw: st.DrawFn, most_events: int = 25) -> list[AnyEvent]:
    """A run as an engine would record it: time never runs back, steps count up, now and then it is resumed."""
    events: list[AnyEvent] = [started()]
    t, number, sample_id = 0.0, 0, 0
    loss = st.floats(0.1, 10.0) | st.sampled_from([float("nan"), float("inf")])
    for kind in draw(st.lists(st.sampled_from("ssssssssevmvcpnkxr"), max_size=most_events)):
        t += draw(st.sampled_from([0.0, 0.25, 1.0]))
        match kind:
            case "s":
                number += 1
                events.append(step(number, t=t, loss=draw(loss)))
            case "e":
                events.append(evaluation(number, draw(loss), t=t))
            case "v":
                events.append(Vitals(t=t, step=number, host=HostReading(cpu_percent=draw(st.floats(0, 100)))))
            case "m":
                sample_id += 1
                events.append(
                    Sample(
                        t=t, step=number, sample_id=sample_id, prompt="", text="x", seed=1, temperature=0.8, seconds=0.1
                    )
                )
            case "c":
                after = draw(st.none() | st.floats(1, 100) | st.just(float("nan")))
                events.append(
                    Command(t=t, step=number, command_id=1, action="total_steps", status="applied", after=after)
                )
            case "p":
                events.append(Phase(t=t, step=number, phase=draw(st.sampled_from(["training", "paused"]))))
            case "n":
                events.append(LogMessage(t=t, step=number, level="info", text="hello"))
            case "k":
                events.append(checkpoint(number, t=t))
            case "x":
                events.append(ended(number, "interrupted", t=t))
            case "r":
                number = draw(st.integers(0, number))
                events.append(resumed(number, t))
    return events


def same(one: Any, other: Any) -> bool:
    """Equality in which NaN equals NaN and 1 does not equal 1.0."""
    return repr(one) == repr(other)


def plain(event: AnyEvent) -> Any:
    """The event as builtins, for looking at it from outside."""
    return msgspec.to_builtins(event)
