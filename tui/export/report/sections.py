"""The sections of a report besides its charts: facts, samples, events, settings, electricity, provenance."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from babytrain.runs.energy.bill import bill_amounts
from babytrain.runs.events import Checkpoint, Sample
from babytrain.runs.formatting import format_count, format_loss, format_rate, format_seconds
from babytrain.runs.state.run_state import RunSnapshot
from babytrain.tui.export.markup import Markup, html_element, html_paragraph, html_table, html_text, join_markup
from babytrain.tui.export.run_facts import (
    best_sample,
    bill_rows,
    bill_sentence,
    bill_total,
    distinct_run_names,
    end_status,
    losses_are_comparable,
    metrics_summary,
    run_facts,
    sampling_summary,
    start_date,
)
from babytrain.tui.terminal.glyphs import GLYPHS
from babytrain.tui.text.wording import CHECKPOINT_REASONS, describe_command, format_clock

MAX_REPORT_EVENTS = 600


@dataclass(frozen=True)
class ReportEvent:
    """A row of the events table. `minor` events are left out first when there are too many."""

    t: float
    step: int
    kind: str
    what: str
    minor: bool = False


def report_events(snapshot: RunSnapshot) -> tuple[list[ReportEvent], int]:
    """Events, oldest first, at most `MAX_REPORT_EVENTS`, and how many were left out."""
    found = sorted(_all(snapshot), key=lambda event: event.t)
    if len(found) <= MAX_REPORT_EVENTS:
        return found, 0
    kept = [event for event in found if not event.minor]
    if len(kept) > MAX_REPORT_EVENTS:
        half = MAX_REPORT_EVENTS // 2
        kept = kept[:half] + kept[-half:]
    return kept, len(found) - len(kept)


def _all(snapshot: RunSnapshot) -> Iterator[ReportEvent]:
    state, t = snapshot.state, snapshot.t
    for command in snapshot.state.commands.until(snapshot.t):
        what = describe_command(command.action, command.value, command.text, GLYPHS["braille"], command.dial)
        refused = f" (refused: {command.reason})" if command.status == "refused" else ""
        yield ReportEvent(command.t, command.step, "command", what + refused)
    for rescue in snapshot.state.guard_events.until(snapshot.t):
        yield ReportEvent(rescue.t, rescue.step, f"rescue: {rescue.action}", rescue.text)
    for verdict in state.verdicts.until(t):
        yield ReportEvent(verdict.t, verdict.step, f"diagnosis: {verdict.verdict}", f"{verdict.why} {verdict.next_}")
    for milestone in snapshot.milestones:
        yield ReportEvent(milestone.t, milestone.step, "milestone", milestone.text)
    for event in snapshot.state.policy_events.until(snapshot.t):
        yield ReportEvent(event.t, event.step, f"{event.cause}: {event.action}", event.text)
    for resumed in state.resumes.until(t):
        what = f"from {resumed.checkpoint}" + (f": {resumed.reason}" if resumed.reason else "")
        yield ReportEvent(resumed.t, resumed.step, "went back" if resumed.rollback else "resumed", what)
    for checkpoint in snapshot.state.checkpoints.until(snapshot.t):
        yield ReportEvent(checkpoint.t, checkpoint.step, "checkpoint", _saved(checkpoint), minor=True)
    for note in state.log_messages.until(t):
        yield ReportEvent(note.t, note.step, note.level, note.text, minor=note.level == "info")
    for ended in state.session_ends.until(t):
        yield ReportEvent(ended.t, ended.step, ended.status, ended.reason)


def _saved(checkpoint: Checkpoint) -> str:
    named = f"{checkpoint.name}, " if checkpoint.name else ""
    loss = "" if checkpoint.val_loss is None else f", validation loss {format_loss(checkpoint.val_loss)}"
    return f"{named}{checkpoint.directory} ({CHECKPOINT_REASONS[checkpoint.reason]}{loss})"


def settings_in_force(snapshot: RunSnapshot) -> dict[str, str]:
    """The settings as text, with the changes of resumes."""
    return {key: as_text(value) for key, value in snapshot.settings.items()}


def as_text(value: object) -> str:
    """A setting as typed."""
    if isinstance(value, bool):
        return "on" if value else "off"
    return f"{value:g}" if isinstance(value, float) and abs(value) < 1e6 else str(value)


def _default_text(default: str) -> str:
    """A default, formatted by Python, in the format of `as_text`."""
    if default in ("True", "False"):
        return as_text(default == "True")
    try:
        return as_text(float(default)) if not default.lstrip("-").isdigit() else default
    except ValueError:
        return default


def settings_of_one(snapshot: RunSnapshot, defaults: Mapping[str, str]) -> Markup:
    """A table of changed settings, and a folded one of those at their defaults."""
    settings = settings_in_force(snapshot)
    usual = {key: _default_text(default) for key, default in defaults.items()}
    chosen = [(key, value, usual.get(key, "")) for key, value in settings.items() if value != usual.get(key)]
    rest = [(key, value) for key, value in settings.items() if value == usual.get(key)]
    all_default = html_paragraph("All at their defaults.")
    parts = [html_table(("setting", "value", "default"), chosen) if chosen else all_default]
    if rest:
        said = "1 setting at its default" if len(rest) == 1 else f"{len(rest)} settings at their defaults"
        summary = html_element("summary", html_text(said))
        parts.append(html_element("details", summary, html_table(("setting", "value"), rest)))
    return join_markup(*parts)


def settings_of_several(snapshots: Sequence[RunSnapshot], defaults: Mapping[str, str]) -> Markup:
    """A table of the settings in which runs differ, a column for each run.

    A run older than a setting shows a dash and counts as having its default.
    """
    settings = [settings_in_force(snapshot) for snapshot in snapshots]
    usual = {key: _default_text(default) for key, default in defaults.items()}
    keys = dict.fromkeys(key for values in settings for key in values)
    rows = [
        (key, *(values.get(key, "–") for values in settings))
        for key in keys
        if len({values.get(key, usual.get(key)) for values in settings}) > 1
    ]
    if not rows:
        return html_paragraph("The runs have the same settings.")
    return html_table(("setting", *distinct_run_names(snapshots)), rows)


MAX_REPORT_SAMPLES = 60
_MAX_SAMPLE_CHARACTERS = 1500


def samples_through_time(snapshot: RunSnapshot, most: int = MAX_REPORT_SAMPLES) -> Markup:
    """All samples, or `most` (at least two) of them, evenly chosen from first to last."""
    samples = snapshot.samples
    if not samples:
        return html_paragraph("It wrote nothing.")
    shown = samples
    if len(samples) > most:
        shown = [samples[round(index * (len(samples) - 1) / (most - 1))] for index in range(most)]
    parts = [_card(snapshot, sample, f"step {format_count(sample.step)}") for sample in shown]
    if len(shown) < len(samples):
        parts.insert(0, html_paragraph(f"{len(shown)} of {len(samples)} samples, evenly chosen."))
    return html_element("div", *parts, _class="samples")


def best_samples(snapshots: Sequence[RunSnapshot]) -> Markup:
    """The best sample of each run, side by side."""
    cards = []
    for name, snapshot in zip(distinct_run_names(snapshots), snapshots, strict=True):
        sample = best_sample(snapshot)
        if sample is not None:
            cards.append(_card(snapshot, sample, f"{name}, step {format_count(sample.step)}"))
    return html_element("div", *cards, _class="samples") if cards else html_paragraph("They wrote nothing.")


def _card(snapshot: RunSnapshot, sample: Sample, title: str) -> Markup:
    facts = [*metrics_summary(sample, snapshot.text_metrics_of(sample)), sampling_summary(sample)]
    facts += ["asked for"] if sample.requested else []
    text = sample.text if sample.prompt else sample.text.lstrip("\n")
    cut = len(text) > _MAX_SAMPLE_CHARACTERS
    prompt = html_element("b", html_text(sample.prompt[:_MAX_SAMPLE_CHARACTERS])) if sample.prompt else join_markup()
    written = html_element("pre", prompt, html_text(text[:_MAX_SAMPLE_CHARACTERS] + (" …" if cut else "")), dir="auto")
    facts_line = html_paragraph(", ".join(facts), _class="said")
    return html_element("article", html_element("h3", html_text(title)), written, facts_line)


def facts_list(snapshot: RunSnapshot, provenance: Mapping[str, Any]) -> Markup:
    """The facts at the head of a report."""
    entries = [
        html_element(
            "div",
            html_element("dt", html_text(fact.label)),
            html_element("dd", html_element("b", html_text(fact.value)), html_text(f" {fact.remark}")),
        )
        for fact in run_facts(snapshot, provenance)
    ]
    return html_element("dl", *entries, _class="facts")


def final_figures(snapshots: Sequence[RunSnapshot]) -> Markup:
    """A row for each run, the lowest best loss marked; a warning if the losses cannot be compared."""
    best = [snapshot.best_eval for snapshot in snapshots]
    compare = losses_are_comparable(snapshots)
    lowest = min((event.val_loss for event in best if event is not None and compare), default=None)
    rows = []
    for name, snapshot, evaluation in zip(distinct_run_names(snapshots), snapshots, best, strict=True):
        started, ended = snapshot.started, snapshot.ended
        loss = (
            "–" if evaluation is None else f"{format_loss(evaluation.val_loss)} at step {format_count(evaluation.step)}"
        )
        if evaluation is not None and evaluation.val_loss == lowest and len(snapshots) > 1:
            loss += " ★"
        rows.append((
            name,
            loss,
            format_loss(snapshot.evals[-1].val_loss if snapshot.evals else None),
            format_loss(snapshot.loss),
            format_count(snapshot.step),
            format_count(started.parameters if started else None),
            started.corpus.name if started else "",
            format_seconds(snapshot.t),
            format_rate(ended.tokens_per_second if ended else snapshot.tokens_per_second(10_000),),
            bill_total(bill_amounts(snapshot)),
            end_status(snapshot) or "done",
        ))  # fmt: skip
    headings = ("run", "best validation", "last validation", "last training", "steps", "parameters", "text", "time",
                "speed", "electricity", "ending")  # fmt: skip
    shown = html_table(headings, rows, "stacked")
    warning = "They learned different texts, or cut the same text into different tokens: their losses do not compare."
    return shown if compare else join_markup(html_paragraph(warning), shown)


def events_table(snapshot: RunSnapshot) -> Markup:
    """A table of events, oldest first."""
    lines, left_out = report_events(snapshot)
    if not lines:
        return html_paragraph("Nothing but steps.")
    rows = [(format_count(line.step), format_clock(line.t), line.kind, line.what) for line in lines]
    shown = html_table(("step", "time", "what", ""), rows, "message")
    note = f"{format_count(left_out)} lines of lesser weight are left out; the journal has them all."
    return join_markup(shown, html_paragraph(note)) if left_out else shown


def provenance_table(snapshot: RunSnapshot, provenance: Mapping[str, Any]) -> Markup:
    """A table of machine, versions, command and text."""
    started = snapshot.started
    rows: list[tuple[str, str]] = []
    if started is not None:
        rows = [
            ("run", started.run_id),
            ("began", start_date(snapshot)),
            ("device", ", ".join(word for word in (started.device, started.device_name, started.precision) if word)),
            ("threads", str(started.threads)),
            ("compiled", "yes" if started.compiled else "no"),
            ("text", f"{started.corpus.name}, sha256 {started.corpus.sha256}"),
            ("babytrain", started.program_version),
        ]
        rows += [("forked from", f"{started.parent} at step {format_count(started.step)}")] if started.parent else []
        rows += [("repeats", started.rerun_of)] if started.rerun_of else []
    for key, value in provenance.items():
        rows.append((key.replace("_", " "), _provenance_text(value)))
    return html_table(("", ""), [row for row in rows if row[1]])


def _provenance_text(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)


def bill_table(snapshot: RunSnapshot) -> Markup:
    """The electricity bill, or why it was not measured."""
    bill = bill_amounts(snapshot)
    if bill.kwh is None:
        return html_paragraph(f"Not measured: {bill.missing_reason}." if bill.missing_reason else "Not measured.")
    sentence = bill_sentence(bill)
    return join_markup(
        html_paragraph(sentence[:1].upper() + sentence[1:] + "."),
        html_table(("", ""), [*bill_rows(bill), ("total", bill_total(bill))]),
    )
