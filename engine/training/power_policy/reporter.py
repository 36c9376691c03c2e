"""Which changes of the policy's decisions become events. Pure.

Each limit is reported by itself, because several may apply at once. The duty cycle of a temperature or power limit
moves all the time: it is reported when it falls below 90%, again when it moves by more than 10 points, and at most
once a minute.
"""

from __future__ import annotations

from dataclasses import dataclass

from babytrain.engine.training.power_policy import messages
from babytrain.engine.training.power_policy.rules import PolicyDecision, PolicyLimit
from babytrain.runs.events import PolicyCause, PolicyOutcome

REPORTED_DUTY_CHANGE = 0.10
SECONDS_BETWEEN_REPORTS = 60.0
FULL_DUTY = 0.995  # shown as 100%
_CAUSES: tuple[PolicyCause, ...] = ("quiet hours", "battery", "heat", "power")


@dataclass(frozen=True)
class PolicyChange:
    """A change to report; the fields are those of a `PolicyEvent`."""

    cause: PolicyCause
    action: PolicyOutcome
    text: str
    duty_cycle: float = 1.0


class PolicyReporter:
    """Remembers the last report of each limit."""

    def __init__(self) -> None:
        self._reported: dict[PolicyCause, PolicyLimit] = {}
        self._reported_at: dict[PolicyCause, float] = {}

    def changes(self, decision: PolicyDecision, now: float) -> list[PolicyChange]:
        """The changes to report now that `decision` applies."""
        changes: list[PolicyChange] = []
        limits = {limit.cause: limit for limit in decision.limits}
        for cause in _CAUSES:
            limit = limits.get(cause)
            if limit is None:
                if self._reported.pop(cause, None) is not None:
                    changes.append(_released(cause, decision))
            elif cause in ("heat", "power"):
                if not decision.pauses:  # a pause cools down whatever the duty cycle is
                    changes += self._gradual_changes(limit, decision, now)
            elif limit != self._reported.get(cause):
                changes.append(self._report(limit))
        return changes

    def overruled(self, cause: PolicyCause, text: str) -> PolicyChange:
        """The user continues the run against a limit."""
        self._reported.pop(cause, None)
        return PolicyChange(cause, "overridden", text)

    def _gradual_changes(self, limit: PolicyLimit, decision: PolicyDecision, now: float) -> list[PolicyChange]:
        cause, reported = limit.cause, self._reported.get(limit.cause)
        if now - self._reported_at.get(cause, float("-inf")) < SECONDS_BETWEEN_REPORTS:
            return []
        if reported is None:
            worth = limit.duty_cycle < 1.0 - REPORTED_DUTY_CHANGE
        else:
            moved = abs(limit.duty_cycle - reported.duty_cycle)
            worth = limit.duty_cycle >= FULL_DUTY or moved > REPORTED_DUTY_CHANGE
        if not worth:
            return []
        self._reported_at[cause] = now
        if limit.duty_cycle >= FULL_DUTY:
            del self._reported[cause]
            return [_released(cause, decision)]
        return [self._report(limit)]

    def _report(self, limit: PolicyLimit) -> PolicyChange:
        self._reported[limit.cause] = limit
        return PolicyChange(limit.cause, "slowed" if limit.duty_cycle else "paused", limit.text, limit.duty_cycle)


def _released(cause: PolicyCause, decision: PolicyDecision) -> PolicyChange:
    text = messages.limit_ended_message(cause, decision.duty_cycle, lifted=cause in decision.lifted)
    return PolicyChange(cause, "released", text, decision.duty_cycle)
