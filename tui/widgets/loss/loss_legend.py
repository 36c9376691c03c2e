"""The line above the loss curve: legend and newest numbers, or the numbers under the crosshair."""

from __future__ import annotations

import math

import numpy as np

from babytrain.runs.formatting import (
    format_compact,
    format_count,
    format_learning_rate,
    format_loss,
    format_percent,
    format_rate,
    format_seconds,
)
from babytrain.runs.state.run_state import RunSnapshot
from babytrain.tui.charts.canvas import ChartCharset
from babytrain.tui.text.styled_lines import LinePart, StyledLine, fit_parts, line_length, line_part, shorten_to_columns
from babytrain.tui.widgets.letters.letter_statistics import symbol_label
from babytrain.tui.widgets.loss.loss_plot import ChartSettings, LossPlotter

_MOST_MEDIAN_ROWS = 4000  # rows; a median of a million ten times a second would be slow


def legend_line(
    snapshot: RunSnapshot,
    plotter: LossPlotter,
    settings: ChartSettings,
    charset: ChartCharset,
    width: int,
    reach: float = 0.0,
) -> StyledLine:
    """As much as fits into `width`: values on the left, chart settings on the right. Labels of marks up to `reach` from
    the crosshair, in units of the x axis, are included."""
    if settings.crosshair is not None:
        chunks = _crosshair_chunks(snapshot, plotter, settings.crosshair, charset)
        marks = plotter.marks_at(snapshot, settings, reach)
        if marks:
            words = ", ".join(mark.label for mark in marks)
            longest = max(8, width - line_length(chunks[0].spans) - 2)
            chunks.insert(1, LinePart(((shorten_to_columns(words, longest), marks[-1].style),), 1))
        return fit_parts(chunks, width)
    speed = settings.shown == "speed"
    values = _speed_chunks(snapshot, plotter, charset) if speed else _newest_chunks(snapshot, plotter, charset)
    if not values:
        return ()
    left = _with_interval(values, snapshot, plotter, charset, width)
    if not speed:
        left = _with_tracked_letter(left, snapshot, settings, charset, width)
    for right in _settings_spans(settings, charset):
        room = width - line_length(left) - line_length(right)
        if room >= 2:
            return (*left, (" " * room, ""), *right)
    return left


def _newest_chunks(snapshot: RunSnapshot, plotter: LossPlotter, charset: ChartCharset) -> list[LinePart]:
    chunks = []
    train = plotter.history.smooth_at(snapshot.rows - 1)
    if train is not None:
        chunks.append(_value("train", train, "train", charset.solid_line, 0))
    latest = snapshot.state.evals.last_until(snapshot.t)
    if latest is not None:
        chunks.append(_value("val", latest.val_loss, "val", charset.dashed_line, 1))
    bad = len(plotter.history.bad_rows(snapshot.rows))
    bad += sum(int(np.count_nonzero(~np.isfinite(branch.loss[:rows]))) for branch, rows in snapshot.branches())
    if bad:
        chunks.append(LinePart(((f"{charset.bad} {format_count(bad)} not finite", "bad"),), 2))
    if latest is not None:
        gap = latest.val_loss - latest.train_loss
        chunks.append(LinePart((("gap ", "label"), (format_loss(gap), "")), 4))
    best = snapshot.best_eval
    if best is not None:
        spans = (f"{charset.best} ", "best"), ("best ", "label"), (format_loss(best.val_loss), "best")
        chunks.append(LinePart((*spans, (f" @{format_count(best.step)}", "label")), 3))
    return chunks


