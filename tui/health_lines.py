"""How a run is doing, in one to four lines: the verdict and why, what to do and which key does it, the newest rescue
(or, while it lasts, that the disk takes no checkpoints), and what is to be expected. Pure functions, and the little
memory that keeps the forecast from being made too often.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from textual.content import Content

from babytrain.runs.eta import SecondsRange
from babytrain.runs.events import Advice, Rescue, Verdict
from babytrain.runs.forecast import NO_TARGET, Forecast, forecast_run
from babytrain.runs.state import Moment
from babytrain.tui.glyphs import Glyphs
from babytrain.tui.safe_text import safe_content, safe_line
from babytrain.tui.verdict_words import verdict_state
from babytrain.tui.widgets.units import format_count, format_loss, format_whole_seconds
from babytrain.tui.wording import State

FORECAST_SECONDS = 5.0  # a forecast costs some milliseconds, and changes slowly
LONGEST_LABEL = 36
LONGEST_REASON = 80
FEWEST_WORDS = 12  # columns for a sentence; with less it is not begun
ADVICE_IDS = ("live.advice", "live.alternative")


class Foresight:
    """The forecast of a run, made anew every few seconds at most."""

    def __init__(
        self,
        now: Callable[[], float] = time.monotonic,
        forecast: Callable[[Moment], Forecast] | None = None,
    ) -> None:
        self._now = now
        self._make = forecast or _forecast_with_target
        self._made_at = 0.0
        self._run: object = None
        self._seen: object = None
        self._forecast: Forecast | None = None

    def at(self, moment: Moment) -> Forecast:
        """The newest forecast, some seconds old at most; that of another run, or of another past, is none."""
        now, state = self._now(), moment.state
        run = (id(state), id(state.started), len(state.resumes), moment.phase)
        seen = (moment.rows, moment.step, len(state.evals), len(state.commands))
        due = now - self._made_at >= FORECAST_SECONDS and seen != self._seen
        if self._forecast is None or run != self._run or due:
            self._forecast, self._made_at, self._run, self._seen = self._make(moment), now, run, seen
        return self._forecast


def _forecast_with_target(moment: Moment) -> Forecast:
    """The forecast, of the arrival at the target as well where the run's settings name one."""
    wanted = moment.settings.get("target_loss")
    return forecast_run(moment, float(wanted) if isinstance(wanted, int | float) and wanted > 0 else None)


