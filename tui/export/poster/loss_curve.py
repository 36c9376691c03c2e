"""The loss curve: training as a pale band, validation as one bold line, what merely counts as faint levels.

The steps stand on a square-root scale: most of what is learned is learned early, and what goes wrong goes wrong late,
and both need room. The evaluation before the first step is no part of the line: nothing was measured between it and the
next one, where the training loss shows what happened.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from babytrain.runs.state.run_state import RunSnapshot
from babytrain.tui.export.curve_data import (
    DownsampledCurve,
    Scale,
    round_numbers,
    spread_labels,
    training_loss_curve,
    validation_losses,
)
from babytrain.tui.export.markup import EMPTY_MARKUP, Markup, join_markup, path_data, svg_element, svg_text
from babytrain.tui.export.poster.typography import (
    ACCENT,
    BAND_COLOUR,
    HAIRLINE,
    INK,
    NOTE_SIZE,
    PAPER,
    SANS,
    SERIF,
    SOFT_INK,
    TRAINING_COLOUR,
    PageBox,
    text_width,
)
from babytrain.tui.export.run_facts import loss_unit
from babytrain.tui.text.formatting import format_count
from babytrain.tui.text.wording import VERDICTS_NEEDING_ACTION

MAX_CURVE_POINTS = 700
_LABEL_ROOM = 345.0  # at the right, for the names of the levels
_FIGURE_ROOM = 210.0  # for the newest loss alone
_AXIS_ROOM = 120.0  # below
_MARK_WORDS = {"skipped": "step skipped", "rolled back": "went back", "halved the batch": "batch halved"}
_MARK_SIZE = 30.0
_TICK_DISTANCE = 230.0
_LABEL_GAP = 52.0  # right of the plot, past the ring of the best evaluation
_NAME_ROOM = 46.0
_NEWEST_ROOM = 58.0  # above and below the newest loss


@dataclass(frozen=True)
class _PlotFrame:
    steps: Scale  # of the root of the step
    y: Scale
    plot: PageBox

    def x(self, step: float) -> float:
        """Where a step stands."""
        return self.steps(math.sqrt(max(0.0, float(step))))


def draw_curve(snapshot: RunSnapshot, box: PageBox) -> Markup:
    """The chart of the whole run within `box`, labels included."""
    training, evals = training_loss_curve(snapshot, MAX_CURVE_POINTS, by_root=True), validation_losses(snapshot)
    room = _LABEL_ROOM if _named_levels(snapshot) else _FIGURE_ROOM
    plot = PageBox(box.x, box.y, box.width - room, box.height - _AXIS_ROOM)
    if not len(training) and not evals:
        return svg_text(
            plot.x,
            plot.y + 60,
            "no step was recorded",
            font_family=SERIF,
            font_style="italic",
            font_size=60,
            fill=SOFT_INK,
        )
    first = float(training.x[0]) if len(training) else evals[0][0]
    last = max(
        [snapshot.total_steps if snapshot.ended is None else 0, *training.x[-1:], *(step for step, _ in evals[-1:])]
    )
    frame = _PlotFrame(
        Scale(math.sqrt(first), math.sqrt(max(last, first + 1)), plot.x, plot.right),
        Scale(0.0, _highest(snapshot, training, evals), plot.bottom, plot.y),
        plot,
    )
    return join_markup(
        _axes(frame),
        _levels(snapshot, frame),
        _training(training, frame),
        _validation(evals, frame),
        _marks(snapshot, frame),
        _labels(snapshot, evals, frame),
    )


def _highest(snapshot: RunSnapshot, training: DownsampledCurve, evals: list[tuple[int, float]]) -> float:
    """The top of the axis: what the run began with, or a little above; never so high that a spike flattens the rest."""
    losses: list[float] = [*(loss for _, loss in evals), *training.mean.tolist()]
    top = max(losses)
    started = snapshot.started
    if started is not None and started.corpus.vocabulary_size > 1:
        top = min(top, 1.5 * math.log(started.corpus.vocabulary_size))
    return max(top * 1.04, min(losses) * 1.2, 1e-6)


def _axes(frame: _PlotFrame) -> Markup:
    plot, parts = frame.plot, []
    for value in round_numbers(0.0, frame.y.high, 4):
        y = frame.y(value)
        parts.append(svg_element("line", x1=plot.x, x2=plot.right, y1=y, y2=y, stroke=HAIRLINE, stroke_width=2))
        parts.append(
            svg_text(
                plot.x - 26,
                y + 11,
                f"{value:g}",
                font_family=SANS,
                font_size=NOTE_SIZE - 4,
                fill=SOFT_INK,
                text_anchor="end",
            )
        )
    parts.append(
        svg_element("line", x1=plot.x, x2=plot.right, y1=plot.bottom, y2=plot.bottom, stroke=INK, stroke_width=4)
    )
    numbers = _tick_steps(frame)
    for value in numbers:
        anchor = "end" if frame.x(value) > plot.right - 60 else "middle"
        unit = " steps" if value == numbers[0] else ""
        x, y = frame.x(value), plot.bottom
        parts.append(svg_element("line", x1=x, x2=x, y1=y, y2=y + 16, stroke=INK, stroke_width=3))
        parts.append(
            svg_text(
                x,
                y + 62,
                format_count(value) + unit,
                font_family=SANS,
                font_size=NOTE_SIZE - 4,
                fill=SOFT_INK,
                text_anchor=anchor,
            )
        )
    return join_markup(*parts)


def _tick_steps(frame: _PlotFrame) -> list[float]:
    """Steps to name: the last, the first, and round ones between them, far enough apart."""
    low, high = (round(value * value) for value in (frame.steps.low, frame.steps.high))
    powers = range(len(str(high)) + 1)
    round_ones = {low, *(factor * 10**power for power in powers for factor in (1, 2, 5)), *round_numbers(low, high, 4)}
    chosen: list[float] = [high, low]
    for value in sorted((one for one in round_ones if low < one < high and one == int(one)), reverse=True):
        if all(abs(frame.x(other) - frame.x(value)) >= _TICK_DISTANCE for other in chosen):
            chosen.append(value)
    return chosen


def _named_levels(snapshot: RunSnapshot) -> list[tuple[str, float]]:
    baselines = snapshot.baselines
    levels: list[tuple[str, float]] = []
    if baselines is not None:
        symbols = "letters" if loss_unit(snapshot) == "character" else "tokens"
        levels = [
            ("chance", baselines.uniform),
            (f"{symbols} counted", baselines.unigram),
            ("pairs counted", baselines.bigram),
            ("threes counted", baselines.trigram),
            ("fives counted", baselines.fivegram),
        ]
    floor = snapshot.started.corpus.floor_nats_per_token if snapshot.started else None
    if floor is not None:
        levels.append(("all there is to know", floor))
    return [(name, value) for name, value in levels if math.isfinite(value)]


def _levels(snapshot: RunSnapshot, frame: _PlotFrame) -> Markup:
    lines = [
        svg_element(
            "line",
            x1=frame.plot.x,
            x2=frame.plot.right,
            y1=frame.y(value),
            y2=frame.y(value),
            stroke=SOFT_INK,
            stroke_width=2.5,
            stroke_dasharray="3 13",
            stroke_linecap="round",
        )
        for _, value in _named_levels(snapshot)
        if 0 <= value <= frame.y.high
    ]
    return join_markup(*lines)


def _training(training: DownsampledCurve, frame: _PlotFrame) -> Markup:
    if not len(training):
        return EMPTY_MARKUP
    upper = [(frame.x(x), frame.y(y)) for x, y in zip(training.x, training.high, strict=True)]
    lower = [(frame.x(x), frame.y(y)) for x, y in zip(training.x, training.low, strict=True)]
    middle = [(frame.x(x), frame.y(y)) for x, y in zip(training.x, training.mean, strict=True)]
    return join_markup(
        svg_element(
            "path", d=path_data(upper + lower[::-1], closed=True), fill=BAND_COLOUR, fill_opacity=0.38, stroke="none"
        ),
        svg_element(
            "path", d=path_data(middle), fill="none", stroke=TRAINING_COLOUR, stroke_width=4.5, stroke_linejoin="round"
        ),
    )


def _validation(evals: list[tuple[int, float]], frame: _PlotFrame) -> Markup:
    if not evals:
        return EMPTY_MARKUP
    measured = evals[1:] if len(evals) > 1 and evals[0][0] == 0 else evals
    points = [(frame.x(step), frame.y(loss)) for step, loss in measured]
    dots = [svg_element("circle", cx=x, cy=y, r=9, fill=ACCENT) for x, y in points] if len(points) <= 60 else []
    line = svg_element(
        "path",
        d=path_data(points),
        fill="none",
        stroke=ACCENT,
        stroke_width=11,
        stroke_linejoin="round",
        stroke_linecap="round",
    )
    step, loss = min(evals, key=lambda one: one[1])
    ring = svg_element("circle", cx=frame.x(step), cy=frame.y(loss), r=24, fill=PAPER, stroke=ACCENT, stroke_width=9)
    said = EMPTY_MARKUP
    if step != evals[-1][0]:
        said = svg_text(
            frame.x(step),
            frame.y(loss) + 82,
            f"best {loss:.3f}",
            font_family=SANS,
            font_size=NOTE_SIZE,
            fill=ACCENT,
            text_anchor="middle",
        )
    return join_markup(line, *dots, ring, said)


def _marks(snapshot: RunSnapshot, frame: _PlotFrame) -> Markup:
    """What the guard did and what was diagnosed, as small wedges on the axis; where there is room, with a word."""
    rescues = [
        (one.step, _MARK_WORDS.get(one.action, one.action), INK)
        for one in snapshot.guard_events
        if one.action != "noted"
    ]
    first_said: dict[str, int] = {}
    for verdict in snapshot.state.verdicts.until(snapshot.t):
        if verdict.verdict in VERDICTS_NEEDING_ACTION:
            first_said.setdefault(verdict.verdict, verdict.step)
    parts, free = [], frame.plot.x
    for step, words, fill in sorted([*rescues, *((step, name, PAPER) for name, step in first_said.items())]):
        x, y = frame.x(step), frame.plot.bottom
        wedge = path_data([(x, y - 6), (x - 15, y - 36), (x + 15, y - 36)], closed=True)
        parts.append(svg_element("path", d=wedge, fill=fill, stroke=INK, stroke_width=3, stroke_linejoin="round"))
        width = text_width(words, _MARK_SIZE)
        left = min(max(frame.plot.x, x - width / 2), frame.plot.right - width)
        if left >= free:
            parts.append(svg_element("rect", x=left - 10, y=y - 84, width=width + 20, height=40, fill=PAPER))
            parts.append(svg_text(left, y - 54, words, font_family=SANS, font_size=_MARK_SIZE, fill=SOFT_INK))
            free = left + width + 30
    return join_markup(*parts)


def _labels(snapshot: RunSnapshot, evals: list[tuple[int, float]], frame: _PlotFrame) -> Markup:
    """Names at the right edge, where the lines end. The newest loss keeps its place as long as they fit."""
    levels = [(name, value) for name, value in _named_levels(snapshot) if 0 <= value <= frame.y.high]
    if not evals:
        return _names(levels, frame, frame.plot.y, frame.plot.bottom)
    newest = evals[-1][1]
    above = [one for one in levels if one[1] > newest]
    below = [one for one in levels if one[1] <= newest]
    y = max(frame.y(newest), frame.plot.y + _NAME_ROOM * (len(above) - 1) + _NEWEST_ROOM)
    return join_markup(
        _names(above, frame, frame.plot.y, y - _NEWEST_ROOM),
        svg_text(
            frame.plot.right + _LABEL_GAP,
            y + 20,
            f"{newest:.3f}",
            font_family=SANS,
            font_size=58,
            fill=ACCENT,
            font_weight="bold",
        ),
        _names(below, frame, y + _NEWEST_ROOM, frame.plot.bottom + 50),
    )


def _names(levels: list[tuple[str, float]], frame: _PlotFrame, top: float, bottom: float) -> Markup:
    """Names of levels between two heights, each tied to its line where it had to move away from it."""
    parts, x = [], frame.plot.right + _LABEL_GAP
    places = spread_labels([frame.y(value) for _, value in levels], _NAME_ROOM, top, bottom)
    for (words, value), y in zip(levels, places, strict=True):
        line = frame.y(value)
        if abs(line - y) > 12:
            parts.append(
                svg_element("line", x1=frame.plot.right + 6, y1=line, x2=x - 10, y2=y, stroke=HAIRLINE, stroke_width=3)
            )
        size = NOTE_SIZE - 2
        parts.append(svg_text(x, y + size * 0.34, words, font_family=SANS, font_size=size, fill=SOFT_INK))
    return join_markup(*parts)
