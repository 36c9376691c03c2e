"""The positions of a run's dials over time and the plan of each session, read from its events."""

from __future__ import annotations

import math
from collections.abc import Mapping

from babytrain.runs.dials.apply_and_undo import DIAL_ACTIONS, replay_command
from babytrain.runs.dials.dial_state import DialState, initial_dials
from babytrain.runs.dials.spec import BATCH_DIALS, CADENCE_DIALS, MACHINE_DIALS, Position
from babytrain.runs.events import Command, CorpusInfo, Event, Plan, RatePlan, Resumed, Started
from babytrain.runs.events.timeline import Timeline

# Dials that do not affect the loss.
_LOSS_NEUTRAL_DIALS = frozenset((*CADENCE_DIALS, *MACHINE_DIALS, "total_steps"))
# The final evaluation of a haiku model: a hundred poems of about 66 characters.
FINAL_EVALUATION_CORPUS = "haiku"
FINAL_EVALUATION_TOKENS = 6_600
MOST_REDONE = 20_000  # events worked out again after resumes: more only in a file made to take long
CANARY_TOKENS = 1024 * 50  # for each planted line: candidates it is ranked among, times tokens in each


class DialRecord(Event, frozen=True, kw_only=True):
    """The dials from `t` on, the last step at which a change affected the loss, and the last one of the batch size."""

    dials: DialState
    changed_step: int = 0
    resized_step: int = 0


_START = DialRecord(t=0.0, step=0, dials=initial_dials({}))


class DialHistory:
    """The dials and plans of a whole run, built by `add`."""

    def __init__(self) -> None:
        self._records: Timeline[DialRecord] = Timeline()
        self._plans: Timeline[Plan] = Timeline()
        # The events that count, each with the record after it.
        self._made: list[tuple[Started | Plan | Resumed | Command, DialRecord]] = []
        self._redone = 0
        self._started: Started | None = None
        self._settings: dict[str, object] = {}

    def add(self, event: Started | Plan | Resumed | Command) -> None:
        """Add the next event. A resume from a checkpoint undoes the changes made after it."""
        match event:
            case Command():
                if event.status != "applied" or event.action not in DIAL_ACTIONS:
                    return
            case Plan():
                self._plans.append(event)
            case Started():
                self._started, self._settings = event, dict(event.config)
                self._plan_afresh(event)
            case Resumed() if not event.rollback:
                self._drop_commands_after(event.step)
                if event.changes and self._started is not None:
                    self._settings |= event.changes
                    self._plan_afresh(event)
        self._records.append(self._make(event))

    def _make(self, event: Started | Plan | Resumed | Command) -> DialRecord:
        record = _after(self._made[-1][1] if self._made else _START, event)
        self._made.append((event, record))
        return record

    def _drop_commands_after(self, step: int) -> None:
        """Undo commands after a step; only what came after the first of them is worked out again."""
        if self._redone > MOST_REDONE:
            return
        undone = [isinstance(past, Command) and past.step > step for past, _ in self._made]
        if True not in undone:
            return
        first = undone.index(True)
        self._redone += len(undone) - first
        kept = [past for (past, _), drop in zip(self._made[first:], undone[first:], strict=True) if not drop]
        del self._made[first:]
        for past in kept:
            self._make(past)

    def at(self, t: float) -> DialRecord:
        """The dials at a time; before the run started, those it starts with."""
        return self._records.last_until(t) or next(iter(self._records.events), _START)

    @property
    def first(self) -> DialState:
        """The dials when the run started."""
        return self.at(self._started.t if self._started is not None else 0.0).dials

    def plan_at(self, t: float) -> Plan | None:
        """The plan of the session at a time, None before the run started."""
        return self._plans.last_until(t) or next(iter(self._plans.events), None)

    def _plan_afresh(self, event: Started | Resumed) -> None:
        assert self._started is not None
        self._plans.append(plan_of(self._settings, self._started.corpus, {}, t=event.t, step=event.step))


def plan_of(
    settings: Mapping[str, object], corpus: CorpusInfo, positions: Mapping[str, Position], *, t: float, step: int
) -> Plan:
    """What a session with these settings is going to do; recorded settings may be incomplete or edited by hand."""
    peak, warmup = _number(settings, "lr"), _number(settings, "warmup")
    decay, floor = _number(settings, "wsd_decay_fraction", 0.2), _number(settings, "min_lr_ratio", 0.0)
    rate = None
    if peak is not None and peak > 0 and warmup is not None and decay is not None and floor is not None:
        rate = RatePlan(lr=peak, warmup=max(0, int(warmup)), wsd_decay_fraction=decay, min_lr_ratio=floor)
    prompts = settings.get("extra_prompts")
    writes_poems = (
        corpus.name == FINAL_EVALUATION_CORPUS == settings.get("corpus") and _integer(settings, "sample_every") > 0
    )
    return Plan(
        t=t,
        step=step,
        dials=dict(positions),
        rate=rate,
        checkpoint_every=_integer(settings, "checkpoint_every"),
        minutes=max(0.0, _number(settings, "minutes") or 0.0),
        prompts=1 + len([prompt for prompt in prompts.split("|") if prompt]) if isinstance(prompts, str) else 1,
        sample_tokens=_integer(settings, "sample_tokens"),
        final_evaluation_tokens=FINAL_EVALUATION_TOKENS if writes_poems else 0,
        canary_tokens=CANARY_TOKENS * _integer(settings, "canaries"),
    )


def _after(record: DialRecord, event: Started | Plan | Resumed | Command) -> DialRecord:
    match event:
        case Started():
            return DialRecord(t=event.t, step=event.step, dials=initial_dials(event.config, event.total_steps))
        case Plan():
            dials = record.dials.with_positions(event.dials)
        case Resumed():
            dials = record.dials.with_settings(event.changes).with_positions({"total_steps": event.total_steps})
        case Command():
            dials = replay_command(record.dials, event)
    changed = dials.changed_from(record.dials).keys()
    return DialRecord(
        t=event.t,
        step=event.step,
        dials=dials,
        changed_step=event.step if changed - _LOSS_NEUTRAL_DIALS else record.changed_step,
        resized_step=event.step if changed & set(BATCH_DIALS) else record.resized_step,
    )


def _number(settings: Mapping[str, object], name: str, default: float | None = None) -> float | None:
    value = settings.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


def _integer(settings: Mapping[str, object], name: str) -> int:
    return max(0, int(_number(settings, name) or 0))
