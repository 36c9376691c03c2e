"""`babytrain-tui frame` (a run as a poster) and `babytrain-tui report` (one or several runs as one HTML file)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from babytrain.tui.cli.options import (
    RunArgument,
    RunsDirOption,
    exit_with_failure,
    exit_with_usage_error,
    find_journal_or_exit,
    resolve_runs_dir,
)
from babytrain.tui.cli.output_files import (
    file_stem,
    output_folder_or_exit,
    output_page_or_exit,
    provenance_of,
    read_state_or_exit,
    write_output,
)

POSTER_FORMATS = ("svg", "png", "html")
FRAME_EPILOG = "Example: babytrain-tui frame last --out posters"


def frame(
    context: typer.Context,
    run: RunArgument,
    out: Annotated[Path, typer.Option(help="The folder to put the files in.")] = Path("."),
    formats: Annotated[str, typer.Option("--format", help="What to make: svg, png, html.")] = "svg,png,html",
    sample: Annotated[
        int | None, typer.Option(help="The number of the sample to show, otherwise the best.", show_default=False)
    ] = None,
    runs_dir: RunsDirOption = None,
) -> None:
    """Make a poster of a run: its curve, its best sample, its letters, its electricity bill."""
    wanted, folder = _parse_formats(formats), output_folder_or_exit(out)
    journal = find_journal_or_exit(resolve_runs_dir(context, runs_dir), run)
    state = read_state_or_exit(journal)
    from babytrain.tui.export.poster.poster_page import draw_poster, poster_html
    from babytrain.tui.export.run_facts import run_name, sample_with_id

    snapshot = state.at()
    chosen = None if sample is None else sample_with_id(snapshot, sample)
    if sample is not None and chosen is None:
        numbers = [one.sample_id for one in snapshot.samples]
        there = f"it has {min(numbers)} to {max(numbers)}" if numbers else "it has none"
        exit_with_usage_error([f"The run has no sample number {sample}; {there}."])
    svg = draw_poster(snapshot, provenance_of(journal), chosen)
    stem = file_stem(journal)
    if "svg" in wanted:
        write_output(folder / f"{stem}-poster.svg", svg.encode())
    if "html" in wanted:
        write_output(folder / f"{stem}-poster.html", poster_html(svg, f"{run_name(snapshot)}: a poster").encode())
    if "png" in wanted:
        _write_png(folder / f"{stem}-poster.png", svg)


def _write_png(path: Path, svg: str) -> None:
    from babytrain.tui.export.png import NoFontsError, missing_glyphs_sentence, poster_png
    from babytrain.tui.terminal.safe_text import safe_line

    try:
        picture = poster_png(svg)
    except NoFontsError as error:
        exit_with_failure(str(error))
    except ValueError as error:
        exit_with_failure(f"The PNG cannot be drawn ({error}); take the SVG or the HTML.")
    write_output(path, picture)
    if boxes := missing_glyphs_sentence(svg):
        typer.echo(safe_line(f"babytrain-tui: {boxes}"), err=True)


def _parse_formats(text: str) -> list[str]:
    chosen = [part.strip().lower() for part in text.split(",") if part.strip()]
    unknown = [part for part in chosen if part not in POSTER_FORMATS]
    if unknown or not chosen:
        exit_with_usage_error([f"--format takes {', '.join(POSTER_FORMATS)} with commas between them, not {text!r}."])
    return chosen


MAX_REPORTED_RUNS = 12
REPORT_EPILOG = "Example: babytrain-tui report ziggy gerda --out comparison.html"


def report(
    context: typer.Context,
    runs: Annotated[
        list[str], typer.Argument(metavar="RUN...", help="Runs, as `replay` takes them, or journal files.")
    ],
    out: Annotated[
        Path | None, typer.Option(help="The file to write; otherwise the run's name here.", show_default=False)
    ] = None,
    runs_dir: RunsDirOption = None,
) -> None:
    """Write a page about a run, or about several side by side: one file that needs no network."""
    if len(runs) > MAX_REPORTED_RUNS:
        exit_with_usage_error([f"A report compares at most {MAX_REPORTED_RUNS} runs; that are {len(runs)}."])
    where = resolve_runs_dir(context, runs_dir)
    journals = list(dict.fromkeys(find_journal_or_exit(where, run) for run in runs))
    usual_name = f"{file_stem(journals[0])}-report.html"
    path = output_page_or_exit(out or Path(usual_name), usual_name)
    from babytrain.tui.engine_client.validation import describe_settings
    from babytrain.tui.export.report.report_page import ReportedRun
    from babytrain.tui.export.report.report_page import report_page as made

    told = [ReportedRun(read_state_or_exit(journal).at(), provenance_of(journal)) for journal in journals]
    defaults = {name: default for lines in describe_settings().values() for name, default, _ in lines}
    write_output(path, made(told, defaults).encode())
