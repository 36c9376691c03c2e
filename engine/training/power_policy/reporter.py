"""What of the decisions is worth an event: every pause and its end, and a duty when it has really changed.

Each rule is told by itself, because several may hold at once. A duty that follows a temperature or a power moves all
the time: it is told when it has been below 90% for half a minute, again when it moves by more than 10 points, and not
more than once a minute. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass

from babytrain.engine.training.power_policy import messages
from babytrain.engine.training.power_policy.rules import PolicyDecision, PolicyLimit
from babytrain.runs.events import PolicyCause, PolicyOutcome

REPORTED_DUTY_CHANGE = 0.10
SECONDS_BETWEEN_REPORTS = 60.0
SECONDS_BEFORE_REPORT = 30.0  # a soft start is over by then
FULL_DUTY = 0.995  # shown as 100%
_CAUSES: tuple[PolicyCause, ...] = ("quiet hours", "battery", "heat", "power")


@dataclass(frozen=True)
class PolicyChange:
    """Something to say; the fields are those of a `Restraint` event."""

    cause: PolicyCause
    action: PolicyOutcome
    text: str
    duty_cycle: float = 1.0


class PolicyReporter:
    """Knows what was told last of each rule, and when."""

    def __init__(self) -> None:
        self._told: dict[PolicyCause, PolicyLimit] = {}
        self._told_at: dict[PolicyCause, float] = {}
        self._low_since: dict[PolicyCause, float] = {}

    def hear(self, decision: PolicyDecision, now: float) -> list[PolicyChange]:
        """What to say now that `decision` holds."""
        news: list[PolicyChange] = []
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

    def overruled(self, cause: PolicyCause, text: str) -> PolicyChange:
        """A person has the run go on against a rule."""
        self._told.pop(cause, None)
        return PolicyChange(cause, "overridden", text)

    def _hear_gradual(self, hold: PolicyLimit, decision: PolicyDecision, now: float) -> list[PolicyChange]:
        cause, told = hold.cause, self._told.get(hold.cause)
        if hold.duty_cycle >= 1.0 - REPORTED_DUTY_CHANGE:
            self._low_since.pop(cause, None)
        low_since = self._low_since.setdefault(cause, now)
        if now - self._told_at.get(cause, float("-inf")) < SECONDS_BETWEEN_REPORTS:
            return []
        if told is None:
            worth = hold.duty_cycle < 1.0 - REPORTED_DUTY_CHANGE and now - low_since >= SECONDS_BEFORE_REPORT
        else:
            worth = hold.duty_cycle >= FULL_DUTY or abs(hold.duty_cycle - told.duty_cycle) > REPORTED_DUTY_CHANGE
        if not worth:
            return []
        self._told_at[cause] = now
        if hold.duty_cycle >= FULL_DUTY:
            del self._told[cause]
            return [self._over(cause, decision)]
        return [self._holds(hold)]

    def _holds(self, hold: PolicyLimit) -> PolicyChange:
        self._told[hold.cause] = hold
        return PolicyChange(hold.cause, "slowed" if hold.duty_cycle else "paused", hold.text, hold.duty_cycle)

    def _over(self, cause: PolicyCause, decision: PolicyDecision) -> PolicyChange:
        return PolicyChange(
            cause,
            "released",
            messages.limit_ended_message(cause, decision.duty_cycle, lifted=cause in decision.lifted),
            decision.duty_cycle,
        )
