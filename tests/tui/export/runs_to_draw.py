"""Runs with everything in them that a poster or a report can show, and any text wherever a text can stand."""

from __future__ import annotations

import math
from typing import Any

import msgspec

from babytrain.runs.events import (
    AnyEvent,
    Baselines,
    Command,
    Confusion,
    Energy,
    EnergySource,
    GpuReading,
    GuardEvent,
    HostReading,
    Letters,
    LogMessage,
    Milestone,
    PolicyEvent,
    Sample,
    TextMetrics,
    Verdict,
    Vitals,
)
from babytrain.runs.state.run_state import RunSnapshot, RunState
from tests.runs.builders import FACTS, checkpoint, ended, evaluation, resumed, started, step

POEM = "an old frog dreams on\nthe river forgets its name\nsnow on the mailbox"


def sample(number: int, text: str, **changes: Any) -> Sample:
    facts: dict[str, Any] = {"sample_id": number, "prompt": "", "seed": 1337, "temperature": 0.8, "seconds": 0.1}
    return Sample(t=number * 0.5, step=number, text=text, **(facts | changes))


def moment_of(*events: AnyEvent) -> RunSnapshot:
    state = RunState()
    state.apply_all(events)
    return state.at()


def full_run(
    words: str = "ziggy",
    *,
    steps: int = 60,
    name: str | None = None,
    lr: float = 3e-3,
    written: str | None = None,
) -> RunSnapshot:
    """A finished run in which `words` stands in every place that a text can come from."""
    t, n = steps * 0.5, steps
    gpu = GpuReading(index=0, name=words, nickname=words, trains=True, temperature_celsius=61.0, power_watts=143.0)
    return moment_of(
        started(
            name=words if name is None else name,
            device="cuda",
            device_name=words,
            config={"lr": lr, "corpus": words, "currency": "EUR", "electricity_price_per_kwh": 0.34, words: words},
            corpus=msgspec.structs.replace(FACTS, name=words, tokenizer="char", sha256=words),
        ),
        Baselines(t=0.0, step=0, uniform=4.1, unigram=3.2, bigram=2.4, trigram=1.9, fivegram=1.5),
        evaluation(0, 4.2),
        *(step(number, loss=1.0 + 3 * math.exp(-number / 15)) for number in range(1, steps + 1)),
        Vitals(t=1.0, step=2, host=HostReading(temperature_celsius=50.0), gpus=(gpu,), gpu_note=words),
        Vitals(t=t, step=n, host=HostReading(temperature_celsius=50.0), gpus=(gpu,), gpu_note=words),
        evaluation(n // 2, 1.6),
        Command(t=3.0, step=6, command_id=1, action="note", status="applied", text=words),
        Command(t=3.0, step=6, command_id=2, action="stop", status="refused", reason=words),
        GuardEvent(t=5.0, step=10, cause="spike", action="skipped", text=words),
        Verdict(t=6.0, step=12, verdict="learning", why=words, next_=words),
        Milestone(t=7.0, step=14, name=words, text=words),
        PolicyEvent(t=8.0, step=16, cause="heat", action="slowed", text=words),
        LogMessage(t=9.0, step=18, level="warning", text=words),
        checkpoint(20, name=words, directory=words),
        resumed(n, t, checkpoint=words, reason=words, rollback=True),
        evaluation(n, 1.2, best=True),
        sample(n, words if written is None else written, prompt=words if written is None else ""),
        TextMetrics(t=t, step=n, sample_id=n, memorisation=1.1, real_word_share=0.97, source_line=words, haiku=5,
                valid_haiku=4, new_haiku=2, new_words=(words,)),
        Letters(
            t=t, step=n, symbols=("e", "a", words), shares=(0.5, 0.3, 0.2), recalls=(0.9, 0.75, 0.1),
            precisions=(0.9, None, 0.5), confusions=(Confusion(truth=words, predicted="e", share=0.1),),
            tracked_letter="e", tracked_letter_recall=0.9, accuracy=0.86,
        ),
        Energy(
            t=t, step=n, joules=43_200.0, money=0.00408, measured_seconds=t,
            sources=(EnergySource(name=words, scope="gpu", quality="counter", joules=43_200.0, measured_seconds=t),),
        ),
        ended(n, "failed", t=t + 1, reason=words),
    )  # fmt: skip
