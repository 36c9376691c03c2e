"""Texts of poster and report about a run: facts, electricity bill, best sample, names of several runs."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from babytrain.runs.energy.bill import BillAmounts
from babytrain.runs.energy.efficiency import JOULES_PER_WATT_HOUR
from babytrain.runs.events import Sample, Started, TextMetrics
from babytrain.runs.formatting import (
    UNKNOWN,
    format_bytes,
    format_compact,
    format_count,
    format_factor,
    format_loss,
    format_percent,
    format_rate,
    format_seconds,
)
from babytrain.runs.state.memorisation_verdict import NOTHING_TO_JUDGE, judge_memorisation
from babytrain.runs.state.progress import progress_to_floor
from babytrain.runs.state.run_state import RunSnapshot
from babytrain.runs.time_of_day import local_time
from babytrain.tui.text.energy_format import (
    NOT_MEASURED,
    SIMULATED,
    format_co2,
    format_energy,
    format_kettles,
    format_money,
)
from babytrain.tui.text.wording import GROWN_UP

FINAL_EVALUATION_LABEL, ACCURACY_LABEL = "final exam", "accuracy"


@dataclass(frozen=True)
class RunFact:
    """A figure with its label and a remark."""

    label: str
    value: str
    remark: str = ""


def run_name(snapshot: RunSnapshot) -> str:
    """The name of the run."""
    return (snapshot.started.name or snapshot.started.run_id) if snapshot.started else "a run"


def run_subtitle(snapshot: RunSnapshot) -> str:
    """The model and its corpus in one line."""
    started = snapshot.started
    if started is None:
        return "a language model"
    what = started.corpus.name or "a text"
    return f"a language model of {format_count(started.parameters)} parameters, trained on {what}"


def start_date(snapshot: RunSnapshot) -> str:
    """The day the run began: `22 November 2026`."""
    if snapshot.started is None:
        return ""
    try:
        day = local_time(snapshot.started.wall_time)
    except (OverflowError, ValueError, OSError):  # a damaged journal may claim any date
        return ""
    return f"{day.tm_mday} {time.strftime('%B %Y', day)}"


def end_status(snapshot: RunSnapshot) -> str:
    """How the run ended, "" when done."""
    if snapshot.ended is None:
        return f"unfinished, at step {format_count(snapshot.step)}"
    if snapshot.ended.status == "done":
        return ""
    return f"{snapshot.ended.status}: {snapshot.ended.reason}" if snapshot.ended.reason else snapshot.ended.status


def run_facts(snapshot: RunSnapshot, provenance: Mapping[str, Any]) -> list[RunFact]:
    """Facts about parameters, data, time, machine and results."""
    started = snapshot.started
    if started is None:
        return []
    return [
        RunFact("parameters", format_count(started.parameters), _shape(started)),
        _data(started, snapshot),
        RunFact("time", format_seconds(snapshot.t), f"{format_count(snapshot.step)} steps, {_speed(snapshot)}"),
        _machine(started, snapshot, provenance),
        _loss(snapshot),
        _progress_fact(snapshot),
        *_final_evaluation(snapshot),
    ]


def _final_evaluation(snapshot: RunSnapshot) -> list[RunFact]:
    newest = snapshot.state.final_evaluations.last_until(snapshot.t)
    if newest is None:
        return []
    own = "all its own" if newest.new == newest.valid else f"{format_count(newest.new)} of them its own"
    if newest.different is not None and newest.different < newest.valid:
        own = f"{format_count(newest.different)} different, {own}"
    remark = "poems in 5-7-5 at the end" + (f", {own}" if newest.valid else "")
    return [RunFact(FINAL_EVALUATION_LABEL, f"{format_count(newest.valid)} of {format_count(newest.poems)}", remark)]


def _shape(started: Started) -> str:
    config = started.config
    shape = [f"{config[key]} {key}" for key in ("layers", "heads") if key in config]
    return ", ".join([*shape, *([f"width {config['width']}"] if "width" in config else [])])


def _data(started: Started, snapshot: RunSnapshot) -> RunFact:
    facts = started.corpus
    unit = "ones" if facts.tokenizer == "char" else "tokens"
    remark = f"characters, {format_count(facts.vocabulary_size)} different {unit}, read {_times(snapshot.epoch)}"
    return RunFact("data", format_count(facts.characters), remark)


def _times(epoch: float) -> str:
    if not math.isfinite(epoch):
        return UNKNOWN
    if 0 < epoch < 0.1:
        return f"{format_factor(epoch)} times"
    return f"{epoch:.1f} times" if epoch < 100 else f"{format_compact(epoch)} times"


def _speed(snapshot: RunSnapshot) -> str:
    ended = snapshot.ended
    return format_rate(ended.tokens_per_second if ended else snapshot.tokens_per_second(10_000), "tok/s")


def _machine(started: Started, snapshot: RunSnapshot, provenance: Mapping[str, Any]) -> RunFact:
    on_cpu = snapshot.vitals is None or started.device == "cpu"
    card = None if on_cpu or snapshot.vitals is None else snapshot.vitals.training_gpu
    name = started.device_name or (card.name if card else "") or str(provenance.get("cpu_model", ""))
    words = [started.precision] if started.precision else []
    if started.device == "cpu":
        words.append(f"{started.threads} thread{'s' if started.threads != 1 else ''}")
    if card is not None and card.nickname:
        return RunFact("machine", card.nickname, ", ".join([name, *words]))
    if card is not None and card.memory_total_bytes:
        words.append(format_bytes(card.memory_total_bytes))
    return RunFact(
        "machine", name or started.device or UNKNOWN, ", ".join([*([started.device] if name else []), *words])
    )


def loss_unit(snapshot: RunSnapshot) -> str:
    """The unit a loss is per: "character" or "token"."""
    started = snapshot.started
    return "character" if started is not None and started.corpus.tokenizer == "char" else "token"


def loss_levels(snapshots: Sequence[RunSnapshot]) -> list[tuple[str, float]]:
    """Named losses to compare with, in nats per token: n-gram baselines and the entropy floor, where known.

    `snapshots` are of runs with the same text.
    """
    newest = (snapshot.state.baselines.last_until(snapshot.t) for snapshot in snapshots)
    baselines = next((found for found in newest if found is not None), None)
    levels: list[tuple[str, float]] = []
    if baselines is not None:
        levels = [
            ("pure guessing", baselines.uniform),
            ("unigram", baselines.unigram),
            ("bigram", baselines.bigram),
            ("trigram", baselines.trigram),
            ("5-gram", baselines.fivegram),
        ]
    floor = next((snapshot.started.corpus.floor_nats_per_token for snapshot in snapshots if snapshot.started), None)
    if floor is not None:
        levels.append(("entropy floor", floor))
    return [(name, value) for name, value in levels if math.isfinite(value)]


def _loss(snapshot: RunSnapshot) -> RunFact:
    best = snapshot.best_eval
    if best is None:
        return RunFact("loss", format_loss(snapshot.loss), "of training; it was never evaluated")
    bits = best.val_loss / math.log(2)
    return RunFact("best loss", format_loss(best.val_loss), f"nats per {loss_unit(snapshot)}, or {bits:.2f} bits")


def _progress_fact(snapshot: RunSnapshot) -> RunFact:
    best, started = snapshot.best_eval, snapshot.started
    letters = snapshot.letters
    grown = progress_to_floor(best.val_loss, started.corpus) if best and started else None
    if letters:
        right = format_percent(100 * letters[-1].accuracy)
        remark = f"of the next {loss_unit(snapshot)}s predicted, in text it never saw"
        return RunFact(ACCURACY_LABEL, right, remark)
    if grown is not None:
        return RunFact("grown up", format_percent(100 * grown), GROWN_UP)
    return RunFact("tokens", format_count(snapshot.tokens), "seen in training")


def metrics_summary(sample: Sample, metrics: TextMetrics | None) -> list[str]:
    """The text metrics of a sample, a few words each; [] for None."""
    if metrics is None:
        return []
    parts = []
    if metrics.haiku and metrics.valid_haiku is not None:
        parts.append(f"{metrics.valid_haiku} of {metrics.haiku} poems 5-7-5")
    if metrics.new_haiku:
        parts.append(f"{metrics.new_haiku} never trained on")
    if metrics.real_word_share is not None:
        parts.append(f"{format_percent(100 * metrics.real_word_share)} real words")
    verdict = judge_memorisation(sample.text, metrics)
    if verdict is not None:
        parts.append(verdict if verdict in NOTHING_TO_JUDGE else f"copied {metrics.memorisation:.1f}× chance")
    return parts


def sampling_summary(sample: Sample) -> str:
    """The sampling settings: `temperature 0.8, seed 1337`."""
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


def best_sample(snapshot: RunSnapshot) -> Sample | None:
    """The sample to show, None when there is none.

    From the samples between the best evaluation and the next (or else all later ones, or else all): the one with the
    most valid poems, then the most new poems, then the newest. Requested samples only if there are no others.
    """
    written = [sample for sample in snapshot.samples if sample.text.strip()]
    pool = [sample for sample in written if not sample.requested] or written
    best = snapshot.best_eval
    if best is not None:
        later = [sample for sample in pool if sample.step >= best.step]
        following = min((event.step for event in snapshot.evals if event.step > best.step), default=math.inf)
        pool = [sample for sample in later if sample.step < following] or later or pool
    if not pool:
        return None
    metrics = {(reading.sample_id, reading.step): reading for reading in snapshot.state.text_metrics.until(snapshot.t)}
    return max(reversed(pool), key=lambda sample: _poem_score(metrics.get((sample.sample_id, sample.step))))


def sample_with_id(snapshot: RunSnapshot, sample_id: int) -> Sample | None:
    """The sample with this number, the newest of several (after a rollback)."""
    return next((sample for sample in reversed(snapshot.samples) if sample.sample_id == sample_id), None)


def _poem_score(metrics: TextMetrics | None) -> tuple[int, int]:
    return (metrics.valid_haiku or 0, metrics.new_haiku or 0) if metrics is not None else (0, 0)


def distinct_run_names(snapshots: Sequence[RunSnapshot]) -> list[str]:
    """The names of the runs; the run ids where a name is used twice, numbered where a run is repeated."""
    names = [run_name(snapshot) for snapshot in snapshots]
    times = Counter(names)
    names = [
        snapshot.started.run_id if times[name] > 1 and snapshot.started else name
        for name, snapshot in zip(names, snapshots, strict=True)
    ]
    seen: Counter[str] = Counter()
    distinct = []
    for name in names:
        seen[name] += 1
        distinct.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return distinct


def losses_are_comparable(snapshots: Sequence[RunSnapshot]) -> bool:
    """Whether the losses can be compared: the same text, tokens and split."""
    facts = [snapshot.started.corpus for snapshot in snapshots if snapshot.started is not None]
    measures = {
        (text.sha256, text.tokenizer, text.vocabulary_size, text.train_tokens, text.val_tokens) for text in facts
    }
    return len(measures) <= 1


def shared_loss_unit(snapshots: Sequence[RunSnapshot]) -> str:
    """The unit of the losses: "character" if all runs have it, otherwise "token"."""
    return "character" if all(loss_unit(snapshot) == "character" for snapshot in snapshots) else "token"


def bill_sentence(bill: BillAmounts) -> str:
    """The bill in one line: `it cost 12.0 Wh, 0.0042 EUR, 0.12 kettles of tea`."""
    if bill.kwh is None:
        return f"its electricity was {NOT_MEASURED}"
    if bill.simulated:
        return f"its electricity is {SIMULATED}"
    parts = [format_energy(bill.joules)]
    if bill.money is not None:
        parts.append(format_money(bill.money, bill.currency))
    if bill.units is not None:
        parts.append(format_kettles(bill.units.kettles))
    return "it cost " + ", ".join(parts)


def bill_rows(bill: BillAmounts) -> list[tuple[str, str]]:
    """The rows (name, value) of the bill above its total."""
    if bill.kwh is None:
        return []
    rows = [("electricity", format_energy(bill.joules))]
    if bill.idle_joules > 0:
        rows.append(("idle, not billed", format_energy(bill.idle_joules)))
    if bill.co2_grams is not None:
        rows.append(("CO2", format_co2(bill.co2_grams)))
    if bill.units is not None:
        rows.append(("would boil", format_kettles(bill.units.kettles)))
        if bill.units.watt_hours_per_million_tokens is not None:
            joules = bill.units.watt_hours_per_million_tokens * JOULES_PER_WATT_HOUR
            rows.append(("a million tokens", format_energy(joules)))
    if bill.unmeasured_seconds >= 1:
        rows.append(("unmeasured", format_seconds(bill.unmeasured_seconds)))
    how = ", ".join(dict.fromkeys(f"{source.name} ({source.quality})" for source in bill.counted))
    return [*rows, *([("meter", how)] if how else [])]


def bill_total(bill: BillAmounts) -> str:
    """The total: money, energy without a price, or that it was not measured or is simulated."""
    if bill.kwh is None:
        return NOT_MEASURED
    if bill.simulated:
        return SIMULATED
    return format_energy(bill.joules) if bill.money is None else format_money(bill.money, bill.currency)
