"""Lines of verse from templates: the number of possible lines, and the n-th of them.

A template is a row of slots, a slot a set of phrases; only fillings with exactly the wanted number of syllables count.
Counts come from a small table (slots left x syllables left), which also gives entropy and mean length exactly. All
fillings of a template are equally likely; a template has weight `bit_length` of its count, so that rich templates come
up more often without drowning those with a single filling.
"""

from __future__ import annotations

import bisect
import itertools
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

Draw = Callable[[int], int]  # draw(n): a uniform integer from 0 to n - 1


class Slot:
    """The phrases of one slot of a line, grouped by their syllables."""

    def __init__(self, phrases: Iterable[str], count_syllables: Callable[[str], int]) -> None:
        groups: dict[int, list[str]] = {}
        for phrase in phrases:
            groups.setdefault(count_syllables(phrase), []).append(phrase)
        self.groups = {size: tuple(groups[size]) for size in sorted(groups)}
        self.letters = {size: sum(map(len, group)) for size, group in self.groups.items()}


class Template:
    """All ways to fill a row of slots (joined by single spaces) with exactly `syllables` syllables."""

    def __init__(self, slots: Sequence[Slot], syllables: int, boost: int = 1) -> None:
        self.slots = tuple(slots)
        self.boost = boost  # factor on the weight of this template in a LineTable
        self.syllables = syllables
        # _ways[i][s]: fillings of slots i.. with s syllables.
        self._ways = [[0] * (syllables + 1) for _ in self.slots] + [[1] + [0] * syllables]
        for i in range(len(self.slots) - 1, -1, -1):
            ways, following = self._ways[i], self._ways[i + 1]
            for size, group in self.slots[i].groups.items():
                for left in range(size, syllables + 1):
                    ways[left] += len(group) * following[left - size]
        self.count = self._ways[0][syllables]

    @cached_property
    def mean_length(self) -> float:
        """Mean number of characters of a filling, spaces included."""
        # letters[s]: the letters of all fillings of slots i.. with s syllables, added up.
        letters = [0] * (self.syllables + 1)
        for i in range(len(self.slots) - 1, -1, -1):
            slot, following, before = self.slots[i], self._ways[i + 1], letters
            letters = [
                sum(
                    slot.letters[size] * following[left - size] + len(group) * before[left - size]
                    for size, group in slot.groups.items()
                    if size <= left
                )
                for left in range(self.syllables + 1)
            ]
        return letters[-1] / self.count + len(self.slots) - 1

    def nth(self, number: int) -> str:
        """Filling `number` of 0 .. count - 1. Raises IndexError beyond that."""
        left, phrases = self.syllables, []
        for i, slot in enumerate(self.slots):
            following = self._ways[i + 1]
            for size, group in slot.groups.items():
                ways = following[left - size] if size <= left else 0
                if number < len(group) * ways:
                    index, number = divmod(number, ways)
                    phrases.append(group[index])
                    left -= size
                    break
                number -= len(group) * ways
            else:
                raise IndexError("There are not so many fillings.")
        return " ".join(phrases)


@dataclass(frozen=True)
class LineTable:
    """The possible lines at one place of a poem: templates, weighted by the bits of their count and a boost."""

    templates: tuple[Template, ...]

    @classmethod
    def of(cls, templates: Sequence[Template]) -> LineTable:
        """A table of the templates with any filling. Raises ValueError when none has one."""
        fitting = tuple(template for template in templates if template.count)
        if not fitting:
            raise ValueError("No template of this line can be filled with the right number of syllables.")
        return cls(fitting)

    @cached_property
    def weights(self) -> tuple[int, ...]:
        """Weight of each template; its probability is this over their sum."""
        return tuple(template.count.bit_length() * template.boost for template in self.templates)

    @cached_property
    def _bounds(self) -> tuple[int, ...]:
        return tuple(itertools.accumulate(self.weights))

    @cached_property
    def entropy_nats(self) -> float:
        """Entropy of the choice of a line, in nats."""
        total = self._bounds[-1]
        return sum(
            weight / total * (math.log(total / weight) + math.log(template.count))
            for weight, template in zip(self.weights, self.templates, strict=True)
        )

    @cached_property
    def mean_length(self) -> float:
        """Expected number of characters of a line."""
        pairs = zip(self.weights, self.templates, strict=True)
        return sum(weight * template.mean_length for weight, template in pairs) / self._bounds[-1]

    def draw(self, draw: Draw) -> str:
        """Draw a line."""
        template = self.templates[bisect.bisect_right(self._bounds, draw(self._bounds[-1]))]
        return template.nth(draw(template.count))
