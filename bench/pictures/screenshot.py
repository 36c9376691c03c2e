"""The README's picture: a recorded run on the real screen at a chosen moment, written as SVG by the program itself.

python -m bench.pictures.screenshot RUN.jsonl docs/training.svg --at 0.97
"""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path

from babytrain.runs.journal import load_state
from babytrain.tui.app.babytrain_app import BabytrainApp
from babytrain.tui.app.start_screen import StartReplay
from babytrain.tui.engine_client.client import EngineClient
from babytrain.tui.engine_client.run_sources import ReplaySource
from babytrain.tui.export.screenshot import screenshot_svg


async def take(journal: Path, target: Path, *, share: float, columns: int, rows: int) -> None:
    state = load_state(journal)
    title = state.started.name if state.started else journal.stem
    app = BabytrainApp(
        engine_client=EngineClient(Path("unused")),
        start_screen=StartReplay(state, title, playing=False),
        charset="braille",
    )
    async with app.run_test(size=(columns, rows)) as pilot:
        await pilot.pause()
        source = app.screen.source
        assert isinstance(source, ReplaySource)
        source.clock.seek(share * state.at().t)
        app.screen.refresh_now()
        await pilot.pause()
        target.write_text(screenshot_svg(app), encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("journal", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("--at", type=float, default=1.0, help="moment, as a share of the recording")
    parser.add_argument("--columns", type=int, default=120)
    parser.add_argument("--rows", type=int, default=36)
    options = parser.parse_args()
    asyncio.run(take(options.journal, options.target, share=options.at, columns=options.columns, rows=options.rows))


if __name__ == "__main__":
    main()
