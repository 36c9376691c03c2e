"""A fork from the screen with the real engine: the run is saved and stops, the fork goes on from a checkpoint of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from babytrain.engine.checkpoints.format import load_checkpoint
from babytrain.runs.events import Ended, Started
from babytrain.runs.journal import read_journal
from babytrain.runs.store.folder import RunFolder
from babytrain.tui.app.babytrain_app import BabytrainApp
from babytrain.tui.app.start_screen import AppResult, StartTraining
from babytrain.tui.engine_client.client import EngineClient
from babytrain.tui.engine_client.engine_thread import TrainingSession
from babytrain.tui.engine_client.validation import NewRunRequest
from babytrain.tui.screens.dialogs.fork import ForkScreen
from babytrain.tui.screens.dialogs.question import ConfirmScreen, MessageScreen
from babytrain.tui.screens.run.live_screen import LiveScreen
from tests.engine.tiny_runs import tiny_config, write_text
from tests.tui.driving import WIDE, wait_for
from tests.tui.snapshots import screen_text


def long_run(folder: Path) -> TrainingSession:
    config = tiny_config(steps=1_000_000, eval_every=20, checkpoint_every=10, keep_checkpoints=2, sample_every=0)
    return EngineClient(folder / "runs").train(NewRunRequest(config, (str(write_text(folder)),), "tiny"))


@asynccontextmanager
async def shown(session: TrainingSession, runs_dir: Path) -> AsyncIterator[tuple[BabytrainApp, Pilot[AppResult]]]:
    """The app with a run that trains; whatever trains at the end is stopped."""
    app = BabytrainApp(engine_client=EngineClient(runs_dir), start_screen=StartTraining(session), charset="braille")
    async with app.run_test(size=WIDE) as pilot:
        try:
            yield app, pilot
        finally:
            assert app.session is not None
            app.session.feed.stop_requested.set()
            session.feed.stop_requested.set()


async def some_checkpoints(pilot: Pilot[AppResult], session: TrainingSession) -> RunFolder:
    await wait_for(pilot, lambda: session.run_dir is not None, "the folder")
    assert session.run_dir is not None
    folder = RunFolder(session.run_dir)
    await wait_for(pilot, lambda: (folder.checkpoints / "best").is_file(), "the best checkpoint")
    return folder


async def ask(pilot: Pilot[AppResult], app: BabytrainApp, line: str) -> None:
    """Not with the pilot's own keys: it waits for an idle processor after each, and there is none."""
    app.simulate_key("f")
    await wait_for(pilot, lambda: isinstance(app.focused, Input) and isinstance(app.screen, ForkScreen), "the dialog")
    app.screen.query_one("#answer", Input).value = line
    app.simulate_key("enter")
    await wait_for(pilot, lambda: isinstance(app.screen, ConfirmScreen) and app.focused is not None, "the question")
    app.simulate_key("enter")


@pytest.mark.parametrize("at", ["best", "last"])
async def test_a_run_that_trains_gives_way_to_its_fork(tmp_path: Path, at: str) -> None:
    session = long_run(tmp_path)
    async with shown(session, tmp_path / "runs") as (app, pilot):
        parent = await some_checkpoints(pilot, session)
        await ask(pilot, app, f"{at} lr 1e-4, drop 0.2")
        await wait_for(pilot, lambda: app.session is not session and isinstance(app.screen, LiveScreen), "the fork")
        fork = app.session
        assert isinstance(fork, TrainingSession)
        await wait_for(pilot, lambda: fork.feed.steps.count > 5, "steps of the fork")
    assert fork.error is None
    assert fork.run_dir is not None
    child = RunFolder(fork.run_dir)
    started = read_journal(child.journal).events[0]
    ended = read_journal(parent.journal).events[-1]
    assert isinstance(started, Started)
    assert isinstance(ended, Ended)
    assert ended.status == "interrupted"
    assert (started.parent, started.config["lr"], started.config["dropout"]) == (parent.run_id, 1e-4, 0.2)
    (start,) = child.checkpoints.glob("step-*-start")
    assert load_checkpoint(start).trainer["step"] == started.step
    if at == "last":
        assert started.step == ended.step, "the fork begins where the run was stopped"


async def test_a_damaged_checkpoint_is_found_before_the_run_is_stopped(tmp_path: Path) -> None:
    session = long_run(tmp_path)
    async with shown(session, tmp_path / "runs") as (app, pilot):
        parent = await some_checkpoints(pilot, session)
        session.feed.ask("checkpoint", text="cliff")
        await wait_for(pilot, lambda: bool(list(parent.checkpoints.glob("step-*-cliff"))), "a checkpoint with a name")
        (place,) = parent.checkpoints.glob("step-*-cliff")
        header = (place / "model.safetensors").read_bytes()
        # A header that looks whole and says what nobody understands: only reading it tells.
        (place / "model.safetensors").write_bytes(header.replace(b'"F32"', b'"X99"'))
        await ask(pilot, app, "cliff")
        await wait_for(pilot, lambda: isinstance(app.screen, MessageScreen), "the sentence")
        await wait_for(pilot, lambda: "cannot be read" in screen_text(app), "why it cannot be forked")
        before = session.feed.steps.count
        await wait_for(pilot, lambda: session.feed.steps.count > before, "more steps of the run")
        assert app.session is session
    assert [path.name for path in (tmp_path / "runs").iterdir()] == [parent.run_id]
