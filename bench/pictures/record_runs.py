"""The two recordings that ship with the program, made by the program: one healthy run and one that goes wrong.

Both are real runs of the default preset. In the second a person grows impatient and keeps raising the learning rate;
the steps at which that happens are the script, everything else is what the engine did. Only the graphics card is made
up (`sensors = scripted`), so that everybody can see one that gets too hot, and what that would cost.

    python -m bench.pictures.record_runs runs/recorded
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from pathlib import Path

from babytrain.runs.events import CommandAction
from babytrain.tui.engine_client.client import EngineClient
from babytrain.tui.engine_client.engine_thread import start_engine_thread
from babytrain.tui.engine_client.validation import check_new_run

Script = list[tuple[int, CommandAction, float | None, str]]

IMPATIENCE: Script = [
    (260, "lr_scale", 2.0, ""),
    (330, "note", None, "still faster, surely"),
    (340, "lr_scale", 8.0, ""),
    (460, "note", None, "it only needs a push"),
    (470, "lr_scale", 40.0, ""),
    (640, "note", None, "that was my fault"),
    (650, "stop", None, ""),
]

MACHINE_SETTINGS = {
    "sensors": "scripted",
    "gpu_nickname": "Gertrude",
    "electricity_price_per_kwh": 0.31,
    "currency": "EUR",
}


def record(name: str, target: Path, script: Script, steps: int | None) -> None:
    """Train, turn the dials at their steps, copy the journal."""
    settings = MACHINE_SETTINGS if steps is None else {**MACHINE_SETTINGS, "steps": steps}
    with tempfile.TemporaryDirectory() as folder:
        session = EngineClient(Path(folder)).train(check_new_run(name=name, settings=settings))
        thread = start_engine_thread(session)
        for step, action, value, text in script:
            while thread.is_alive() and session.feed.steps.count < step:
                time.sleep(0.005)
            session.feed.ask(action, value, text)
        thread.join()
        assert session.run_dir is not None, session.error
        shutil.copy(session.run_dir / "journal.jsonl", target)
        print(target, target.stat().st_size, session.error or "went well")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", choices=("healthy", "wrong"))
    options = parser.parse_args()
    if options.only != "wrong":
        record("ziggy", options.folder / "1-healthy.jsonl", [], None)
    if options.only != "healthy":
        record("icarus", options.folder / "2-goes-wrong.jsonl", IMPATIENCE, 1500)


if __name__ == "__main__":
    main()