def _speed_chunks(snapshot: RunSnapshot, plotter: LossPlotter, charset: ChartCharset) -> list[LinePart]:
    """The present speed, as in the header of the screen, and the median."""
    speed = plotter.speed.smooth_at(snapshot.rows - 1)
    if speed is None:
        return []
    spans = (f"{charset.solid_line} ", "train"), ("speed ", "label"), (format_rate(speed), "train")
    chunks = [LinePart(spans, 0)]
    rows = min(snapshot.rows, plotter.speed.count)
    usual = plotter.speed.smooth[: rows : 1 + rows // _MOST_MEDIAN_ROWS]
    usual = usual[np.isfinite(usual)]
    if len(usual) > 1:
        chunks.append(LinePart((("usually ", "label"), (format_rate(float(np.median(usual))), "")), 3))
    return chunks


def _with_interval(
    chunks: list[LinePart], snapshot: RunSnapshot, plotter: LossPlotter, charset: ChartCharset, width: int
) -> StyledLine:
    """The chunks, and the newest slowdown or rest in the longest form that fits beside the first two."""
    words = plotter.intervals.newest(snapshot)
    if words is None:
        return fit_parts(chunks, width)
    sign = charset.throttled if words.kind == "throttled" else charset.resting
    for text in (words.full, words.short):
        style = f"{words.kind}-text"
        line = fit_parts([*chunks, LinePart(((f"{sign} ", style), (text, style)), 2)], width)
        if (text, style) in line:
            return line
    return fit_parts(chunks, width)


def _with_tracked_letter(
    left: StyledLine, snapshot: RunSnapshot, settings: ChartSettings, charset: ChartCharset, width: int
) -> StyledLine:
    """The line, and the recall of the tracked letter if there is blank space for it."""
    newest = snapshot.state.letters.last_until(snapshot.t)
    if newest is None or not newest.tracked_letter or newest.tracked_letter_recall is None:
        return left
    recall = newest.tracked_letter_recall
    if not math.isfinite(recall):
        return left
    letter = shorten_to_columns(symbol_label(newest.tracked_letter, charset.name), 8, "")
    free = width - line_length(left) - 2 - line_length(_settings_spans(settings, charset)[-1])
    for words in (f"{letter} recall ", f"{letter} "):
        added: StyledLine = (("  ", ""), (words, "label"), (format_percent(100 * recall), "best"))
        if left and line_length(added) <= free:
            return (*left, *added)
    return left


def _value(name: str, value: float, style: str, sign: str, rank: int) -> LinePart:
    return LinePart(((f"{sign} ", style), (f"{name} ", "label"), (format_loss(value), style)), rank)


def _settings_spans(settings: ChartSettings, charset: ChartCharset) -> list[StyledLine]:
    smoothing = f"EMA {settings.decay:g}" if settings.decay else "not smoothed"
    words = [f"x: {settings.x_mode}", *(["log y"] if settings.log_y else []), smoothing]
    if not settings.view.is_whole:
        words.append("newest" if settings.view.follows else "zoomed")
    separator = f" {charset.dot} "
    usual = words[0] if settings.x_mode == "step" else smoothing
    short = [word for word in words if word != usual]
    lines = [words, short, ["log y"]] if settings.log_y else [words, short]
    return [((separator.join(line), "label"),) for line in lines]


def _crosshair_chunks(snapshot: RunSnapshot, plotter: LossPlotter, step: int, charset: ChartCharset) -> list[LinePart]:
    row = row_of_step(snapshot, step)
    if row is None:
        return [LinePart((("no step here yet", "label"),))]
    steps = snapshot.state.steps
    step = int(steps.step[row])  # may differ from the requested step after a rollback
    chunks = [line_part(f"{charset.vertical} step {format_count(step)}", "crosshair-text")]
    smooth = plotter.history.smooth_at(row)
    chunks.append(_value("train", math.nan if smooth is None else smooth, "train", charset.solid_line, 1))
    loss = float(steps.loss[row])
    chunks.append(LinePart((("raw ", "label"), (format_loss(loss), "" if math.isfinite(loss) else "bad")), 4))
    evaluation = next((event for event in reversed(snapshot.evals) if event.step <= step), None)
    if evaluation is not None:
        value = _value("val", evaluation.val_loss, "val", charset.dashed_line, 2)
        chunks.append(LinePart((*value.spans, (f" @{format_count(evaluation.step)}", "label")), 2))
    seconds = float(steps.step_seconds[row])
    tokens = int(steps.tokens[row] - steps.tokens[row - 1]) if row else int(steps.tokens[row])
    facts = [
        ("lr ", format_learning_rate(float(steps.learning_rate[row])), 3),
        ("grad ", format_loss(float(steps.gradient_norm[row])), 5),
        ("", format_seconds(float(steps.t[row])), 6),
        ("", f"{format_compact(int(steps.tokens[row]))} tok", 7),
        ("", format_rate(tokens / seconds if seconds > 0 else None), 8),
    ]
    chunks.extend(LinePart(((name, "label"), (value, "")), rank) for name, value, rank in facts)
    return chunks


def row_of_step(snapshot: RunSnapshot, step: int) -> int | None:
    """The row of the newest recorded step up to `step`; None before the first."""
    row = int(np.searchsorted(snapshot.column("step"), step, side="right")) - 1
    return row if row >= 0 else None
