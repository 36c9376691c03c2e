"""The health lines: diagnosis, advice with its key, newest recovery or disk problem, forecast. Empty without facts."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from textual import events
from textual.content import Content

from babytrain.runs.events import GuardEvent, SuggestedCommand, Verdict
from babytrain.runs.forecast.eta import Eta, why_no_eta
from babytrain.runs.forecast.final_loss_forecast import NO_TARGET, Forecast, forecast_run
from babytrain.runs.formatting import format_count, format_loss, format_whole_seconds
from babytrain.runs.state.run_state import RunSnapshot
from babytrain.tui.terminal.charset import CharsetName
from babytrain.tui.terminal.glyphs import Glyphs
from babytrain.tui.terminal.safe_text import safe_content, safe_line
from babytrain.tui.text.wording import StatusLabel, range_text, status_label, verdict_label
from babytrain.tui.widgets.common.line_widget import DIM, LineWidget, labelled
from babytrain.tui.widgets.run.progress_header import eta_text

FORECAST_SECONDS = 5.0  # a forecast takes some milliseconds and changes slowly
_MIN_SENTENCE_COLUMNS = 12  # columns; with less no sentence is shown
ADVICE_IDS = ("live.advice", "live.alternative")


class ForecastCache:
    """The forecast of a run, recomputed every five seconds at most."""

    def __init__(
        self, now: Callable[[], float] = time.monotonic, forecast: Callable[[RunSnapshot], Forecast] | None = None
    ) -> None:
        self._now = now
        self._make = forecast or _forecast_with_target
        self._made_at = 0.0
        self._run: object = None
        self._seen: object = None
        self._forecast: Forecast | None = None

    def at(self, snapshot: RunSnapshot) -> Forecast:
        """The newest forecast, some seconds old at most; recomputed for another run, after a command or a rollback."""
        now, state = self._now(), snapshot.state
        run = (id(state), id(state.started), len(state.resumes), len(state.commands), snapshot.phase)
        seen = (snapshot.rows, snapshot.step, len(state.evals))
        due = now - self._made_at >= FORECAST_SECONDS and seen != self._seen
        if self._forecast is None or run != self._run or due:
            self._forecast, self._made_at, self._run, self._seen = self._make(snapshot), now, run, seen
        return self._forecast


def _forecast_with_target(snapshot: RunSnapshot) -> Forecast:
    """The forecast, including the arrival at the target if the run's settings have one."""
    wanted = snapshot.settings.get("target_loss")
    return forecast_run(snapshot, float(wanted) if isinstance(wanted, int | float) and wanted > 0 else None)


@dataclass(frozen=True)
class HealthFacts:
    """What the health lines show. `keys` maps each id in `ADVICE_IDS` to the key as displayed and as sent."""

    snapshot: RunSnapshot
    eta: Eta | None = None
    forecast: Forecast | None = None
    keys: Mapping[str, tuple[str, str]] = field(default_factory=dict)


@dataclass(frozen=True)
class ClickableRange:
    """A clickable part of a line: its columns [first, end) and the key that a click sends."""

    first: int
    end: int
    key: str


@dataclass(frozen=True)
class HealthLine:
    """One line and its clickable parts."""

    content: Content
    buttons: tuple[ClickableRange, ...] = ()


def has_diagnosis(facts: HealthFacts) -> bool:
    """Whether a diagnosis exists or will; old recordings have none."""
    state = facts.snapshot.state
    return facts.forecast is not None or any((state.verdicts, state.guard_events, state.storage))


def is_advice_followed(snapshot: RunSnapshot, advice: SuggestedCommand) -> bool:
    """Whether the command of an advice of the newest verdict was applied since."""
    verdict = snapshot.verdict
    since = verdict.t if verdict is not None else 0.0
    wanted = (advice.action, advice.dial, advice.value, advice.text)
    return any(
        command.status == "applied" and (command.action, command.dial, command.value, command.text) == wanted
        for command in snapshot.state.commands.events[snapshot.state.commands.count_until(since - 1e-9) :]
        if command.t <= snapshot.t
    )


