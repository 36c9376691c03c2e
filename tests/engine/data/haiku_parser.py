"""Reads poems back: in how many ways the grammar of haiku makes one, and with which chance."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cache

from babytrain.engine.data.haiku.grammar import HaikuGrammar
from babytrain.engine.data.haiku.templates import LineTable, Slot, Template


def log_probability(grammar: HaikuGrammar, poem: str) -> float | None:
    """Natural logarithm of the chance of a poem; None when the grammar cannot make it."""
    total = sum(chance for chance, _ in _parses(grammar, poem))
    return math.log(total) if total > 0 else None


def poem_derivations(grammar: HaikuGrammar, poem: str) -> int:
    """In how many ways the grammar makes `poem`: 0 or 1, unless the grammar is ambiguous."""
    return sum(ways for _, ways in _parses(grammar, poem))


def poem_count(grammar: HaikuGrammar) -> int:
    """How many different poems there are."""
    return sum(
        math.prod(sum(template.count for template in table.templates) for table in tables)
        for topic in grammar.topics
        for _, tables in grammar.shape_tables(topic)
    )


def lines_of(table: LineTable) -> Iterator[str]:
    """Every line, once for each derivation."""
    for template in table.templates:
        for number in range(template.count):
            yield template.nth(number)


def line_probability(table: LineTable, line: str) -> float:
    """Chance of `line`, 0 when this table cannot make it."""
    return sum(
        weight / sum(table.weights) * derivations(template, line) / template.count
        for weight, template in zip(table.weights, table.templates, strict=True)
    )


def derivations(template: Template, line: str) -> int:
    """In how many ways this template makes `line`."""
    return _fillings(template, line.split(" "), 0, 0, template.syllables)


def _fillings(template: Template, words: list[str], position: int, slot: int, left: int) -> int:
    if slot == len(template.slots):
        return int(position == len(words) and left == 0)
    if position == len(words):
        return 0
    return sum(
        _fillings(template, words, position + len(phrase), slot + 1, left - size)
        for phrase, size in _by_first_word(template.slots[slot]).get(words[position], ())
        if size <= left and words[position : position + len(phrase)] == phrase
    )


@cache
def _by_first_word(slot: Slot) -> dict[str, list[tuple[list[str], int]]]:
    """The words and syllables of every phrase, filed under its first word, for reading a line quickly."""
    index: dict[str, list[tuple[list[str], int]]] = {}
    for size, group in slot.groups.items():
        for phrase in group:
            words = phrase.split(" ")
            index.setdefault(words[0], []).append((words, size))
    return index


def _parses(grammar: HaikuGrammar, poem: str) -> Iterator[tuple[float, int]]:
    """(chance, derivations) for every topic and shape that can make the poem."""
    lines = poem.split("\n")
    if len(lines) != 3:
        return
    for topic in grammar.topics:
        # Every poem names its snake and its season word, so only those named need be tried.
        if topic.season_word.name not in poem or topic.snake.name not in poem:
            continue
        for chance, tables in grammar.shape_tables(topic):
            pairs = list(zip(tables, lines, strict=True))
            ways = math.prod(sum(derivations(t, line) for t in table.templates) for table, line in pairs)
            if ways:
                found = math.prod(line_probability(table, line) for table, line in pairs)
                yield topic.probability * chance * found, ways
