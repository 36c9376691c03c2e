"""What a run learns of its letters, from a script: baselines, letters at each evaluation, and milestones."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from babytrain.runs.events import AnyEvent, Baselines, Confusion, Eval, Letters, Milestone
from tests.tui.scripted import script

# Most common first, as the engine sends them.
LETTERS = " etaoinshrdlucm⏎fwygpb.v,k'xj-zq"
TOKENS = (" the", "ing", " a", "⏎", "ou", " snake", "\\xff", "'s", " frog", "er", " moon", " of")
CONFUSED = (("i", "e"), ("e", "a"), ("e", "i"), ("o", "e"), ("a", "e"), (" ", "⏎"), ("e", "o"), ("v", "w"))


def recall_at(step: int, number: int) -> float:
    """Common letters are learnt first; nobody ever gets the rarest."""
    reached = 1 - math.exp(-step / (80 + 14 * number))
    return round(max(0.0, (0.97 - 0.012 * number) * reached + 0.03 * math.sin(step / 50 + 3 * number)), 4)


def letters_at(step: int, t: float, symbols: Sequence[str] = LETTERS, **changes: Any) -> Letters:
    """How well each symbol is known after some steps."""
    shares = [0.19 / (1 + 0.35 * number) for number in range(len(symbols))]
    recalls = tuple(recall_at(step, number) for number in range(len(symbols)))
    facts: dict[str, Any] = {
        "t": t,
        "step": step,
        "symbols": tuple(symbols),
        "shares": tuple(round(share, 4) for share in shares),
        "recalls": recalls,
        "precisions": tuple(None if recall < 0.01 else round(0.9 * recall + 0.05, 4) for recall in recalls),
        "confusions": tuple(
            Confusion(truth=truth, predicted=predicted, share=round(0.3 / (number + 2) / (1 + step / 400), 4))
            for number, (truth, predicted) in enumerate(CONFUSED)
        ),
        "tracked_letter": "e",
        "tracked_letter_recall": recalls[1] if len(recalls) > 1 else None,
        "accuracy": round(0.82 * (1 - math.exp(-step / 160)), 4),
    }
    return Letters(**(facts | changes))


MILESTONES = (
    (90, "first_word", "First real word: snake."),
    (200, "unigram", "The loss is below the unigram baseline: it knows which letters are common."),
    (310, "favourite_50", "More than half of all e are expected."),
    (420, "first_haiku", "First haiku in 5-7-5."),
    (600, "best", "Best validation loss so far."),
)


def lettered(steps: int = 620, total_steps: int = 1500, *, tokens: bool = False) -> list[AnyEvent]:
    """A run as `script` makes it, with everything that belongs to its letters."""
    more: dict[str, Any] = {}
    if tokens:
        more = {
            "tokens": TOKENS,
            "token_shares": tuple(round(0.08 / (number + 1), 4) for number in range(len(TOKENS))),
            "token_recalls": tuple(recall_at(steps, 3 * number) for number in range(len(TOKENS))),
        }
    events: list[AnyEvent] = []
    written = 0
    for event in script(steps, total_steps):
        if event.step == 1 and not any(isinstance(one, Baselines) for one in events):
            baselines = {"uniform": 3.69, "unigram": 2.84, "bigram": 2.3, "trigram": 1.74, "fivegram": 1.21}
            events.append(Baselines(t=event.t, step=0, seconds=0.1, **baselines))
        events.append(event)
        if isinstance(event, Eval):
            events.append(letters_at(event.step, event.t, **more))
        while written < len(MILESTONES) and event.step >= MILESTONES[written][0]:
            _, name, text = MILESTONES[written]
            events.append(Milestone(t=event.t, step=event.step, name=name, text=text))
            written += 1
    return events
