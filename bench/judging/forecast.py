"""How well a run is forecast: how often the ranges hold what comes, and how far their middles are off.

Every run is looked at as it stood at 5%, 10%, ... 95% of its steps. Runs: the library of
`bench/judging/forecast_runs.py`, the recordings that ship with the program, and any journals given. A moment before
somebody changed the plan or the learning rate is left out, because what a person will do cannot be known. The end is in
running time without pauses to come; the final loss is that of the evaluation at the end.

    python -m bench.judging.forecast [JOURNAL ...] [--json FILE] [--edition NUMBER]
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from babytrain.runs.forecast.final_loss_forecast import Forecast, forecast_run
from babytrain.runs.journal import load_state
from babytrain.runs.recorded import recorded_runs
from babytrain.runs.state.run_state import RunState
from bench.judging.forecast_runs import EDITION, History, histories

PROGRESS = tuple(share / 100 for share in range(5, 100, 5))
TARGET_SHARE = 0.85  # of the run: the loss at this point is the target


@dataclass(frozen=True)
class Answer:
    """One forecast of one value: whether its range held the truth, and the relative error of its middle."""

    held: bool
    error: float
    width: float


@dataclass(frozen=True)
class Look:
    """The forecasts of a run at one moment; None where there was no forecast or no truth."""

    name: str
    family: str
    schedule: str
    progress: float
    milliseconds: float
    end: Answer | None
    final_loss: Answer | None
    target: Answer | None
    reason: str = ""


@dataclass(frozen=True)
class Score:
    """Looks taken together. Shares are of the answers given; `answered` is the share of looks."""

    looks: int
    answered: float
    held: float
    median_error: float
    median_width: float


def look_at(history: History, progress: Iterable[float] = PROGRESS) -> list[Look]:
    """The forecasts of a history, whose truth is known without noise."""
    total = history.state.at().total_steps
    target = float(history.val_losses[int(TARGET_SHARE * total)])
    reached = int(np.argmax(history.val_losses <= target))
    looks = _looks(history.state, history.last_command_step, progress, target, reached)
    return [_named(look, history.name, history.family, history.schedule) for look in looks]


def look_at_recording(state: RunState, name: str, progress: Iterable[float] = PROGRESS) -> list[Look]:
    """The forecasts of a recorded run that ended as planned; of any other there is no truth."""
    snapshot = state.at()
    if snapshot.started is None or snapshot.status != "done" or snapshot.step < snapshot.total_steps:
        return []
    turns = [
        event.step
        for event in snapshot.state.commands.until(snapshot.t)
        if event.status == "applied" and event.action in _TURNS
    ]
    looks = _looks(state, max(turns, default=0), progress, None, 0)
    return [_named(look, name, "recorded", str(snapshot.started.config.get("schedule", "?"))) for look in looks]


_TURNS = ("lr_scale", "lr_hold", "lr_release", "total_steps")


def _named(look: Look, name: str, family: str, schedule: str) -> Look:
    return replace(look, name=name, family=family, schedule=schedule)


def _looks(
    state: RunState, since_step: int, progress: Iterable[float], target: float | None, reached: int
) -> list[Look]:
    whole = state.at()
    ended, total = whole.ended, whole.total_steps
    assert ended is not None
    final = whole.evals[-1].val_loss
    looks = []
    for share in progress:
        row = int(np.searchsorted(state.steps.step[: state.steps.count], share * total))
        snapshot = state.at(float(state.steps.t[row]))
        if snapshot.step <= since_step:
            continue
        began = time.perf_counter()
        forecast = forecast_run(snapshot, target)
        milliseconds = 1000 * (time.perf_counter() - began)
        left = ended.t - snapshot.t - _paused_after(state, snapshot.t, ended.t)
        looks.append(
            Look(
                name="",
                family="",
                schedule="",
                progress=share,
                milliseconds=milliseconds,
                end=_answer(forecast.end.low, forecast.end.high, left) if forecast.end else None,
                final_loss=_answer(forecast.final_loss.low, forecast.final_loss.high, final)
                if forecast.final_loss
                else None,
                target=_target_answer(forecast, reached, total) if share < TARGET_SHARE else None,
                reason=forecast.final_loss_reason,
            )
        )
    return looks


def _answer(low: float, high: float, truth: float) -> Answer:
    middle = 0.5 * (low + high)
    return Answer(low <= truth <= high, abs(middle - truth) / max(abs(truth), 1e-9), (high - low) / max(middle, 1e-9))


def _target_answer(forecast: Forecast, reached: int, total: int) -> Answer | None:
    """The step at which the target is reached, as a share of the run; a firm no counts as wrong."""
    target = forecast.target
    if target is None or target.reached_step is not None:
        return None
    if target.steps is None:
        return Answer(False, math.nan, math.nan)
    low, high = target.steps.low, target.steps.high
    return Answer(low <= reached <= high, abs(0.5 * (low + high) - reached) / total, (high - low) / total)


def _paused_after(state: RunState, t: float, end: float) -> float:
    phases = state.phases.events
    spans = zip(phases, [*(event.t for event in phases[1:]), end], strict=True)
    return sum(max(0.0, until - max(event.t, t)) for event, until in spans if event.phase == "paused")


def score(looks: Iterable[Look], of: Callable[[Look], Answer | None]) -> Score:
    """The score of the looks for one of the forecast values."""
    answers = [of(look) for look in looks]
    given = [answer for answer in answers if answer is not None]
    if not given:
        return Score(len(answers), 0.0, math.nan, math.nan, math.nan)
    return Score(
        looks=len(answers),
        answered=len(given) / len(answers),
        held=sum(answer.held for answer in given) / len(given),
        median_error=float(np.nanmedian([answer.error for answer in given])),
        median_width=float(np.nanmedian([answer.width for answer in given])),
    )


NUMBERS: dict[str, Callable[[Look], Answer | None]] = {
    "end": lambda look: look.end,
    "final loss": lambda look: look.final_loss,
    "target": lambda look: look.target,
}


def _from(looks: list[Look], share: float) -> list[Look]:
    return [look for look in looks if look.progress >= share]


def tables(looks: list[Look]) -> dict[str, dict[str, dict[str, Score]]]:
    """Scores by forecast value, then by grouping, then by group."""
    late = _from(looks, 0.2)
    groupings: dict[str, dict[str, list[Look]]] = {
        "from 10%": {"all": _from(looks, 0.1)},
        "from 20%": {"all": late},
        "by progress": {
            f"{decile * 10}%": [look for look in looks if int(look.progress * 10 + 1e-9) == decile]
            for decile in range(10)
        },
        "by family, from 20%": {
            family: [look for look in late if look.family == family]
            for family in dict.fromkeys(look.family for look in late)
        },
        "by schedule, from 20%": {
            name: [look for look in late if look.schedule == name]
            for name in dict.fromkeys(look.schedule for look in late)
        },
    }
    return {
        number: {
            title: {name: score(group, of) for name, group in groups.items()} for title, groups in groupings.items()
        }
        for number, of in NUMBERS.items()
    }


def as_text(looks: list[Look]) -> str:
    """The tables as text."""
    lines = []
    for number, groupings in tables(looks).items():
        if all(NUMBERS[number](look) is None for look in looks):
            continue
        for title, groups in groupings.items():
            lines.append(f"{number}, {title}")
            for name, result in groups.items():
                lines.append(
                    f"  {name:24s} {result.looks:5d} looks  answered {result.answered:4.0%}  range holds "
                    f"{result.held:4.0%}  median error {result.median_error:6.1%}  width {result.median_width:6.1%}"
                )
    costs = [look.milliseconds for look in looks]
    lines.append(f"a forecast took {np.median(costs):.1f} ms, at most {np.max(costs):.1f} ms")
    return "\n".join(lines)


def as_data(looks: list[Look]) -> dict[str, Any]:
    """The tables and every look as plain data; missing numbers are null."""
    scores = {
        number: {title: {name: asdict(result) for name, result in groups.items()} for title, groups in by.items()}
        for number, by in tables(looks).items()
    }
    data: dict[str, Any] = _without_nan({"tables": scores, "looks": [asdict(look) for look in looks]})
    return data


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_nan(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("journals", nargs="*", type=Path, help="journals of finished runs, judged besides")
    parser.add_argument("--json", type=Path, help="where to write every look and the tables")
    parser.add_argument("--edition", type=int, default=EDITION, help="of the library: other numbers, same families")
    options = parser.parse_args()
    made = [look for history in histories(options.edition) for look in look_at(history)]
    real = [
        look
        for path in [*recorded_runs(), *options.journals]
        for look in look_at_recording(load_state(path), path.stem)
    ]
    print("Generated histories\n" + as_text(made))
    print("\nRecorded runs\n" + as_text(real) if real else "\nNo recorded run went to its end")
    if options.json:
        data = {name: as_data(looks) for name, looks in (("generated", made), ("recorded", real))}
        options.json.write_text(json.dumps(data, indent=1, allow_nan=False), encoding="utf-8")


if __name__ == "__main__":
    main()
