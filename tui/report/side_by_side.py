"""Several runs on one page: what each is called there, and whether their losses mean the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from babytrain.runs.state import Moment
from babytrain.tui.poster.facts import loss_unit, run_name


def names_of(moments: Sequence[Moment]) -> list[str]:
    """What the runs are called; those that share a name go by their ids, and one that is there twice is numbered."""
    names = [run_name(moment) for moment in moments]
    times = Counter(names)
    names = [
        moment.started.run_id if times[name] > 1 and moment.started else name
        for name, moment in zip(names, moments, strict=True)
    ]
    seen: Counter[str] = Counter()
    told = []
    for name in names:
        seen[name] += 1
        told.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return told


def losses_compare(moments: Sequence[Moment]) -> bool:
    """Whether a lower loss is a better model: the same text, cut into the same tokens, split at the same place."""
    facts = [moment.started.corpus for moment in moments if moment.started is not None]
    measures = {(one.sha256, one.tokenizer, one.vocabulary_size, one.train_tokens, one.val_tokens) for one in facts}
    return len(measures) <= 1


def shared_unit(moments: Sequence[Moment]) -> str:
    """What the losses are counted per: characters where that is so in all of the runs, otherwise tokens."""
    return "character" if all(loss_unit(moment) == "character" for moment in moments) else "token"
