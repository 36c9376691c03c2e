"""What of the decisions is worth an event: every pause and its end, and a duty when it has really changed.

Each rule is told by itself, because several may hold at once. A duty that follows a temperature or a power moves all
the time: it is told when it has been below 90% for half a minute, again when it moves by more than 10 points, and not
more than once a minute. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass

from babytrain.engine.restraint import words
from babytrain.engine.restraint.rules import Decision, Hold
from babytrain.runs.events import RestraintCause, RestraintDeed

POINTS_WORTH_TELLING = 0.10
SECONDS_BETWEEN = 60.0
SECONDS_UNTIL_TOLD = 30.0  # a soft start is over by then
FULL_DUTY = 0.995  # shown as 100%
_CAUSES: tuple[RestraintCause, ...] = ("quiet hours", "battery", "heat", "power")


@dataclass(frozen=True)
class News:
    """Something to say; the fields are those of a `Restraint` event."""

    cause: RestraintCause
    deed: RestraintDeed
    text: str
    duty: float = 1.0


class Herald:
    """Knows what was told last of each rule, and when."""

    def __init__(self) -> None:
        self._told: dict[RestraintCause, Hold] = {}
        self._told_at: dict[RestraintCause, float] = {}
        self._low_since: dict[RestraintCause, float] = {}

    def hear(self, decision: Decision, now: float) -> list[News]:
        """What to say now that `decision` holds."""
        news: list[News] = []
        for cause in _CAUSES:
            hold = next((one for one in decision.holds if one.cause == cause), None)
            if hold is None:
                if self._told.pop(cause, None) is not None:
                    news.append(self._over(cause, decision))
                self._low_since.pop(cause, None)
            elif cause in ("heat", "power"):
                if not decision.pauses:  # a pause cools down whatever the duty is
                    news += self._hear_gradual(hold, decision, now)
            elif hold != self._told.get(cause):
                news.append(self._holds(hold))
        return news

    def overruled(self, cause: RestraintCause, text: str) -> News:
        """A person has the run go on against a rule."""
        self._told.pop(cause, None)
        return News(cause, "overruled", text)

    def _hear_gradual(self, hold: Hold, decision: Decision, now: float) -> list[News]:
        cause, told = hold.cause, self._told.get(hold.cause)
        if hold.duty >= 1.0 - POINTS_WORTH_TELLING:
            self._low_since.pop(cause, None)
        low_since = self._low_since.setdefault(cause, now)
        if now - self._told_at.get(cause, float("-inf")) < SECONDS_BETWEEN:
            return []
        if told is None:
            worth = hold.duty < 1.0 - POINTS_WORTH_TELLING and now - low_since >= SECONDS_UNTIL_TOLD
        else:
            worth = hold.duty >= FULL_DUTY or abs(hold.duty - told.duty) > POINTS_WORTH_TELLING
        if not worth:
            return []
        self._told_at[cause] = now
        if hold.duty >= FULL_DUTY:
            del self._told[cause]
            return [self._over(cause, decision)]
        return [self._holds(hold)]

    def _holds(self, hold: Hold) -> News:
        self._told[hold.cause] = hold
        return News(hold.cause, "slowed" if hold.duty else "paused", hold.text, hold.duty)

    def _over(self, cause: RestraintCause, decision: Decision) -> News:
        return News(cause, "released", words.over(cause, decision.duty, lifted=cause in decision.lifted), decision.duty)