def health_lines(facts: HealthFacts, width: int, height: int, glyphs: Glyphs) -> list[HealthLine]:
    """`height` (1 to 4) lines of exactly `width` columns, for a width of 1 and more."""
    inner = max(1, width - 2)
    snapshot = facts.snapshot
    verdict, rescue = _standing_verdict(snapshot), snapshot.state.guard_events.last_until(snapshot.t)
    buttons = _buttons(facts, verdict, glyphs)
    disk = _disk_problem(snapshot, glyphs)
    if height <= 1:
        return [_line(disk or _headline(snapshot, glyphs, why=False), buttons, inner)]
    next_ = _sentence("next", verdict.next_ if verdict is not None else "")
    if height == 2 and health_line_count(facts) > 2:
        newer = rescue is not None and (verdict is None or rescue.t >= verdict.t)
        second = disk or (_rescue(rescue) if newer and rescue is not None else next_)
        known = facts.forecast is not None and facts.forecast.final_loss is not None
        expected = [(Content.assemble(("forecast ", DIM), _final_loss(facts, glyphs)), "")] if known else []
        return [_line(_headline(snapshot, glyphs), expected, inner), _line(second, buttons, inner)]
    lines = [_line(_headline(snapshot, glyphs), [], inner)]
    if snapshot.state.verdicts:
        lines.append(_line(next_, buttons, inner))
    if snapshot.state.guard_events or snapshot.state.storage:
        lines.append(_line(disk or (Content() if rescue is None else _rescue(rescue)), [], inner))
    if facts.forecast is not None:
        lines.append(_line(_forecast(facts, glyphs), [], inner))
    return lines[:height] + [HealthLine(Content(" " * (inner + 2)))] * max(0, height - len(lines))


def _standing_verdict(snapshot: RunSnapshot) -> Verdict | None:
    """The newest verdict; None once the run has failed, since it was about a run that could go on."""
    return None if snapshot.status == "failed" else snapshot.verdict


def health_in_full(facts: HealthFacts, glyphs: Glyphs) -> list[Content]:
    """Every line that there is, and every advice, uncut."""
    snapshot = facts.snapshot
    verdict, rescue = _standing_verdict(snapshot), snapshot.state.guard_events.last_until(snapshot.t)
    lines = [_headline(snapshot, glyphs), _sentence("next", verdict.next_ if verdict is not None else "")]
    lines += [button for button, _ in _buttons(facts, verdict, glyphs)]
    lines += [_rescue(rescue) if rescue is not None else Content(), _disk_problem(snapshot, glyphs)]
    return [line for line in (*lines, _forecast(facts, glyphs)) if line]


def health_line_count(facts: HealthFacts) -> int:
    """How many lines are used; constant over a recording, so that seeking moves no pane."""
    state = facts.snapshot.state
    return 1 + bool(state.verdicts) + any((state.guard_events, state.storage)) + (facts.forecast is not None)


def _headline(snapshot: RunSnapshot, glyphs: Glyphs, *, why: bool = True) -> Content:
    """The verdict and why; of a failed run that it failed, whatever the last verdict was."""
    state, reason = StatusLabel(glyphs.waiting, "no diagnosis yet", DIM), ""
    verdict, ended, resumed = snapshot.verdict, snapshot.ended, snapshot.state.resumes.last_until(snapshot.t)
    if ended is not None and ended.status == "failed":
        state, reason = status_label("failed", glyphs), ended.reason
    elif verdict is not None:
        state, reason = verdict_label(verdict.verdict, glyphs), verdict.why
    elif resumed is not None and resumed.rollback:
        reason = f"It went back to step {format_count(resumed.step)}."
    words = safe_content(reason, one_line=True) if why else Content()
    return Content.assemble((f"{state.symbol} {state.word}", state.style), "  " if words else "", words)


def _sentence(label: str, words: str) -> Content:
    if not words:
        return Content()
    return Content.assemble((f"{label} ", DIM), safe_content(words, one_line=True))


def _rescue(rescue: GuardEvent) -> Content:
    where = f"! {safe_line(rescue.action, 20)} @{format_count(rescue.step)}  "
    return Content.assemble((where, "bold $error"), safe_content(rescue.text, one_line=True))


def _disk_problem(snapshot: RunSnapshot, glyphs: Glyphs) -> Content:
    failing = snapshot.failing_storage
    if not failing:
        return Content()
    first, *others = (f"no {event.what} since step {format_count(event.step)}" for event in failing)
    failures = "; ".join([f"{first}, {format_whole_seconds(snapshot.t - failing[0].t)}", *others])
    reason = safe_line(failing[-1].reason)
    hope = "It waits with what it holds in memory" if snapshot.phase == "stopping" else "Training goes on"
    help_ = "it is saved once a folder can be made" if failing[-1].what == "folder" else "make room"
    rest = f": {reason}. {hope}; {help_}."
    return Content.assemble((f"{glyphs.failed} {failures}", "bold $error"), Content(rest))


def _forecast(facts: HealthFacts, glyphs: Glyphs) -> Content:
    """When the run ends and at which loss, or why that is not known."""
    forecast = facts.forecast
    if forecast is None:
        return Content()
    if forecast.end_reason == forecast.final_loss_reason and facts.eta is None and forecast.end_reason:
        return _sentence("forecast", forecast.end_reason)
    if facts.eta is not None:
        when = " when resumed" if forecast.paused else ""
        why = f" ({facts.eta.reason})" if facts.eta.reason else ""
        end = Content.assemble("ends in ", (eta_text(facts.eta, glyphs), "bold"), when + why)
    else:
        end = Content(f"end: {why_no_eta(facts.snapshot)}")
    parts = [end, _final_loss(facts, glyphs, reason=True), *_target(forecast, glyphs)]
    return Content.assemble(("forecast ", DIM), Content(f" {glyphs.dot} ").join(parts))


