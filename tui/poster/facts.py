"""What is true of a run, in the words of the poster. Nothing is drawn here."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from babytrain.runs.events import GpuReading, Reading, Sample, Started
from babytrain.runs.growth import grown_up
from babytrain.runs.state import Moment
from babytrain.tui.widgets.units import (
    format_bytes,
    format_compact,
    format_count,
    format_loss,
    format_percent,
    format_rate,
    format_seconds,
)

NOT_SAID = "–"
EXAM, GUESSED = "final exam", "guessed right"


@dataclass(frozen=True)
class Fact:
    """A figure with its name above and a remark below."""

    label: str
    value: str
    remark: str = ""


def run_name(moment: Moment) -> str:
    """What the run is called."""
    return (moment.started.name or moment.started.run_id) if moment.started else "a run"


def subtitle(moment: Moment) -> str:
    """What it is, in one line."""
    started = moment.started
    if started is None:
        return "a language model"
    what = started.corpus.name or "a text"
    return f"a language model of {format_count(started.parameters)} parameters, raised on {what}"


def day_of(moment: Moment) -> str:
    """The day the run began: `22 November 2026`."""
    if moment.started is None:
        return ""
    try:
        day = time.localtime(moment.started.wall_time)
    except (OverflowError, ValueError, OSError):  # a damaged journal may claim any date
        return ""
    return f"{day.tm_mday} {time.strftime('%B %Y', day)}"


def ending(moment: Moment) -> str:
    """How it ended, when not as planned."""
    if moment.ended is None:
        return f"unfinished, at step {format_count(moment.step)}"
    if moment.ended.status == "done":
        return ""
    return f"{moment.ended.status}: {moment.ended.reason}" if moment.ended.reason else moment.ended.status


def facts_of(moment: Moment, provenance: Mapping[str, Any]) -> list[Fact]:
    """Parameters, data, time, machine and how good it got."""
    started = moment.started
    if started is None:
        return []
    return [
        Fact("parameters", format_count(started.parameters), _shape(started)),
        _data(started, moment),
        Fact("time", format_seconds(moment.t), f"{format_count(moment.step)} steps, {_speed(moment)}"),
        _machine(started, moment, provenance),
        _loss(moment),
        _grown(moment),
        *_exam(moment),
    ]


def _exam(moment: Moment) -> list[Fact]:
    """How many of its last poems are poems, where it had an exam."""
    held = moment.state.exams.until(moment.t)
    if not held:
        return []
    newest = held[-1]
    own = "all its own" if newest.new == newest.valid else f"{format_count(newest.new)} of them its own"
    remark = "poems in 5-7-5 at the end" + (f", {own}" if newest.valid else "")
    return [Fact(EXAM, f"{format_count(newest.valid)} of {format_count(newest.poems)}", remark)]


def _shape(started: Started) -> str:
    config = started.config
    shape = [f"{config[key]} {key}" for key in ("layers", "heads") if key in config]
    return ", ".join([*shape, *([f"width {config['width']}"] if "width" in config else [])])


def _data(started: Started, moment: Moment) -> Fact:
    facts = started.corpus
    unit = "ones" if facts.tokenizer == "char" else "tokens"
    remark = f"characters, {format_count(facts.vocabulary_size)} different {unit}, read {_times(moment.epoch)}"
    return Fact("data", format_count(facts.characters), remark)


def _times(epoch: float) -> str:
    if not math.isfinite(epoch):
        return NOT_SAID
    if 0 < epoch < 0.1:
        return f"{epoch:.1g} times"
    return f"{epoch:.1f} times" if epoch < 100 else f"{format_compact(epoch)} times"


def _speed(moment: Moment) -> str:
    ended = moment.ended
    return format_rate(ended.tokens_per_second if ended else moment.tokens_per_second(10_000), "tokens/s")


def _machine(started: Started, moment: Moment, provenance: Mapping[str, Any]) -> Fact:
    card = training_card(moment)
    name = started.device_name or (card.name if card else "") or str(provenance.get("cpu_model", ""))
    words = [started.precision] if started.precision else []
    if started.device == "cpu":
        words.append(f"{started.threads} thread{'s' if started.threads != 1 else ''}")
    if card is not None and card.nickname:
        return Fact("machine", card.nickname, ", ".join([name, *words]))
    if card is not None and card.memory_total_bytes:
        words.append(format_bytes(card.memory_total_bytes))
    return Fact("machine", name or started.device or NOT_SAID, ", ".join([*([started.device] if name else []), *words]))


def training_card(moment: Moment) -> GpuReading | None:
    """The card the run trains on, None when it trains on the processor."""
    vitals, started = moment.vitals, moment.started
    if vitals is None or started is None or started.device == "cpu":
        return None
    return next((card for card in vitals.gpus if card.trains), vitals.gpus[0] if vitals.gpus else None)


def loss_unit(moment: Moment) -> str:
    """What a loss is counted per."""
    started = moment.started
    return "character" if started is not None and started.corpus.tokenizer == "char" else "token"


def _loss(moment: Moment) -> Fact:
    best = moment.best_eval
    if best is None:
        return Fact("loss", format_loss(moment.loss), "of training; it was never evaluated")
    bits = best.val_loss / math.log(2)
    return Fact("best loss", f"{best.val_loss:.3f}", f"nats per {loss_unit(moment)}, or {bits:.2f} bits")


def _grown(moment: Moment) -> Fact:
    best, started = moment.best_eval, moment.started
    letters = moment.letters
    grown = grown_up(best.val_loss, started.corpus) if best and started else None
    if letters:
        right = format_percent(100 * letters[-1].accuracy)
        remark = f"of the next {loss_unit(moment)}s in text it never saw"
        return Fact(GUESSED, right, remark)
    if grown is not None:
        return Fact("grown up", format_percent(100 * grown), "of the way from chance to all there is to know")
    return Fact("tokens", format_compact(moment.tokens), "seen in training")


def judged(reading: Reading | None) -> list[str]:
    """What the judges said of a sample, a few words each; empty when they said nothing."""
    if reading is None:
        return []
    said = []
    if reading.haiku and reading.valid_haiku is not None:
        said.append(f"{reading.valid_haiku} of {reading.haiku} poems 5-7-5")
    if reading.new_haiku:
        said.append(f"{reading.new_haiku} never trained on")
    if reading.real_word_share is not None:
        said.append(f"{format_percent(100 * reading.real_word_share)} real words")
    if reading.parrot_index is not None:
        said.append(f"parrot index {reading.parrot_index:.1f}")
    return said


def drawn_how(sample: Sample) -> str:
    """How a sample was drawn: `temperature 0.8, seed 1337`."""
    parts = [f"temperature {sample.temperature:g}"]
    if sample.top_k:
        parts.append(f"top {sample.top_k}")
    if sample.top_p < 1:
        parts.append(f"top p {sample.top_p:g}")
    if sample.min_p > 0:
        parts.append(f"min p {sample.min_p:g}")
    if sample.repetition_penalty != 1:
        parts.append(f"repetition penalty {sample.repetition_penalty:g}")
    return ", ".join([*parts, f"seed {sample.seed}"])
