"""The loss curve: training as a band, validation as a bold line, baselines as horizontal lines.

The steps are on a square-root scale, because most is learned early and most failures come late.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from babytrain.runs.formatting import format_count
from babytrain.runs.state.run_state import RunSnapshot
from babytrain.tui.export.curve_data import (
    DownsampledCurve,
    Scale,
    left_behind_curves,
    round_numbers,
    spread_labels,
    training_loss_curve,
    validation_losses,
    without_untrained,
)
from babytrain.tui.export.markup import Markup, join_markup, path_data, svg_element
from babytrain.tui.export.poster.typography import (
    ACCENT,
    BAND_COLOUR,
    HAIRLINE,
    INK,
    NOTE_SIZE,
    PAPER,
    SERIF,
    SOFT_INK,
    TRAINING_COLOUR,
    PageBox,
    draw_line,
    draw_text,
    text_width,
)
from babytrain.tui.export.run_facts import loss_levels
from babytrain.tui.text.wording import VERDICTS_NEEDING_ACTION

MAX_CURVE_POINTS = 700
_LABEL_ROOM = 345.0  # right, names of the levels
_FIGURE_ROOM = 210.0  # right, the newest loss only
_AXIS_ROOM = 120.0  # below
_MARK_WORDS = {"skipped": "step skipped", "rolled back": "went back", "halved the batch": "batch halved"}
_MARK_SIZE = 30.0
_TICK_DISTANCE = 230.0
_LABEL_GAP = 52.0  # right of the plot, past the ring of the best evaluation
_NAME_ROOM = 46.0
_NEWEST_ROOM = 58.0  # above and below the newest loss


@dataclass(frozen=True)
class _PlotFrame:
    steps: Scale  # of the square root of the step
    y: Scale
    plot: PageBox

    def x(self, step: float) -> float:
        return self.steps(math.sqrt(max(0.0, float(step))))


def draw_curve(snapshot: RunSnapshot, box: PageBox) -> Markup:
    """The chart of the run with its labels within `box`."""
    training, evals = training_loss_curve(snapshot, MAX_CURVE_POINTS, by_root=True), validation_losses(snapshot)
    room = _LABEL_ROOM if _named_levels(snapshot) else _FIGURE_ROOM
    plot = PageBox(box.x, box.y, box.width - room, box.height - _AXIS_ROOM)
    if not len(training) and not evals:
        return draw_text("no step was recorded", plot.x, plot.y + 60, 60, SERIF, font_style="italic")
    first = float(training.x[0]) if len(training) else evals[0][0]
    last = max(
        [
            snapshot.total_steps if snapshot.ended is None else 0,
            *training.x[-1:],
            *(step for step, _ in evals[-1:]),
            *(float(branch.step[rows - 1]) for branch, rows in snapshot.branches()),
        ]
    )
    frame = _PlotFrame(
        Scale(math.sqrt(first), math.sqrt(max(last, first + 1)), plot.x, plot.right),
        Scale(0.0, _highest(snapshot, training, evals), plot.bottom, plot.y),
        plot,
    )
    return join_markup(
        _axes(frame),
        _levels(snapshot, frame),
        _left_behind(snapshot, frame),
        _training(training, frame),
        _validation(evals, frame),
        _marks(snapshot, frame),
        _labels(snapshot, evals, frame),
    )


def _highest(snapshot: RunSnapshot, training: DownsampledCurve, evals: list[tuple[int, float]]) -> float:
    """The top of the axis, at most 1.5 times the loss of a uniform guess unless all losses are higher."""
    losses: list[float] = [*(loss for _, loss in evals), *training.mean.tolist()]
    top = max(losses)
    started = snapshot.started
    if started is not None and started.corpus.vocabulary_size > 1:
        top = min(top, 1.5 * math.log(started.corpus.vocabulary_size))
    return max(top * 1.04, min(losses) * 1.2, 1e-6)


def _axes(frame: _PlotFrame) -> Markup:
    plot, size, parts = frame.plot, NOTE_SIZE - 4, []
    for value in round_numbers(0.0, frame.y.high, 4):
        y = frame.y(value)
        parts.append(draw_line((plot.x, y), (plot.right, y), 2, HAIRLINE))
        parts.append(draw_text(f"{value:g}", plot.x - 26, y + 11, size, anchor="end"))
    parts.append(draw_line((plot.x, plot.bottom), (plot.right, plot.bottom), 4))
    numbers = _tick_steps(frame)
    for value in numbers:
        unit = " steps" if value == numbers[0] else ""
        x, y = frame.x(value), plot.bottom
        anchor = "end" if x > plot.right - 60 else "middle"
        parts.append(draw_line((x, y), (x, y + 16), 3))
        parts.append(draw_text(format_count(value) + unit, x, y + 62, size, anchor=anchor))
    return join_markup(*parts)


def _tick_steps(frame: _PlotFrame) -> list[float]:
    """Labelled steps: the last, the first, and round ones between them, `_TICK_DISTANCE` apart."""
    low, high = (round(value * value) for value in (frame.steps.low, frame.steps.high))
    powers = range(len(str(high)) + 1)
    round_steps = {low, *(factor * 10**power for power in powers for factor in (1, 2, 5)), *round_numbers(low, high, 4)}
    chosen: list[float] = [high, low]
    for value in sorted((step for step in round_steps if low < step < high and step == int(step)), reverse=True):
        if all(abs(frame.x(other) - frame.x(value)) >= _TICK_DISTANCE for other in chosen):
            chosen.append(value)
    return chosen


def _named_levels(snapshot: RunSnapshot) -> list[tuple[str, float]]:
    return loss_levels([snapshot])


def _levels(snapshot: RunSnapshot, frame: _PlotFrame) -> Markup:
    dotted = {"stroke_dasharray": "3 13", "stroke_linecap": "round"}
    heights = [frame.y(value) for _, value in _named_levels(snapshot) if 0 <= value <= frame.y.high]
    lines = [draw_line((frame.plot.x, y), (frame.plot.right, y), 2.5, SOFT_INK, **dotted) for y in heights]
    return join_markup(*lines)


def _training(training: DownsampledCurve, frame: _PlotFrame) -> Markup:
    if not len(training):
        return join_markup()
    upper, lower, middle = (
        [(frame.x(step), frame.y(loss)) for step, loss in zip(training.x, losses, strict=True)]
        for losses in (training.high, training.low, training.mean)
    )
    return join_markup(
        svg_element(
            "path", d=path_data(upper + lower[::-1], closed=True), fill=BAND_COLOUR, fill_opacity=0.38, stroke="none"
        ),
        svg_element(
            "path", d=path_data(middle), fill="none", stroke=TRAINING_COLOUR, stroke_width=4.5, stroke_linejoin="round"
        ),
    )


def _left_behind(snapshot: RunSnapshot, frame: _PlotFrame) -> Markup:
    """Steps that a rollback or resume left behind as dotted lines, with a cross where the loss became NaN."""
    parts, reach = [], 14.0
    for curve, missing in left_behind_curves(snapshot, MAX_CURVE_POINTS):
        points = [(frame.x(step), frame.y(loss)) for step, loss in zip(curve.x, curve.mean, strict=True)]
        if not points:
            continue
        dots = {"stroke_dasharray": "2 10", "stroke_linecap": "round"}
        line = path_data(points)
        parts.append(svg_element("path", d=line, fill="none", stroke=TRAINING_COLOUR, stroke_width=4.5, **dots))
        if missing:
            x, y = frame.x(missing[0]), points[-1][1]
            parts += [draw_line((x - reach, y - way), (x + reach, y + way), 5, INK) for way in (reach, -reach)]
    return join_markup(*parts)


def _validation(evals: list[tuple[int, float]], frame: _PlotFrame) -> Markup:
    if not evals:
        return join_markup()
    points = [(frame.x(step), frame.y(loss)) for step, loss in without_untrained(evals)]
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
    step, loss = min(evals, key=lambda evaluation: evaluation[1])
    ring = svg_element("circle", cx=frame.x(step), cy=frame.y(loss), r=24, fill=PAPER, stroke=ACCENT, stroke_width=9)
    x, y = frame.x(step), frame.y(loss) + 82
    named = [draw_text(f"best {loss:.3f}", x, y, NOTE_SIZE, fill=ACCENT, anchor="middle")]
    return join_markup(line, *dots, ring, *(named if step != evals[-1][0] else []))


def _marks(snapshot: RunSnapshot, frame: _PlotFrame) -> Markup:
    """Guard events and verdicts as wedges on the axis, with a word where there is room."""
    rescues = [
        (event.step, _MARK_WORDS.get(event.action, event.action), INK)
        for event in snapshot.state.guard_events.until(snapshot.t)
        if event.action != "noted"
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
            parts.append(draw_text(words, left, y - 54, _MARK_SIZE))
            free = left + width + 30
    return join_markup(*parts)


def _labels(snapshot: RunSnapshot, evals: list[tuple[int, float]], frame: _PlotFrame) -> Markup:
    """Names of the levels at the right edge, above and below the newest loss."""
    levels = [(name, value) for name, value in _named_levels(snapshot) if 0 <= value <= frame.y.high]
    if not evals:
        return _names(levels, frame, frame.plot.y, frame.plot.bottom)
    newest = evals[-1][1]
    above = [(name, value) for name, value in levels if value > newest]
    below = [(name, value) for name, value in levels if value <= newest]
    y = max(frame.y(newest), frame.plot.y + _NAME_ROOM * (len(above) - 1) + _NEWEST_ROOM)
    return join_markup(
        _names(above, frame, frame.plot.y, y - _NEWEST_ROOM),
        draw_text(f"{newest:.3f}", frame.plot.right + _LABEL_GAP, y + 20, 58, fill=ACCENT, font_weight="bold"),
        _names(below, frame, y + _NEWEST_ROOM, frame.plot.bottom + 50),
    )


def _names(levels: list[tuple[str, float]], frame: _PlotFrame, top: float, bottom: float) -> Markup:
    """Names of levels between two heights, joined to their line where they were moved."""
    parts, x = [], frame.plot.right + _LABEL_GAP
    spread = spread_labels([frame.y(value) for _, value in levels], _NAME_ROOM, top, bottom)
    for (words, value), y in zip(levels, spread, strict=True):
        line = frame.y(value)
        if abs(line - y) > 12:
            parts.append(draw_line((frame.plot.right + 6, line), (x - 10, y), 3, HAIRLINE))
        size = NOTE_SIZE - 2
        parts.append(draw_text(words, x, y + size * 0.34, size))
    return join_markup(*parts)
