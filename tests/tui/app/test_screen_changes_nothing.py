"""A run is the same run, to the bit, whether nobody looks at it, its own screen does, or somebody else's."""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from babytrain.engine.sessions.new_run import NewRunPlan
from babytrain.engine.sessions.start_and_resume import RunResult, train_new
from babytrain.runs.events import Eval, Sample, Step
from babytrain.runs.state.live_feed import LiveFeed
from babytrain.tui.app.babytrain_app import BabytrainApp
from babytrain.tui.app.start_screen import StartTraining, StartWatching
from babytrain.tui.engine_client.client import EngineClient
from babytrain.tui.engine_client.validation import NewRunRequest
from babytrain.tui.screens.dialogs.help import HelpScreen
from babytrain.tui.screens.run.live_screen import LiveScreen
from babytrain.tui.screens.run.replay_and_watch import WatchScreen
from babytrain.tui.screens.run.run_screen import RunScreen
from babytrain.tui.widgets.loss.loss_pane import LossPane
from babytrain.tui.widgets.loss.loss_plot import ChartSettings
from tests.engine.tiny_runs import events_of, tiny_config, write_text
from tests.timeouts import LONGEST_WAIT_SECONDS
from tests.tui.driving import WIDE, wait_for

STEPS = 120
# Dropout makes every step draw random numbers, as a sample does: a screen that drew one too would be found out.
CHANGES: dict[str, Any] = {"steps": STEPS, "dropout": 0.1, "eval_every": 40, "sample_every": 40, "compile": "off"}
# Everything that only looks: charts, zoom, crosshair, panes, the whole screen for one, help and back.
LOOKING = (
    *("y", "X", "m", "g", "left_square_bracket", "right_square_bracket", "left", "right", "home", "end"),
    *("1", "z", "z", "2", "3", "4", "5", "tab", "up", "down", "X", "question_mark", "escape", "y", "y"),
)
MOST_LOOKS = 4  # at the stop flag, for one key: so that keys come during training and not before or after it


class PacedFlag(threading.Event):
    """A stop flag that holds its reader up, so that a run of milliseconds lasts as long as somebody looks at it."""

    def __init__(self) -> None:
        super().__init__()
        self.looks = 0
        self.looked_at = threading.Event()
        self._turns = threading.Semaphore(1)
        self._free = threading.Event()

    def is_set(self) -> bool:
        self.looks += 1
        self.looked_at.set()
        if self.looks % MOST_LOOKS == 0 and not self._free.is_set():
            self._turns.acquire()
        return super().is_set()

    def next_turn(self) -> None:
        """Let the run go on for a few steps."""
        self._turns.release()

    def let_go(self) -> None:
        """Hold nobody up any more."""
        self._free.set()
        self._turns.release()


@dataclass(frozen=True)
class Ending:
    """All that may be compared between runs: the last checkpoint, byte for byte, and what was measured and written."""

    model: bytes
    optimizer: bytes
    steps: list[tuple[int, float, float, float, int]]
    evals: list[tuple[int, float, float]]
    samples: list[tuple[int, str]]


def ending(result: RunResult) -> Ending:
    last = Path(result.run_dir) / "checkpoints" / f"step-{STEPS:09d}"
    events = events_of(result)
    return Ending(
        model=(last / "model.safetensors").read_bytes(),
        optimizer=(last / "optimizer.safetensors").read_bytes(),
        steps=[
            (event.step, event.loss, event.gradient_norm, event.learning_rate, event.tokens)
            for event in events
            if isinstance(event, Step)
        ],
        evals=[(event.step, event.val_loss, event.train_loss) for event in events if isinstance(event, Eval)],
        samples=[(event.step, event.text) for event in events if isinstance(event, Sample)],
    )


def headless(folder: Path, **changes: Any) -> Ending:
    return ending(train_new(plan(folder, **changes), LiveFeed()))


def plan(folder: Path, **changes: Any) -> NewRunPlan:
    folder.mkdir()
    config = tiny_config(**(CHANGES | changes))
    return NewRunPlan(config=config, runs_dir=folder / "runs", paths=(str(write_text(folder)),), name="tiny")


