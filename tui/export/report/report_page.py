"""The report as one file: its sections in order, the style sheet, the script, and a policy that obeys nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from importlib import resources
from typing import Any

from babytrain import __version__
from babytrain.runs.state.run_state import RunSnapshot
from babytrain.tui.export.markup import (
    Markup,
    content_security_policy,
    html_element,
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
from babytrain.tui.terminal.safe_text import safe_line


@dataclass(frozen=True)
class ReportedRun:
    """A run to report on, and the provenance table of its `run.toml` where there is one."""

    snapshot: RunSnapshot
    provenance: Mapping[str, Any] = field(default_factory=dict)


def report_page(runs: Sequence[ReportedRun], defaults: Mapping[str, str]) -> str:
    """The page of one run or of several side by side. `defaults` are those of the settings, as text by key."""
    if len(runs) == 1:
        return _page(run_name(runs[0].snapshot), _of_one(runs[0], defaults))
    return _page(" · ".join(distinct_run_names([run.snapshot for run in runs])), _of_several(runs, defaults))


def _of_one(run: ReportedRun, defaults: Mapping[str, str]) -> Markup:
    snapshot = run.snapshot
    alarm = end_status(snapshot)
    head = html_element(
        "header",
        html_element("h1", html_text(run_name(snapshot))),
        html_element("p", html_text(f"{run_subtitle(snapshot)}, {start_date(snapshot)}".rstrip(", "))),
        *([html_element("p", html_text(alarm), _class="alarm")] if alarm else []),
        facts_list(snapshot, run.provenance),
    )
    return join_markup(
        head,
        html_section("Curves", _charts([snapshot]), name="curves"),
        html_section("What it wrote", samples_through_time(snapshot), name="samples"),
        html_section("What happened", events_table(snapshot), name="events"),
        html_section("Settings", settings_of_one(snapshot, defaults), name="settings"),
        html_section("Electricity", bill_table(snapshot), name="bill"),
        html_section("Where it came from", provenance_table(snapshot, run.provenance), name="origin"),
    )


def _of_several(runs: Sequence[ReportedRun], defaults: Mapping[str, str]) -> Markup:
    snapshots = [run.snapshot for run in runs]
    called = distinct_run_names(snapshots)
    names = join_markup(*(Markup((", " if place else "") + html_text(name)) for place, name in enumerate(called)))
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
    """One run of several, folded up: all that a page of its own would tell, but for the curves."""
    snapshot = run.snapshot
    parts = (
        ("What it wrote", samples_through_time(snapshot, most_samples)),
        ("What happened", events_table(snapshot)),
        ("Settings", settings_of_one(snapshot, defaults)),
        ("Electricity", bill_table(snapshot)),
        ("Where it came from", provenance_table(snapshot, run.provenance)),
    )
    told_of = (join_markup(html_element("h3", html_text(title)), content) for title, content in parts)
    summary = html_element("summary", html_text(name))
    return html_element("details", summary, facts_list(snapshot, run.provenance), *told_of, _class="each")


def _charts(snapshots: Sequence[RunSnapshot]) -> Markup:
    last = max(float(max(snapshot.step, 1)) for snapshot in snapshots)
    charts = report_charts(snapshots)
    return (
        join_markup(*(draw_chart(chart, last) for chart in charts))
        if charts
        else html_element("p", html_text("No step was recorded."))
    )


def _page(title: str, content: Markup) -> str:
    style, script = _resource("report.css"), _resource("report.js")
    rules = escape(content_security_policy(style=style, script=script))
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{rules}">\n'
        '<meta name="viewport" content="width=device-width">\n<meta name="referrer" content="no-referrer">\n'
        f'<meta name="generator" content="babytrain-tui {escape(__version__)}">\n'
        f"<title>{escape(safe_line(title), quote=False)}</title>\n<style>{style}</style>\n</head>\n"
        f"<body>\n{content}\n<footer>Made by babytrain-tui {escape(__version__)}. Drag over a chart to look closer, "
        f"double-click to see all again.</footer>\n<script>{script}</script>\n</body>\n</html>\n"
    )


def _resource(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")
