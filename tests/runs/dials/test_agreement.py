"""The engine, the record and whoever reads it agree on where the dials stand, whatever was done to them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from babytrain.engine.config.build import build_config, checked_value
from babytrain.runs.dials.apply_and_undo import DIAL_ACTIONS, apply_command
from babytrain.runs.dials.dial_state import DialState, initial_dials, restore_dials
from babytrain.runs.dials.history import plan_of
from babytrain.runs.dials.learning_rate_schedule import learning_rate
from babytrain.runs.events import AnyEvent, Command, Request, Resumed
from babytrain.runs.forecast.final_loss_forecast import planned_learning_rates
from babytrain.runs.journal.codec import decode_event, encode_event
from babytrain.runs.state.run_state import RunState
from tests.runs.builders import FACTS, resumed, started

CONFIG = build_config("baby", {"lr": 1e-2, "warmup": 10, "eval_every": 200})
ASKED: list[dict[str, Any]] = [
    {"action": "lr_scale", "value": 0.5},
    {"action": "lr_scale", "value": 1.0},
    {"action": "lr_hold", "value": 3e-3},
    {"action": "lr_hold", "value": -1.0},
    {"action": "lr_release"},
    {"action": "rewarm", "value": 5.0},
    {"action": "total_steps", "value": 4000.0},
    {"action": "set", "dial": "dropout", "value": 0.1},
    {"action": "set", "dial": "dropout", "value": 0.2},
    {"action": "set", "dial": "dropout", "value": 7.0},
    {"action": "set", "dial": "beta2", "value": 0.9},
    {"action": "set", "dial": "eval_every", "value": 100.0},
    {"action": "set", "dial": "eval_every", "value": 200.0},
    {"action": "set", "dial": "batch_size", "value": 12.0},
    {"action": "set", "dial": "schedule", "text": "cosine"},
    {"action": "set", "dial": "quiet_hours", "text": "none"},
    {"action": "set", "dial": "quiet_hours", "text": "23:00-07:00, 12:00-13:00"},
    {"action": "set", "dial": "on_battery", "text": "pause"},
    {"action": "undo"},
]
# By the engine: the halved learning rate of a guard, the halved batch of too little memory, a plan by the clock.
BY_ITSELF: list[dict[str, Any]] = [
    {"action": "lr_scale", "value": 0.25},
    {"action": "set", "dial": "batch_size", "value": 3.0},
    {"action": "set", "dial": "accumulate", "value": 2.0},
    {"action": "total_steps", "value": 2500.0},
]


class Engine:
    """Does to its dials what the engine does, keeps checkpoints, and records everything as it would."""

    def __init__(self, *, positions_recorded: bool = True) -> None:
        self.positions_recorded = positions_recorded
        self.dials = initial_dials(CONFIG.to_dict())
        self.step, self.t, self.checkpoints = 1, 1.0, {0: self.dials}
        self.events: list[AnyEvent] = [started(config=CONFIG.to_dict(), total_steps=CONFIG.steps)]
        self.plan()

    def plan(self) -> None:
        if self.positions_recorded:
            positions = self.dials.positions()
            self.events.append(plan_of(CONFIG.to_dict(), FACTS, positions, t=self.t, step=self.step))

    def ask(self, asked: dict[str, Any], command_id: int) -> None:
        request = Request(command_id=command_id, **asked)
        change = apply_command(CONFIG, self.dials, request, self.step, checked_value)
        self.dials = change.dials
        command = Command(
            t=self.t,
            step=self.step,
            command_id=command_id,
            status="refused" if change.refusal else "applied",
            before=change.before,
            after=change.after,
            dials=dict(change.positions) if self.positions_recorded and not change.refusal else None,
            **asked | {"dial": change.dial or asked.get("dial", "")},
        )
        self.events.append(command)

    def pass_step(self) -> None:
        self.step, self.t = self.step + 1, self.t + 1.0

    def save(self) -> None:
        # As a checkpoint keeps them: in JSON.
        saved = msgspec.json.decode(msgspec.json.encode(self.dials.saved()))
        self.checkpoints[self.step] = restore_dials(saved, CONFIG.to_dict())

    def roll_back(self) -> None:
        self.step = max(self.checkpoints)
        self.events.append(resumed(self.step, self.t, total_steps=self.dials.total_steps, rollback=True))

    def resume(self) -> None:
        self.step = max(self.checkpoints)
        self.dials = self.checkpoints[self.step]
        self.events.append(resumed(self.step, self.t, total_steps=self.dials.total_steps))
        self.plan()


def replayed(events: list[AnyEvent]) -> RunState:
    state = RunState()
    state.apply_all(decode_event(encode_event(event)) for event in events)
    return state


def known(dials: DialState) -> DialState:
    """Without what an undo would put back: no reader of a record needs it."""
    return replace(dials, undos=())


ACTIONS = st.lists(
    st.sampled_from([*ASKED, *ASKED[-1:] * 4, *BY_ITSELF, "step", "step", "save", "roll back", "resume"]), max_size=30
)


@pytest.mark.parametrize("positions_recorded", [True, False])
@given(actions=ACTIONS)
def test_a_reader_finds_the_dials_where_the_engine_has_them(positions_recorded: bool, actions: list[Any]) -> None:
    engine = Engine(positions_recorded=positions_recorded)
    for action in actions:
        match action:
            case "step":
                engine.pass_step()
            case "save":
                engine.pass_step()  # at a step of its own: an older journal cannot tell what came before it there
                engine.save()
                engine.pass_step()
            case "roll back":
                # Nor, where a run went back, whether a later checkpoint was written before or after what came then.
                if positions_recorded:
                    engine.roll_back()
                engine.pass_step()
            case "resume":
                engine.resume()
                engine.pass_step()
            case _:
                engine.ask(action, 0 if action in BY_ITSELF else 1)
    snapshot = replayed(engine.events).at()
    assert known(snapshot.dials) == known(engine.dials)
    assert snapshot.total_steps == engine.dials.total_steps
    rates = planned_learning_rates(snapshot, [1, 20, 700])
    assert rates is not None
    assert rates.tolist() == [learning_rate(CONFIG, engine.dials, finished) for finished in (0, 19, 699)]


@given(st.lists(st.sampled_from(ASKED), max_size=12))
def test_what_is_taken_back_was_the_newest_change(asked: list[dict[str, Any]]) -> None:
    """An undo puts back the dials as they were before the newest change that is not undone; a no-op is no change."""
    dials, before = initial_dials(CONFIG.to_dict()), []
    for one in asked:
        new = apply_command(CONFIG, dials, Request(command_id=1, **one), 1, checked_value).dials
        if one["action"] == "undo":
            assert known(new) == (before.pop() if before else known(dials))
        elif known(new) != known(dials):
            before.append(known(dials))
        dials = new


def test_a_change_that_changes_nothing_is_not_what_an_undo_takes_back() -> None:
    engine = Engine()
    for one in (ASKED[2], ASKED[11], ASKED[11], ASKED[-1], ASKED[-1]):
        engine.ask(one, 1)
    dials = replayed(engine.events).at().dials
    assert (dials.lr_hold, dials.eval_every) == (None, 200)


def test_an_undo_leaves_what_the_engine_did_by_itself() -> None:
    engine = Engine()
    for one, command_id in ((ASKED[7], 1), (BY_ITSELF[1], 0), (BY_ITSELF[2], 0), (ASKED[-1], 1)):
        engine.ask(one, command_id)
    dials = replayed(engine.events).at().dials
    assert (dials.dropout, dials.batch_size, dials.accumulate) == (0.0, 3, 2)


def test_a_fork_stands_where_its_checkpoint_stood() -> None:
    """Dials that were changed in the parent are not in the settings of the fork."""
    inherited = replace(initial_dials(CONFIG.to_dict()), dropout=0.3, lr_scale=0.5)
    first = started(config=CONFIG.to_dict(), step=500, parent="ziggy")
    snapshot = replayed([first, plan_of(CONFIG.to_dict(), FACTS, inherited.positions(), t=0.0, step=500)]).at()
    assert snapshot.dials == inherited == snapshot.state.dials.first


def test_a_resume_with_another_learning_rate_is_planned_with_it() -> None:
    for recorded in (True, False):
        first = started(config=CONFIG.to_dict(), total_steps=1000)
        again: Resumed = resumed(100, 50.0, total_steps=1000, changes={"lr": 2e-3})
        plan = plan_of(CONFIG.to_dict() | {"lr": 2e-3}, FACTS, {}, t=50.0, step=100)
        rates = planned_learning_rates(replayed([first, again, *([plan] if recorded else [])]).at(), [11])
        assert rates is not None
        assert rates[0] == pytest.approx(2e-3)


@given(
    st.dictionaries(st.sampled_from([*DialState().positions()]), st.none() | st.floats() | st.text() | st.booleans())
)
def test_nonsense_on_record_is_no_position(recorded: dict[str, object]) -> None:
    before = initial_dials(CONFIG.to_dict())
    after = before.with_positions(recorded)
    for name, position in after.positions().items():
        assert position is None or type(position) is type(getattr(before, name)) or name == "lr_hold"


def test_every_action_of_a_dial_is_asked_for_here() -> None:
    assert {one["action"] for one in ASKED} == set(DIAL_ACTIONS)