async def look_around(app: BabytrainApp, pilot: Pilot[Any], flag: PacedFlag, newest_step: Callable[[], int]) -> None:
    """Press every key that only looks, a few steps of training apart, then let the run end."""
    for key in LOOKING:
        looks = flag.looks
        app.simulate_key(key)
        flag.next_turn()
        await wait_for(pilot, lambda looks=looks: flag.looks >= looks + MOST_LOOKS, "the next steps")
        if key == "question_mark":  # escape would leave the run, were there no help to leave
            await wait_for(pilot, lambda: isinstance(app.screen, HelpScreen), "the help")
    assert 0 < newest_step() < STEPS, "the keys were not pressed during the run"
    flag.let_go()


async def show(
    start_screen: StartTraining | StartWatching,
    runs_dir: Path,
    use: Callable[[BabytrainApp, Pilot[Any]], Awaitable[None]],
) -> None:
    app = BabytrainApp(engine_client=EngineClient(runs_dir), start_screen=start_screen, charset="braille")
    async with app.run_test(size=WIDE) as pilot:
        await use(app, pilot)
        await wait_for(pilot, lambda: isinstance(app.screen, RunScreen), "the run without a dialog on it")
        pane = app.screen.query_one(LossPane)
        assert pane.settings != ChartSettings(), "no key was felt"


async def under_its_own_screen(folder: Path) -> Ending:
    made = plan(folder)
    session = EngineClient(made.runs_dir).train(NewRunRequest(config=made.config, paths=made.paths, name=made.name))
    flag = session.feed.stop_requested = PacedFlag()

    async def use(app: BabytrainApp, pilot: Pilot[Any]) -> None:
        await wait_for(pilot, lambda: flag.looks > 0, "the first step")
        await look_around(app, pilot, flag, lambda: session.feed.steps.count)
        screen = next(screen for screen in app.screen_stack if isinstance(screen, LiveScreen))
        await wait_for(pilot, lambda: screen.over, "the end of the run")

    await show(StartTraining(session), made.runs_dir, use)
    assert session.error is None
    assert session.result is not None
    return ending(session.result)


async def under_anothers_screen(folder: Path) -> Ending:
    made, feed = plan(folder), LiveFeed()
    flag = feed.stop_requested = PacedFlag()
    results: list[RunResult] = []
    engine = threading.Thread(target=lambda: results.append(train_new(made, feed)), daemon=True)
    engine.start()
    assert flag.looked_at.wait(LONGEST_WAIT_SECONDS), "the run did not start"
    (journal,) = made.runs_dir.glob("*/journal.jsonl")

    async def use(app: BabytrainApp, pilot: Pilot[Any]) -> None:
        screen = next(screen for screen in app.screen_stack if isinstance(screen, WatchScreen))
        await look_around(app, pilot, flag, lambda: feed.steps.count)
        await wait_for(pilot, lambda: screen.source.snapshot().ended is not None, "the end of the run in its journal")
        assert screen.source.snapshot().step == STEPS

    await show(StartWatching(journal, "tiny"), made.runs_dir, use)
    engine.join(30)
    assert results, "the run did not end"
    return ending(results[0])


@pytest.fixture(scope="module")
def unseen(tmp_path_factory: pytest.TempPathFactory) -> Ending:
    """The run as it goes when nobody looks."""
    return headless(tmp_path_factory.mktemp("unseen") / "run")


async def test_its_own_screen_changes_nothing(tmp_path: Path, unseen: Ending) -> None:
    assert await under_its_own_screen(tmp_path / "run") == unseen


async def test_the_screen_of_somebody_else_changes_nothing(tmp_path: Path, unseen: Ending) -> None:
    assert await under_anothers_screen(tmp_path / "run") == unseen


def test_another_seed_would_be_noticed(tmp_path: Path, unseen: Ending) -> None:
    other = headless(tmp_path / "run", seed=2)
    assert other.model != unseen.model
    assert other.optimizer != unseen.optimizer
    assert other.steps != unseen.steps
