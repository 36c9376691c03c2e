"""Steps of a dial by a key, from its last requested position to the next. Pure functions.

The learning rate moves by a factor, other numbers by a fixed step, choices to the next one. Steps end at the limits of
the range. Where 0 means no limit, no step leads to it or away from it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from babytrain.runs.dials.dial_state import DialState
from babytrain.runs.dials.spec import Position
from babytrain.runs.events import CommandAction, Request
from babytrain.tui.dials.dial_input import DialInputError, DialRule, find_rule

LEARNING_RATE_DIAL = "lr"
LR_FACTOR = 1.1
_RATE_ACTIONS: tuple[CommandAction, ...] = ("lr_scale", "lr_hold")
_STEPS: Mapping[str, float] = {
    "batch_size": 1,
    "accumulate": 1,
    "weight_decay": 0.01,
    "dropout": 0.01,
    "clip": 0.1,
    "label_smoothing": 0.01,
    "beta1": 0.01,
    "beta2": 0.001,
    "window_shift": 0.05,
    "token_noise": 0.01,
    "eval_every": 10,
    "sample_every": 10,
    "quiet_duty": 0.05,
    "temperature_ceiling_celsius": 1,
    "power_budget_watts": 5,
}
_NONE_AT_ZERO = ("clip", "temperature_ceiling_celsius", "power_budget_watts")


def next_change(
    name: str, direction: int, dials: DialState, asked: Request | None, rules: Sequence[DialRule]
) -> Request | None:
    """The request that moves dial `name` one step up (1) or down (-1), None where there is no step.

    `asked` is the newest unanswered request; if it is of the same dial, the step starts from its position.
    """
    if name == LEARNING_RATE_DIAL:
        return _next_rate(direction, dials, asked, rules)
    try:
        rule = find_rule(name, rules)
    except DialInputError:
        return None
    here = dials.position(name)
    if asked is not None and asked.action == rule.action and asked.dial == name:
        here = asked.text if asked.value is None else asked.value
    if rule.choices:
        return _next_word(rule, here, direction)
    step = _STEPS.get(name)
    if step is None or not isinstance(here, (int, float)):
        return None
    wanted = _into_range(float(f"{here + direction * step:.12g}"), rule)
    if wanted == here or (name in _NONE_AT_ZERO and 0 in (here, wanted)):
        return None
    return Request(command_id=0, action=rule.action, dial=name, value=wanted)


def limit_message(name: str, dials: DialState, rules: Sequence[DialRule]) -> str:
    """Why there is no next step, as the beginning of a sentence."""
    held = name != LEARNING_RATE_DIAL or dials.lr_hold is not None
    rule = next((rule for rule in rules if rule.name == (name if held else "lr_scale")), None)
    allowed = "" if rule is None else f": {rule.allowed}"
    if name in _NONE_AT_ZERO and dials.position(name) == 0:
        return f"{name} is off{allowed}"
    if name != LEARNING_RATE_DIAL and name not in _STEPS:
        return f"{name} is no dial for these keys{allowed}"
    return f"{name if held else 'the factor on lr'} goes no further{allowed}"


def _next_rate(direction: int, dials: DialState, asked: Request | None, rules: Sequence[DialRule]) -> Request | None:
    """Changes a held learning rate itself, otherwise the factor on the schedule."""
    action: CommandAction = "lr_scale"
    here = dials.lr_scale
    if asked is not None and asked.action in _RATE_ACTIONS and asked.value is not None:
        action, here = asked.action, asked.value
    elif dials.lr_hold is not None and (asked is None or asked.action != "lr_release"):
        action, here = "lr_hold", dials.lr_hold
    rule = next((rule for rule in rules if rule.action == action), None)
    wanted = float(f"{here * LR_FACTOR**direction:.6g}")
    if rule is not None:
        wanted = _into_range(wanted, rule)
    return None if wanted == here else Request(command_id=0, action=action, value=wanted)


def _next_word(rule: DialRule, here: Position, direction: int) -> Request:
    number = rule.choices.index(here) if isinstance(here, str) and here in rule.choices else -1
    word = rule.choices[(number + direction) % len(rule.choices)]
    return Request(command_id=0, action=rule.action, dial=rule.name, text=word)


def _into_range(wanted: float, rule: DialRule) -> float:
    if rule.limits is None:
        return wanted
    low, high = rule.limits
    return min(high, max(low, wanted))
