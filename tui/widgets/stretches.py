"""Stretches of a run in which it was slowed down by heat or rested, for its charts: zones to fill, and a line of words.

What a stretch cost is worked out again every few seconds at most; the stretches themselves are kept up to date reading
by reading.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from babytrain.runs.rests import Stretch, rests
from babytrain.runs.state import Moment
from babytrain.runs.throttling import ThrottleLog, clock_span, stretch_sentence, tokens_lost
from babytrain.tui.safe_text import safe_line
from babytrain.tui.widgets.plot import Zone, ZoneKind
from babytrain.tui.widgets.x_scale import XScale

_MOST_ZONES = 400
_LOOK_AGAIN_SECONDS = 5.0
_LONGEST_WORDS = 60


@dataclass(frozen=True)
class StretchWords:
    """The newest stretch in a sentence, and the same in fewer words."""

    kind: ZoneKind
    full: str
    short: str
    ongoing: bool = False


class StretchBook:
    """The stretches of one run."""

    def __init__(self) -> None:
        self._log = ThrottleLog()
        self._words_key: object = None
        self._words: StretchWords | None = None

    def key(self, moment: Moment) -> tuple[object, ...]:
        """Differs when a chart has another zone to fill: a stretch began, went on, or ended."""
        slow = self._log.until(moment)
        newest = slow[-1] if slow else None
        return (len(slow), newest, moment.state.restraints.count_until(moment.t))

    def zones(self, moment: Moment, x: XScale) -> tuple[Zone, ...]:
        """What to fill on an axis; the oldest are left out of a run that has very many."""
        found = [
            Zone(low, high, "throttled")
            for low, high in _places(self._log.until(moment)[-_MOST_ZONES:], x)
            # One without a step in it, or of steps that were given up since, has no place on an axis of steps.
            if high > low
        ]
        return (*found, *(Zone(low, high, "resting") for low, high in _places(rests(moment)[-_MOST_ZONES:], x)))

    def newest(self, moment: Moment) -> StretchWords | None:
        """The newest stretch in words, None when there was none."""
        slow, rested = self._log.until(moment), rests(moment)
        if not slow and not rested:
            return None
        key = (id(moment.state), slow[-1:], rested[-1:], moment.t // _LOOK_AGAIN_SECONDS)
        if key != self._words_key:
            self._words_key = key
            slower = slow and (not rested or slow[-1].start >= rested[-1].start)
            self._words = _slow_words(moment, slow) if slower else _rest_words(moment, rested[-1])
        return self._words


def _places(stretches: Sequence[Stretch], x: XScale) -> list[tuple[float, float]]:
    return [(x.of_time(stretch.start), x.of_time(stretch.end)) for stretch in stretches]


def _slow_words(moment: Moment, stretches: Sequence[Stretch]) -> StretchWords:
    newest = stretches[-1]
    lost = tokens_lost(moment, newest, stretches)
    full, short = (safe_line(stretch_sentence(moment, newest, share), 2 * _LONGEST_WORDS) for share in (lost, None))
    return StretchWords("throttled", full, short, newest.ongoing)


def _rest_words(moment: Moment, rest: Stretch) -> StretchWords:
    cause, span = safe_line(rest.words, _LONGEST_WORDS), clock_span(moment, rest)
    verb = "resting" if rest.ongoing else "rested"
    return StretchWords("resting", f"{verb} for {cause} {span}", f"{verb} {span}", rest.ongoing)
