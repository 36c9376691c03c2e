"""What happened for the first time in a run: how it is listed, and what of it is news. Pure functions and one memory.

A milestone is told once, while it is fresh. What happened before this session began (the past of a resumed run) is no
news, nor is what a journal already held when somebody began to watch.
"""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content

from babytrain.runs.events import Milestone
from babytrain.runs.state import Moment
from babytrain.tui.glyphs import Glyphs
from babytrain.tui.safe_text import safe_content, safe_line
from babytrain.tui.widgets.units import format_count
from babytrain.tui.wording import format_clock

LONGEST_TEXT = 300
FEWEST_ROWS = 20  # of a screen that has room for a toast; on a lower one it would cover all there is to see
NONE_YET = "Nothing has happened for the first time yet. It will: first words, first lines, first haiku."
NONE = "Nothing happened for the first time in this run, or it is from before anybody kept a list."


class MilestoneNews:
    """Which milestones are new since the last look. `from_now`: those of the first look are not."""

    def __init__(self, *, from_now: bool = False) -> None:
        self._seen: int | None = None if from_now else 0

    def look(self, moment: Moment) -> list[Milestone]:
        """What is to be told now, oldest first."""
        reached = moment.state.milestones.events
        if self._seen is None:
            if moment.started is None:
                return []  # the journal has not been read yet
            self._seen = len(reached)
        new, self._seen = reached[self._seen :], len(reached)
        return [one for one in new if one.t > past_of(moment)]


def past_of(moment: Moment) -> float:
    """Up to when, in seconds of running time, what happened belongs to earlier sessions; -1 when there were none."""
    return max((one.t for one in moment.state.resumes.events if not one.within), default=-1.0)


def told(news: Sequence[Milestone], glyphs: Glyphs) -> str:
    """What to say of new milestones: the newest, and how many more came with it; nothing when there are none."""
    if not news:
        return ""
    more = f" And {format_count(len(news) - 1)} more." if len(news) > 1 else ""
    return f"{glyphs.milestone} {safe_line(news[-1].text, LONGEST_TEXT)}{more}"


def milestone_lines(reached: Sequence[Milestone], glyphs: Glyphs, width: int, *, to_come: bool = True) -> list[Content]:
    """All of them with time and step, oldest first, wrapped to a width. `to_come`: there may be more."""
    if not reached:
        return Content.assemble((NONE_YET if to_come else NONE, "$foreground 60% italic")).wrap(max(1, width))
    clocks = max(len(format_clock(one.t)) for one in reached)
    steps = max(len(format_count(one.step)) for one in reached) + 1
    lines: list[Content] = []
    for one in reached:
        head = Content.assemble(
            (f"{format_clock(one.t):>{clocks}} ", "$foreground 60%"),
            (f"{'@' + format_count(one.step):<{steps}} ", "$foreground 40%"),
            (f"{glyphs.milestone} ", "bold $success"),
        )
        words = safe_content(one.text[:LONGEST_TEXT], one_line=True)
        if width - head.cell_length < 12:
            lines += [head.truncate(width), *words.wrap(max(1, width))]
            continue
        first, *rest = words.wrap(width - head.cell_length) or [Content()]
        lines.append(Content.assemble(head, first))
        lines += [Content.assemble(" " * head.cell_length, line) for line in rest]
    return lines
