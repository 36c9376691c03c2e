"""Lines of verse from templates, counted and not just made: how many there are, the n-th of them, which one a line is.

Choices: a template is a row of slots, a slot a set of phrases, and only fillings with exactly the wanted number of
syllables count. Fillings are never listed to draw one: their numbers follow from a small table (slots left x syllables
left), which also gives entropy and mean length exactly. Within a template all fillings are equally likely; a template
is chosen with weight `bit_length` of its number of fillings, so that rich ones come up more often but do not drown the
little jokes that have only one form.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

Slot = tuple[tuple[str, int], ...]  # (phrase, syllables) of every phrase that may stand there
Draw = Callable[[int], int]  # draw(n): a whole number from 0 to n - 1, all equally likely


class Template:
    """All ways to fill a row of slots (joined by single spaces) with exactly `syllables` syllables."""

    def __init__(self, slots: Sequence[Slot], syllables: int) -> None:
        self.slots = tuple(slots)
        self.syllables = syllables
        # _ways[i][s]: fillings of slots i.. with s syllables; _letters[i][s]: their lengths added up, spaces included.
        self._ways = [[0] * (syllables + 1) for _ in range(len(self.slots) + 1)]
        self._letters = [[0] * (syllables + 1) for _ in range(len(self.slots) + 1)]
        self._ways[-1][0] = 1
        for i in range(len(self.slots) - 1, -1, -1):
            space = 1 if i else 0
            for phrase, size in self.slots[i]:
                for left in range(size, syllables + 1):
                    ways = self._ways[i + 1][left - size]
                    if ways:
                        self._ways[i][left] += ways
                        self._letters[i][left] += ways * (len(phrase) + space) + self._letters[i + 1][left - size]

    @property
    def count(self) -> int:
        """How many fillings there are."""
        return self._ways[0][self.syllables]

    @property
    def mean_length(self) -> float:
        """Mean number of characters of a filling."""
        return self._letters[0][self.syllables] / self.count

    def nth(self, number: int) -> str:
        """Filling `number` of 0 .. count - 1."""
        left, phrases = self.syllables, []
        for i, slot in enumerate(self.slots):
            following = self._ways[i + 1]
            for phrase, size in slot:
                ways = following[left - size] if size <= left else 0
                if number < ways:
                    phrases.append(phrase)
                    left -= size
                    break
                number -= ways
            else:
                raise IndexError("There are not so many fillings.")
        return " ".join(phrases)

    def derivations(self, line: str) -> int:
        """In how many ways this template makes `line`."""
        return self._matches(line + " ", 0, 0, self.syllables)

    def _matches(self, line: str, position: int, slot: int, left: int) -> int:
        if slot == len(self.slots):
            return int(position == len(line) and left == 0)
        following = self._ways[slot + 1]
        return sum(
            self._matches(line, position + len(phrase) + 1, slot + 1, left - size)
            for phrase, size in self.slots[slot]
            if size <= left and following[left - size] and line.startswith(phrase + " ", position)
        )


@dataclass(frozen=True)
class LineTable:
    """The lines that may stand at one place of a poem: templates, each with the weight `bit_length` of its count."""

    templates: tuple[Template, ...]

    @classmethod
    def of(cls, templates: Sequence[Template]) -> LineTable:
        """A table of the templates that have any filling. Raises ValueError when none has."""
        fitting = tuple(template for template in templates if template.count)
        if not fitting:
            raise ValueError("No template of this line can be filled with the right number of syllables.")
        return cls(fitting)

    @cached_property
    def weights(self) -> tuple[int, ...]:
        """Chance of each template, up to their sum."""
        return tuple(template.count.bit_length() for template in self.templates)

    @cached_property
    def _total(self) -> int:
        return sum(self.weights)

    @cached_property
    def entropy_nats(self) -> float:
        """Entropy of the choice of a line, in nats."""
        return sum(
            weight / self._total * (math.log(self._total / weight) + math.log(template.count))
            for weight, template in zip(self.weights, self.templates, strict=True)
        )

    @cached_property
    def mean_length(self) -> float:
        """Expected number of characters of a line."""
        pairs = zip(self.weights, self.templates, strict=True)
        return sum(weight * template.mean_length for weight, template in pairs) / self._total

    def draw(self, draw: Draw) -> str:
        """One line by chance."""
        number = draw(self._total)
        for weight, template in zip(self.weights, self.templates, strict=True):
            if number < weight:
                return template.nth(draw(template.count))
            number -= weight
        raise AssertionError("The weights add up to their total.")

    def derivations(self, line: str) -> int:
        """In how many ways this table makes `line`."""
        return sum(template.derivations(line) for template in self.templates)

    def probability(self, line: str) -> float:
        """Chance of `line`, 0 when this table cannot make it."""
        return sum(
            weight / self._total * template.derivations(line) / template.count
            for weight, template in zip(self.weights, self.templates, strict=True)
        )

    def lines(self) -> Iterator[str]:
        """Every line, once for each derivation."""
        for template in self.templates:
            for number in range(template.count):
                yield template.nth(number)
