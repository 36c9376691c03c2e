"""The parts of a report that are words and numbers: the facts of a run, its figures beside others', its origin."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from babytrain.runs.bill import bill_facts
from babytrain.runs.state import Moment
from babytrain.tui.poster.facts import day_of, ending, facts_of
from babytrain.tui.poster.markup import Markup, joined
from babytrain.tui.poster.receipt import bill_rows, bill_sentence, total_of
from babytrain.tui.report.happenings import happenings
from babytrain.tui.report.hypertext import table, tag, words
from babytrain.tui.report.side_by_side import losses_compare, names_of
from babytrain.tui.widgets.units import format_count, format_loss, format_rate, format_seconds


def facts_list(moment: Moment, provenance: Mapping[str, Any]) -> Markup:
    """The facts at the head of a report."""
    entries = [
        tag("div", tag("dt", words(fact.label)), tag("dd", tag("b", words(fact.value)), words(f" {fact.remark}")))
        for fact in facts_of(moment, provenance)
    ]
    return tag("dl", *entries, _class="facts")


def final_figures(moments: Sequence[Moment]) -> Markup:
    """One row a run; the lowest best loss is marked, or it is said that the losses do not mean the same."""
    best = [moment.best_eval for moment in moments]
    compare = losses_compare(moments)
    lowest = min((one.val_loss for one in best if one is not None and compare), default=None)
    rows = []
    for name, moment, evaluation in zip(names_of(moments), moments, best, strict=True):
        started, ended = moment.started, moment.ended
        loss = "–" if evaluation is None else f"{evaluation.val_loss:.4f} at step {format_count(evaluation.step)}"
        if evaluation is not None and evaluation.val_loss == lowest and len(moments) > 1:
            loss += " ★"
        rows.append((
            name,
            loss,
            format_loss(moment.evals[-1].val_loss if moment.evals else None),
            format_loss(moment.loss),
            format_count(moment.step),
            format_count(started.parameters if started else None),
            started.corpus.name if started else "",
            format_seconds(moment.t),
            format_rate(ended.tokens_per_second if ended else moment.tokens_per_second(10_000),),
            total_of(bill_facts(moment)),
            ending(moment) or "done",
        ))  # fmt: skip
    headings = ("run", "best validation", "last validation", "last training", "steps", "parameters", "text", "time",
                "speed", "electricity", "ending")  # fmt: skip
    shown = table(headings, rows, "stacked")
    warning = "They learned different texts, or cut the same text into different tokens: their losses do not compare."
    return shown if compare else joined(tag("p", words(warning)), shown)


def happenings_table(moment: Moment) -> Markup:
    """What happened, oldest first."""
    lines, left_out = happenings(moment)
    if not lines:
        return tag("p", words("Nothing but steps."))
    rows = [(format_count(line.step), line.clock, line.kind, line.what) for line in lines]
    shown = table(("step", "time", "what", ""), rows, "told")
    note = f"{format_count(left_out)} lines of lesser weight are left out; the journal has them all."
    return joined(shown, tag("p", words(note))) if left_out else shown


def origin_table(moment: Moment, provenance: Mapping[str, Any]) -> Markup:
    """Where the run came from: machine, versions, command, text."""
    started = moment.started
    rows: list[tuple[str, str]] = []
    if started is not None:
        rows = [
            ("run", started.run_id),
            ("began", day_of(moment)),
            ("device", ", ".join(word for word in (started.device, started.device_name, started.precision) if word)),
            ("threads", str(started.threads)),
            ("compiled", "yes" if started.compiled else "no"),
            ("text", f"{started.corpus.name}, sha256 {started.corpus.sha256}"),
            ("babytrain", started.program_version),
        ]
        rows += [("forked from", f"{started.parent} at step {format_count(started.step)}")] if started.parent else []
        rows += [("repeats", started.rerun_of)] if started.rerun_of else []
    for key, value in provenance.items():
        rows.append((key.replace("_", " "), _origin_words(value)))
    return table(("", ""), [row for row in rows if row[1]])


def _origin_words(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)


def bill_table(moment: Moment) -> Markup:
    """The electricity, or why there is none to tell of."""
    bill = bill_facts(moment)
    if bill.kwh is None:
        return tag("p", words(f"Not measured: {bill.why_not}." if bill.why_not else "Not measured."))
    sentence = bill_sentence(bill)
    return joined(
        tag("p", words(sentence[:1].upper() + sentence[1:] + ".")),
        table(("", ""), [*bill_rows(bill), ("total", total_of(bill))]),
    )
