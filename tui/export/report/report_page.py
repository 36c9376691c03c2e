"""The page of a report: its sections in order, the style sheet and the script."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from typing import Any

from babytrain.runs.state.run_state import RunSnapshot
from babytrain.tui.export.generator_mark import GENERATOR, GENERATOR_META
from babytrain.tui.export.markup import (
    Markup,
    html_element,
    html_page,
    html_paragraph,
    html_section,
    html_text,
    join_markup,
)
from babytrain.tui.export.report.charts import draw_chart, report_charts
from babytrain.tui.export.report.sections import (
    MAX_REPORT_SAMPLES,
    best_samples,
    bill_table,
    events_table,
    facts_list,
    final_figures,
    provenance_table,
    samples_through_time,
    settings_of_one,
    settings_of_several,
)
from babytrain.tui.export.run_facts import distinct_run_names, end_status, run_name, run_subtitle, start_date


@dataclass(frozen=True)
class ReportedRun:
    """A run to report on, and the provenance table of its `run.toml`."""

    snapshot: RunSnapshot
    provenance: Mapping[str, Any] = field(default_factory=dict)


def report_page(runs: Sequence[ReportedRun], defaults: Mapping[str, str]) -> str:
    """The HTML page of one or several runs. `defaults`: settings -> their default as text."""
    if len(runs) == 1:
        return _page(run_name(runs[0].snapshot), _of_one(runs[0], defaults))
    return _page(" · ".join(distinct_run_names([run.snapshot for run in runs])), _of_several(runs, defaults))


def _of_one(run: ReportedRun, defaults: Mapping[str, str]) -> Markup:
    snapshot = run.snapshot
    alarm = end_status(snapshot)
    head = html_element(
        "header",
        html_element("h1", html_text(run_name(snapshot))),
        html_paragraph(f"{run_subtitle(snapshot)}, {start_date(snapshot)}".rstrip(", ")),
        *([html_paragraph(alarm, _class="alarm")] if alarm else []),
        facts_list(snapshot, run.provenance),
    )
    curves = html_section("Curves", _charts([snapshot]), name="curves")
    sections = _sections(run, defaults, MAX_REPORT_SAMPLES)
    return join_markup(head, curves, *(html_section(title, content, name=name) for name, title, content in sections))


def _sections(run: ReportedRun, defaults: Mapping[str, str], most_samples: int) -> Iterator[tuple[str, str, Markup]]:
    """(name, title, content) of each section below the curves."""
    snapshot = run.snapshot
    yield "samples", "What it wrote", samples_through_time(snapshot, most_samples)
    yield "events", "What happened", events_table(snapshot)
    yield "settings", "Settings", settings_of_one(snapshot, defaults)
    yield "bill", "Electricity", bill_table(snapshot)
    yield "origin", "Where it came from", provenance_table(snapshot, run.provenance)


def _of_several(runs: Sequence[ReportedRun], defaults: Mapping[str, str]) -> Markup:
    snapshots = [run.snapshot for run in runs]
    called = distinct_run_names(snapshots)
    names = Markup(", ".join(html_text(name) for name in called))
    most_samples = max(2, MAX_REPORT_SAMPLES // len(runs))
    return join_markup(
        html_element("header", html_element("h1", html_text(f"{len(snapshots)} runs")), html_element("p", names)),
        html_section("Final figures", final_figures(snapshots), name="figures"),
        html_section("Curves", _charts(snapshots), name="curves"),
        html_section("The best each wrote", best_samples(snapshots), name="samples"),
        html_section("Settings that differ", settings_of_several(snapshots, defaults), name="settings"),
        html_section(
            "Each by itself",
            *(_folded(name, run, defaults, most_samples) for name, run in zip(called, runs, strict=True)),
            name="each",
        ),
    )


def _folded(name: str, run: ReportedRun, defaults: Mapping[str, str], most_samples: int) -> Markup:
    """One run of several, folded: facts and sections without curves."""
    sections = (
        join_markup(html_element("h3", html_text(title)), content)
        for _, title, content in _sections(run, defaults, most_samples)
    )
    summary = html_element("summary", html_text(name))
    return html_element("details", summary, facts_list(run.snapshot, run.provenance), *sections, _class="each")


def _charts(snapshots: Sequence[RunSnapshot]) -> Markup:
    last = max(float(max(snapshot.step, 1)) for snapshot in snapshots)
    charts = [draw_chart(chart, last) for chart in report_charts(snapshots)]
    return join_markup(*charts) if charts else html_paragraph("No step was recorded.")


def _page(title: str, content: Markup) -> str:
    style, script = _resource("report.css"), _resource("report.js")
    head = f'<meta name="referrer" content="no-referrer">\n{GENERATOR_META}'
    footer = f"Made by {GENERATOR}. Drag over a chart to look closer, double-click to see all again."
    body = f"{content}\n<footer>{footer}</footer>\n<script>{script}</script>"
    return html_page(title, body, style=style, script=script, head=head)


def _resource(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")
