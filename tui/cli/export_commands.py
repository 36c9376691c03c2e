"""`babytrain-tui frame` (a run as a poster) and `babytrain-tui report` (one or several runs as one HTML file)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from babytrain.runs.errors import RunsError
from babytrain.runs.files.home_folder import expand_home
from babytrain.runs.files.regular_files import open_regular_file
from babytrain.runs.store.folder import RunFolder, read_run_toml, slug
from babytrain.tui.cli.options import (
    RunArgument,
    RunsDirOption,
    exit_with_failure,
    exit_with_usage_error,
    find_journal_or_exit,
    resolve_runs_dir,
)
from babytrain.tui.export.generator_mark import is_made_here

if TYPE_CHECKING:
    from babytrain.runs.state.run_state import RunState

_HEAD_BYTES = 8192
POSTER_FORMATS = ("svg", "png", "html")


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
    wanted, folder = _parse_formats(formats), _output_folder_or_exit(out)
    journal = find_journal_or_exit(resolve_runs_dir(context, runs_dir), run)
    state = read_state_or_exit(journal)
    from babytrain.tui.export.poster.poster_page import draw_poster, poster_html
    from babytrain.tui.export.run_facts import run_name, sample_with_id

    snapshot = state.at()
    chosen = None if sample is None else sample_with_id(snapshot, sample)
    if sample is not None and chosen is None:
        numbers = [written.sample_id for written in snapshot.samples]
        there = f"it has {min(numbers)} to {max(numbers)}" if numbers else "it has none"
        exit_with_usage_error([f"The run has no sample number {sample}; {there}."])
    stem = _file_stem(journal)
    paths = {kind: folder / f"{stem}-poster.{kind}" for kind in POSTER_FORMATS if kind in wanted}
    for path in paths.values():
        _refuse_foreign(path, "poster")
    svg = draw_poster(snapshot, _provenance_of(journal), chosen)
    if "svg" in paths:
        _write_output(paths["svg"], svg.encode())
    if "html" in paths:
        _write_output(paths["html"], poster_html(svg, f"{run_name(snapshot)}: a poster").encode())
    if "png" in paths:
        _write_png(paths["png"], svg)


def _write_png(path: Path, svg: str) -> None:
    from babytrain.tui.export.png import NoFontsError, missing_glyphs_sentence, poster_png

    try:
        picture = poster_png(svg)
    except NoFontsError as error:
        exit_with_failure(str(error))
    except ValueError as error:
        exit_with_failure(f"The PNG cannot be drawn ({error}); take the SVG or the HTML.")
    _write_output(path, picture)
    if boxes := missing_glyphs_sentence(svg):
        _echo_line(f"babytrain-tui: {boxes}", err=True)


def _parse_formats(text: str) -> list[str]:
    chosen = [part.strip().lower() for part in text.split(",") if part.strip()]
    unknown = [part for part in chosen if part not in POSTER_FORMATS]
    if unknown or not chosen:
        exit_with_usage_error([f"--format takes {', '.join(POSTER_FORMATS)} with commas between them, not {text!r}."])
    return chosen


MAX_REPORTED_RUNS = 12


def report(
    context: typer.Context,
    runs: Annotated[
        list[str],
        typer.Argument(metavar="RUN...", help="Runs (id, name, `last` or path), demos by name, or journal files."),
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
    usual_name = f"{_file_stem(journals[0])}-report.html"
    path = _output_page_or_exit(out or Path(usual_name), usual_name)
    from babytrain.tui.engine_client.validation import describe_settings
    from babytrain.tui.export.report.report_page import ReportedRun, report_page

    reported = [ReportedRun(read_state_or_exit(journal).at(), _provenance_of(journal)) for journal in journals]
    defaults = {name: default for lines in describe_settings().values() for name, default, _ in lines}
    _write_output(path, report_page(reported, defaults).encode())


def read_state_or_exit(journal: Path) -> RunState:
    """A run from its journal. Ends the program if there is none."""
    from babytrain.runs.journal import load_state

    try:
        state = load_state(journal)
    except RunsError as error:
        exit_with_failure(str(error))
    if state.started is None:
        exit_with_failure(f"The journal {journal} holds no run.")
    return state


def _provenance_of(journal: Path) -> dict[str, Any]:
    """The provenance in the `run.toml` beside a journal; empty where there is none."""
    try:
        return read_run_toml(RunFolder(journal.parent))[1]
    except RunsError:
        return {}


def _file_stem(journal: Path) -> str:
    """The name of the run folder, or of a journal outside a run folder."""
    folder = RunFolder(journal.parent)
    return folder.run_id if journal == folder.journal else slug(journal.stem) or "run"


def _output_folder_or_exit(out: Path) -> Path:
    """The folder of --out. Ends the program if it is a file."""
    folder = expand_home(out)
    if folder.exists() and not folder.is_dir():
        exit_with_usage_error([f"{folder} is a file; --out takes the folder to put the files in."])
    return folder


def _output_page_or_exit(out: Path, usual_name: str) -> Path:
    """The file of --out. Ends the program if it is a folder or not a report."""
    path = expand_home(out)
    if path.is_dir():
        exit_with_usage_error([f"{path} is a folder; --out takes the file to write, such as {path / usual_name}."])
    _refuse_foreign(path, "report")
    return path


def _refuse_foreign(path: Path, what: str) -> None:
    """End the program if something is there that this program did not make, or a link to something."""
    if os.path.lexists(path) and not _is_ours(path):
        where = "another folder with --out" if what == "poster" else "another name"
        exit_with_usage_error([f"{path} is there already and is no {what} of ours; give {where}."])


def _is_ours(path: Path) -> bool:
    """Whether a file was made here, or is empty."""
    try:
        fd = open_regular_file(path)
        with os.fdopen(fd, "rb") as file:
            head = file.read(_HEAD_BYTES)
    except OSError:
        return False
    return not head or is_made_here(head)


def _write_output(path: Path, data: bytes) -> None:
    """Write a file and print its path on stdout. Ends the program if that fails; links are not followed."""
    made = not path.parent.exists()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        fd = open_regular_file(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
        with os.fdopen(fd, "wb") as file:
            file.write(data)
    except OSError as error:
        exit_with_failure(f"Cannot write {path}: {error.strerror or error}; another place can be named with --out.")
    if made:
        _echo_line(f"Made the folder {path.parent}.", err=True)
    _echo_line(str(path))


def _echo_line(text: str, *, err: bool = False) -> None:
    from babytrain.tui.terminal.safe_text import safe_line

    typer.echo(safe_line(text), err=err)
