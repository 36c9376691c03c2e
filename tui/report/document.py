"""The report as one file: its sections in order, the style sheet, the script, and a policy that obeys nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from importlib import resources
from typing import Any

from babytrain import __version__
from babytrain.runs.state import Moment
from babytrain.tui.poster.facts import day_of, ending, run_name, subtitle
from babytrain.tui.poster.markup import Markup, joined
from babytrain.tui.poster.page import policy
from babytrain.tui.report.chart import draw_chart
from babytrain.tui.report.curves import charts_of
from babytrain.tui.report.hypertext import section, tag, words
from babytrain.tui.report.samples import MOST_SAMPLES, best_samples, samples_through_time
from babytrain.tui.report.settings import settings_of_one, settings_of_several
from babytrain.tui.report.side_by_side import names_of
from babytrain.tui.report.tables import bill_table, facts_list, final_figures, happenings_table, origin_table
from babytrain.tui.safe_text import safe_line


@dataclass(frozen=True)
class Told:
    """A run to report on, and the provenance table of its `run.toml` where there is one."""

    moment: Moment
    provenance: Mapping[str, Any] = field(default_factory=dict)


def report(runs: Sequence[Told], defaults: Mapping[str, str]) -> str:
    """The page of one run or of several side by side. `defaults` are those of the settings, as text by key."""
    if len(runs) == 1:
        return _page(run_name(runs[0].moment), _of_one(runs[0], defaults))
    return _page(" · ".join(names_of([told.moment for told in runs])), _of_several(runs, defaults))


def _of_one(told: Told, defaults: Mapping[str, str]) -> Markup:
    moment = told.moment
    alarm = ending(moment)
    head = tag(
        "header",
        tag("h1", words(run_name(moment))),
        tag("p", words(f"{subtitle(moment)}, {day_of(moment)}".rstrip(", "))),
        *([tag("p", words(alarm), _class="alarm")] if alarm else []),
        facts_list(moment, told.provenance),
    )
    return joined(
        head,
        section("Curves", _charts([moment]), name="curves"),
        section("What it wrote", samples_through_time(moment), name="samples"),
        section("What happened", happenings_table(moment), name="events"),
        section("Settings", settings_of_one(moment, defaults), name="settings"),
        section("Electricity", bill_table(moment), name="bill"),
        section("Where it came from", origin_table(moment, told.provenance), name="origin"),
    )


def _of_several(runs: Sequence[Told], defaults: Mapping[str, str]) -> Markup:
    moments = [told.moment for told in runs]
    called = names_of(moments)
    names = joined(*(Markup((", " if place else "") + words(name)) for place, name in enumerate(called)))
    most_samples = max(2, MOST_SAMPLES // len(runs))
    return joined(
        tag("header", tag("h1", words(f"{len(moments)} runs")), tag("p", names)),
        section("Final figures", final_figures(moments), name="figures"),
        section("Curves", _charts(moments), name="curves"),
        section("The best each wrote", best_samples(moments), name="samples"),
        section("Settings that differ", settings_of_several(moments, defaults), name="settings"),
        section(
            "Each by itself",
            *(_folded(name, told, defaults, most_samples) for name, told in zip(called, runs, strict=True)),
            name="each",
        ),
    )


def _folded(name: str, told: Told, defaults: Mapping[str, str], most_samples: int) -> Markup:
    """One run of several, folded up: all that a page of its own would tell, but for the curves."""
    moment = told.moment
    parts = (
        ("What it wrote", samples_through_time(moment, most_samples)),
        ("What happened", happenings_table(moment)),
        ("Settings", settings_of_one(moment, defaults)),
        ("Electricity", bill_table(moment)),
        ("Where it came from", origin_table(moment, told.provenance)),
    )
    told_of = (joined(tag("h3", words(title)), content) for title, content in parts)
    summary = tag("summary", words(name))
    return tag("details", summary, facts_list(moment, told.provenance), *told_of, _class="each")


def _charts(moments: Sequence[Moment]) -> Markup:
    last = max(float(max(moment.step, 1)) for moment in moments)
    charts = charts_of(moments)
    return (
        joined(*(draw_chart(chart, last) for chart in charts)) if charts else tag("p", words("No step was recorded."))
    )


def _page(title: str, content: Markup) -> str:
    style, script = _resource("report.css"), _resource("report.js")
    rules = escape(policy(style=style, script=script))
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
