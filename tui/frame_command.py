"""`babytrain-tui frame`: a run as a poster, in files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from babytrain.tui.command_line import RunName, RunsDir, chosen_runs_dir, fail, usage_error, wanted_journal
from babytrain.tui.publishing import file_stem, provenance_of, wanted_folder, wanted_state, write_out

FORMATS = ("svg", "png", "html")

FRAME_EPILOG = "Example: babytrain-tui frame last --out posters"


def frame(
    context: typer.Context,
    run: RunName,
    out: Annotated[Path, typer.Option(help="The folder to put the files in.")] = Path("."),
    formats: Annotated[str, typer.Option("--format", help="What to make: svg, png, html.")] = "svg,png,html",
    sample: Annotated[
        int | None, typer.Option(help="The number of the sample to show, otherwise the best.", show_default=False)
    ] = None,
    runs_dir: RunsDir = None,
) -> None:
    """Make a poster of a run: its curve, its best sample, its letters, its electricity bill."""
    wanted, folder = _parse_formats(formats), wanted_folder(out)
    journal = wanted_journal(chosen_runs_dir(context, runs_dir), run)
    state = wanted_state(journal)
    from babytrain.tui.poster.choice import sample_of_id
    from babytrain.tui.poster.facts import run_name
    from babytrain.tui.poster.page import poster_page
    from babytrain.tui.poster.sheet import draw_poster

    moment = state.at()
    chosen = None if sample is None else sample_of_id(moment, sample)
    if sample is not None and chosen is None:
        numbers = [one.sample_id for one in moment.samples]
        there = f"it has {min(numbers)} to {max(numbers)}" if numbers else "it has none"
        usage_error([f"The run has no sample number {sample}; {there}."])
    svg = draw_poster(moment, provenance_of(journal), chosen)
    stem = file_stem(journal)
    if "svg" in wanted:
        write_out(folder / f"{stem}-poster.svg", svg.encode())
    if "html" in wanted:
        write_out(folder / f"{stem}-poster.html", poster_page(svg, f"{run_name(moment)}: a poster").encode())
    if "png" in wanted:
        _write_png(folder / f"{stem}-poster.png", svg)


def _write_png(path: Path, svg: str) -> None:
    from babytrain.tui.poster.missing_glyphs import boxes_sentence
    from babytrain.tui.poster.png import NoFontsError, poster_png
    from babytrain.tui.safe_text import safe_line

    try:
        picture = poster_png(svg)
    except NoFontsError as error:
        fail(str(error))
    except ValueError as error:
        fail(f"The PNG cannot be drawn ({error}); take the SVG or the HTML.")
    write_out(path, picture)
    if boxes := boxes_sentence(svg):
        typer.echo(safe_line(f"babytrain-tui: {boxes}"), err=True)


def _parse_formats(text: str) -> list[str]:
    chosen = [part.strip().lower() for part in text.split(",") if part.strip()]
    unknown = [part for part in chosen if part not in FORMATS]
    if unknown or not chosen:
        usage_error([f"--format takes {', '.join(FORMATS)} with commas between them, not {text!r}."])
    return chosen