@dataclass(frozen=True)
class HealthFacts:
    """What the health lines say. `keys` is for each id in `ADVICE_IDS` the key as shown and as sent."""

    moment: Moment
    eta: SecondsRange | None = None
    forecast: Forecast | None = None
    keys: Mapping[str, tuple[str, str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Button:
    """A piece of a line that can be clicked: its columns [first, end) and the key that a click sends."""

    first: int
    end: int
    key: str


@dataclass(frozen=True)
class HealthLine:
    """One line and what can be clicked on it."""

    content: Content
    buttons: tuple[Button, ...] = ()


def has_news(facts: HealthFacts) -> bool:
    """Whether there is anything to say at all, or will be: an old recording knows of no diagnosis."""
    state = facts.moment.state
    return facts.forecast is not None or any((state.verdicts, state.rescues, state.storage))


def is_followed(moment: Moment, advice: Advice) -> bool:
    """Whether an advice of the newest verdict was followed: its command was applied since."""
    verdict = moment.verdict
    since = verdict.t if verdict is not None else 0.0
    wanted = (advice.action, advice.dial, advice.value, advice.text)
    return any(
        command.status == "applied" and (command.action, command.dial, command.value, command.text) == wanted
        for command in moment.state.commands.events[moment.state.commands.count_until(since - 1e-9) :]
        if command.t <= moment.t
    )


def health_lines(facts: HealthFacts, width: int, height: int, glyphs: Glyphs) -> list[HealthLine]:
    """`height` (1 to 4) lines of exactly `width` columns, for a width of 1 and more."""
    inner = max(1, width - 2)
    moment = facts.moment
    verdict, rescue = moment.verdict, moment.state.rescues.last_until(moment.t)
    buttons = _buttons(facts, verdict, glyphs)
    disk = _storage(moment, glyphs)
    if height <= 1:
        return [_line(disk or _diagnosis(verdict, glyphs, why=False), buttons, inner)]
    next_ = _sentence("next", verdict.next_ if verdict is not None else "")
    if height == 2 and lines_wanted(facts) > 2:
        newer = rescue is not None and (verdict is None or rescue.t >= verdict.t)
        second = disk or (_rescue(rescue) if newer and rescue is not None else next_)
        expected = [(_final_loss(facts, glyphs), "")] if facts.forecast and facts.forecast.final_loss else []
        return [_line(_diagnosis(verdict, glyphs), expected, inner), _line(second, buttons, inner)]
    lines = [_line(_diagnosis(verdict, glyphs), [], inner)]
    if moment.state.verdicts:
        lines.append(_line(next_, buttons, inner))
    if moment.state.rescues or moment.state.storage:
        lines.append(_line(disk or (Content() if rescue is None else _rescue(rescue)), [], inner))
    if facts.forecast is not None:
        lines.append(_line(_forecast(facts, glyphs), [], inner))
    return lines[:height] + [HealthLine(Content(" " * (inner + 2)))] * max(0, height - len(lines))


def lines_wanted(facts: HealthFacts) -> int:
    """How many lines there are to fill; in a recording the same at every moment, so that seeking moves no pane."""
    state = facts.moment.state
    return 1 + bool(state.verdicts) + any((state.rescues, state.storage)) + (facts.forecast is not None)


def _diagnosis(verdict: Verdict | None, glyphs: Glyphs, *, why: bool = True) -> Content:
    state = State(glyphs.waiting, "no diagnosis yet", "$foreground 60%")
    if verdict is not None:
        state = verdict_state(verdict.verdict, glyphs)
    words = safe_content(verdict.why, one_line=True) if verdict is not None and why else Content()
    return Content.assemble((f"{state.symbol} {state.word}", state.style), "  " if words else "", words)


def _sentence(label: str, words: str) -> Content:
    if not words:
        return Content()
    return Content.assemble((f"{label} ", "$foreground 60%"), safe_content(words, one_line=True))


def _rescue(rescue: Rescue) -> Content:
    where = f"! {safe_line(rescue.deed, 20)} @{format_count(rescue.step)}  "
    return Content.assemble((where, "bold $error"), safe_content(rescue.text, one_line=True))


def _storage(moment: Moment, glyphs: Glyphs) -> Content:
    """What the disk does not take, and since when."""
    failing = moment.failing_storage
    if not failing:
        return Content()
    first, *others = (f"no {event.what} since step {format_count(event.step)}" for event in failing)
    told = "; ".join([f"{first}, {format_whole_seconds(moment.t - failing[0].t)}", *others])
    reason = safe_line(failing[-1].reason, LONGEST_REASON)
    hope = "It waits with what it holds in memory" if moment.phase == "stopping" else "Training goes on"
    rest = f": {reason}. {hope}; make room."
    return Content.assemble((f"{glyphs.failed} {told}", "bold $error"), Content(rest))


def _forecast(facts: HealthFacts, glyphs: Glyphs) -> Content:
    """When it ends and at which loss, or why nobody knows."""
    forecast = facts.forecast
    if forecast is None:
        return Content()
    if forecast.end_reason == forecast.final_loss_reason and facts.eta is None and forecast.end_reason:
        return _sentence("forecast", forecast.end_reason)
    if facts.eta is not None:
        low, high = format_whole_seconds(facts.eta.low), format_whole_seconds(facts.eta.high)
        span = low if low == high else f"{low}{glyphs.range}{high}"
        end = Content.assemble("ends in ", (span, "bold"), " when resumed" if forecast.paused else "")
    else:
        end = Content(f"end: {forecast.end_reason or 'not known'}")
    parts = [end, _final_loss(facts, glyphs, reason=True), *_target(forecast, glyphs)]
    return Content.assemble(("forecast ", "$foreground 60%"), Content(f" {glyphs.dot} ").join(parts))


def _target(forecast: Forecast, glyphs: Glyphs) -> list[Content]:
    """Whether and when the loss that was asked about is reached, or why nobody knows."""
    target = forecast.target
    if target is None:
        told = ("", NO_TARGET, forecast.final_loss_reason, forecast.end_reason)
        return [] if forecast.target_reason in told else [Content(f"target: {forecast.target_reason}")]
    words = Content.assemble(("val ", "$foreground 60%"), (format_loss(target.loss), "bold"), f" {target.words}")
    if target.steps is None:
        return [words]
    low, high = format_count(target.steps.low), format_count(target.steps.high)
    return [Content.assemble(words, f", step {low}{glyphs.range}{high}")]


def _final_loss(facts: HealthFacts, glyphs: Glyphs, *, reason: bool = False) -> Content:
    forecast = facts.forecast
    if forecast is None or forecast.final_loss is None:
        words = forecast.final_loss_reason if forecast is not None else ""
        return Content(f"final val: {words}" if words and reason else "")
    loss = forecast.final_loss
    span = f"{format_loss(loss.low)}{glyphs.range}{format_loss(loss.high)}"
    return Content.assemble(("final val ", "$foreground 60%"), (span, "bold"))


def _buttons(facts: HealthFacts, verdict: Verdict | None, glyphs: Glyphs) -> list[tuple[Content, str]]:
    """What a key does about it, and the key to send; what was done already has a sign in place of the key."""
    if verdict is None:
        return []
    found: list[tuple[Content, str]] = []
    for advice, name in zip((verdict.advice, verdict.alternative), ADVICE_IDS, strict=True):
        if advice is None or name not in facts.keys:
            continue
        label = safe_line(advice.label, LONGEST_LABEL)
        shown, sent = facts.keys[name]
        if is_followed(facts.moment, advice):
            found.append((Content.assemble((f"{glyphs.done} ", "bold $success"), (label, "$foreground 60%")), ""))
        else:
            found.append((Content.assemble((f"{shown} ", "bold $primary"), label), sent))
    return found


def _line(words: Content, buttons: list[tuple[Content, str]], inner: int) -> HealthLine:
    """The words, cut where need be, and at the right end as many of the buttons as there is room for."""
    room = inner - min(words.cell_length, max(FEWEST_WORDS, inner // 2))
    chosen: list[tuple[Content, str]] = []
    for button, key in buttons:
        if button.cell_length + 2 > room:
            if not chosen and room >= FEWEST_WORDS:
                chosen.append((button.truncate(room - 2, ellipsis=True), key))
            break
        chosen.append((button, key))
        room -= button.cell_length + 2
    taken = sum(button.cell_length + 2 for button, _ in chosen)
    words = words.truncate(max(0, inner - taken), ellipsis=True)
    parts: list[Content | str] = [" ", words, " " * (inner - taken - words.cell_length)]
    places: list[Button] = []
    column = 1 + inner - taken
    for button, key in chosen:
        parts += ["  ", button]
        if key:
            places.append(Button(column + 2, column + 2 + button.cell_length, key))
        column += 2 + button.cell_length
    parts.append(" ")
    return HealthLine(Content.assemble(*parts), tuple(places))