def _target(forecast: Forecast, glyphs: Glyphs) -> list[Content]:
    """Whether and when the target loss is reached, or why that is not known."""
    target = forecast.target
    if target is None:
        known = ("", NO_TARGET, forecast.final_loss_reason, forecast.end_reason)
        return [] if forecast.target_reason in known else [Content(f"target: {forecast.target_reason}")]
    words = Content.assemble(labelled("val", format_loss(target.loss)), f" {target.text}")
    if target.steps is None:
        return [words]
    low, high = format_count(target.steps.low), format_count(target.steps.high)
    return [Content.assemble(words, f", step {range_text(low, high, glyphs.range)}")]


def _final_loss(facts: HealthFacts, glyphs: Glyphs, *, reason: bool = False) -> Content:
    forecast = facts.forecast
    if forecast is None or forecast.final_loss is None:
        words = forecast.final_loss_reason if forecast is not None else ""
        return Content(f"final val: {words}" if words and reason else "")
    loss = forecast.final_loss
    return labelled("final val", range_text(format_loss(loss.low), format_loss(loss.high), glyphs.range))


def _buttons(facts: HealthFacts, verdict: Verdict | None, glyphs: Glyphs) -> list[tuple[Content, str]]:
    """Actions on the advice with the key to send; an applied one has a sign in place of the key."""
    if verdict is None:
        return []
    found: list[tuple[Content, str]] = []
    for advice, name in zip((verdict.advice, verdict.alternative), ADVICE_IDS, strict=True):
        if advice is None or name not in facts.keys:
            continue
        label = safe_line(advice.label)
        shown, sent = facts.keys[name]
        if is_advice_followed(facts.snapshot, advice):
            found.append((Content.assemble((f"{glyphs.done} ", "bold $success"), (label, DIM)), ""))
        else:
            found.append((Content.assemble((f"{shown} ", "bold $primary"), label), sent))
    return found


def _line(words: Content, buttons: list[tuple[Content, str]], inner: int) -> HealthLine:
    room = inner - min(words.cell_length, max(_MIN_SENTENCE_COLUMNS, inner // 2))
    chosen: list[tuple[Content, str]] = []
    for button, key in buttons:
        if button.cell_length + 2 > room:
            if not chosen and room >= _MIN_SENTENCE_COLUMNS:
                chosen.append((button.truncate(room - 2, ellipsis=True), key))
            break
        chosen.append((button, key))
        room -= button.cell_length + 2
    taken = sum(button.cell_length + 2 for button, _ in chosen)
    words = words.truncate(max(0, inner - taken), ellipsis=True)
    parts: list[Content | str] = [" ", words, " " * (inner - taken - words.cell_length)]
    positions: list[ClickableRange] = []
    column = 1 + inner - taken
    for button, key in chosen:
        parts += ["  ", button]
        if key:
            positions.append(ClickableRange(column + 2, column + 2 + button.cell_length, key))
        column += 2 + button.cell_length
    parts.append(" ")
    return HealthLine(Content.assemble(*parts), tuple(positions))


class HealthBar(LineWidget):
    """One to four lines, by the layout and the number of facts."""

    DEFAULT_CSS = "HealthBar { display: none; }"

    def __init__(self, charset: CharsetName) -> None:
        super().__init__("health", charset)
        self._facts: HealthFacts | None = None
        self._shown: list[HealthLine] = []

    def show(self, facts: HealthFacts) -> None:
        """Show these facts."""
        self._facts = facts
        self.set_class(has_diagnosis(facts), "-known")
        wanted = health_line_count(facts)
        for count in (2, 3, 4):
            self.set_class(count == wanted, f"-lines-{count}")
        self.redraw()

    def build(self, width: int, height: int) -> list[Content]:
        """The lines."""
        self._shown = health_lines(self._facts, width, height, self.glyphs) if self._facts else []
        return [line.content for line in self._shown]

    def in_full(self) -> list[Content]:
        """Every sentence, uncut."""
        return health_in_full(self._facts, self.glyphs) if self._facts else []

    async def on_click(self, event: events.Click) -> None:
        """Press the key that is shown there."""
        if 0 <= event.y < len(self._shown):
            for button in self._shown[event.y].buttons:
                if button.first <= event.x < button.end:
                    event.stop()
                    await self.app.action_simulate_key(button.key)
