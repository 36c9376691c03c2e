"""A grammar of haiku whose distribution is known exactly: draws poems, weighs them, and reads them back.

A poem is a season word and a snake, a shape (three kinds of lines), and a line of each kind, drawn in that order, each
step with known chances. So the probability of a poem, the entropy of the source and its mean length are sums over a
small tree of choices and not estimates. Every poem names its season word and its snake; together with templates that
never make the same line twice this leaves each poem exactly one derivation.
"""

from __future__ import annotations

import bisect
import itertools
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from babytrain.engine.corpus.grammar import Draw, LineTable, Slot, Template
from babytrain.engine.corpus.haiku_images import SEASONS, Creature, Image, Kind
from babytrain.engine.corpus.haiku_lines import Line, Shape
from babytrain.engine.corpus.lexicon import count_line

_PIECE = re.compile(r"\{(?P<name>\w+)\}(?P<comma>,?)|(?P<word>[a-z]+)")
_ABOUT_IMAGE = frozenset({"image", "the_image", "does", "how", "before", "touch", "lead", "when"})


@dataclass(frozen=True)
class GrammarData:
    """Everything a grammar is made from. `held_out`: pairs (creature name, image name) that never meet."""

    creatures: tuple[Creature, ...]
    images: tuple[Image, ...]
    kinds: Mapping[str, Kind]
    times: Mapping[str, str]
    words: Mapping[str, Mapping[str, str]]
    lines: Mapping[str, Line]
    shapes: tuple[Shape, ...]
    held_out: frozenset[tuple[str, str]]


class Context(NamedTuple):
    """What a poem is about, and the chance that a poem is about it."""

    image: Image
    creature: Creature
    probability: float


class _Needs(NamedTuple):
    """What the phrases at one place depend on, beyond the season."""

    image: bool = False
    name: bool = False
    pronoun: bool = False


class _Piece(NamedTuple):
    """One place of a template: a word, or the name of a list; an article `a` before it, a comma after it."""

    word: str
    name: str
    article: bool
    comma: str
    needs: _Needs


class HaikuGrammar:
    """The distribution of poems that some GrammarData stand for. Poems are three lines without a final line break."""

    def __init__(self, data: GrammarData) -> None:
        self.data = data
        self._seasons = tuple(season for season in SEASONS if any(image.season == season for image in data.images))
        self._images = {s: tuple(image for image in data.images if image.season == s) for s in self._seasons}
        self._creatures = {
            image.name: tuple(
                creature for creature in data.creatures if (creature.name, image.name) not in data.held_out
            )
            for image in data.images
        }
        self._shapes = {s: tuple(shape for shape in data.shapes if shape.weights[s]) for s in self._seasons}
        self._shape_bounds = {
            s: tuple(itertools.accumulate(shape.weights[s] for shape in self._shapes[s])) for s in self._seasons
        }
        self._rows = {name: [list(self._parse(text)) for text in line.templates] for name, line in data.lines.items()}
        self._needs = {name: _union(p.needs for row in rows for p in row) for name, rows in self._rows.items()}
        self._creature_pattern = _names_pattern(creature.name for creature in data.creatures)
        self._image_pattern = _names_pattern(image.name for image in data.images)
        self._tables: dict[tuple[str, str, str], LineTable] = {}
        self._slots: dict[tuple[_Piece, str, str], Slot] = {}

    # -- drawing ------------------------------------------------------------------------------------------------------

    def poems(self, seed: int) -> Iterator[str]:
        """Poems without end; the n-th is the same however many are taken."""
        draw = philox_draw(seed)
        while True:
            yield self.draw(draw)

    def draw(self, draw: Draw) -> str:
        """One poem: season, season word and snake uniformly, then shape and lines by their weights."""
        season = self._seasons[draw(len(self._seasons))]
        images = self._images[season]
        image = images[draw(len(images))]
        creatures = self._creatures[image.name]
        creature = creatures[draw(len(creatures))]
        bounds = self._shape_bounds[season]
        shape = self._shapes[season][bisect.bisect_right(bounds, draw(bounds[-1]))]
        return "\n".join([self.table(line, image, creature).draw(draw) for line in shape.lines])

    # -- exact sums ---------------------------------------------------------------------------------------------------

    @cached_property
    def contexts(self) -> tuple[Context, ...]:
        """Every season word with every snake it may meet, and the chance of the pair."""
        return tuple(
            Context(image, creature, 1 / (len(self._seasons) * len(images) * len(self._creatures[image.name])))
            for images in self._images.values()
            for image in images
            for creature in self._creatures[image.name]
        )

    @cached_property
    def entropy_nats(self) -> float:
        """Entropy of a poem in nats, summed over the tree of choices."""
        total = 0.0
        for context in self.contexts:
            total -= context.probability * math.log(context.probability)
            for chance, tables in self._shape_tables(context):
                total += context.probability * chance * (sum(t.entropy_nats for t in tables) - math.log(chance))
        return total

    @cached_property
    def mean_characters(self) -> float:
        """Expected characters of a poem in the corpus: its lines, their line breaks and the blank line after it."""
        return 1 + sum(
            context.probability * chance * sum(table.mean_length + 1 for table in tables)
            for context in self.contexts
            for chance, tables in self._shape_tables(context)
        )

    @cached_property
    def poem_count(self) -> int:
        """How many different poems there are."""
        return sum(
            math.prod(sum(template.count for template in table.templates) for table in tables)
            for context in self.contexts
            for _, tables in self._shape_tables(context)
        )

    # -- reading ------------------------------------------------------------------------------------------------------

    def log_probability(self, poem: str) -> float | None:
        """Natural logarithm of the chance of a poem; None when the grammar cannot make it."""
        total = sum(chance for chance, _ in self._readings(poem))
        return math.log(total) if total > 0 else None

    def derivations(self, poem: str) -> int:
        """In how many ways the grammar makes `poem`: 0 or 1, unless the grammar is ambiguous."""
        return sum(ways for _, ways in self._readings(poem))

    def is_held_out(self, text: str) -> bool:
        """Whether a snake and a season word come together here that never do in the corpus, in whatever sentence."""
        creatures, images = self._named(text.lower())
        return any((creature, image) in self.data.held_out for creature in creatures for image in images)

    def _named(self, text: str) -> tuple[set[str], set[str]]:
        return set(self._creature_pattern.findall(text)), set(self._image_pattern.findall(text))

    def _readings(self, poem: str) -> Iterator[tuple[float, int]]:
        """(chance, derivations) for every context and shape that can make the poem."""
        lines = poem.split("\n")
        if len(lines) != 3:
            return
        creatures, images = self._named(poem)
        for context in self.contexts:
            # Every poem names its snake and its season word, so only those named need be tried.
            if context.image.name not in images or context.creature.name not in creatures:
                continue
            for chance, tables in self._shape_tables(context):
                pairs = list(zip(tables, lines, strict=True))
                ways = math.prod(table.derivations(line) for table, line in pairs)
                if ways:
                    found = math.prod(table.probability(line) for table, line in pairs)
                    yield context.probability * chance * found, ways

    # -- tables -------------------------------------------------------------------------------------------------------

    def table(self, line: str, image: Image, creature: Creature) -> LineTable:
        """The lines of one kind for a season word and a snake; poems that differ in neither share it."""
        key = (line, *_about(self._needs[line], image, creature))
        table = self._tables.get(key)
        if table is None:
            kind = self.data.lines[line]
            rows = zip(kind.templates, self._rows[line], strict=True)
            templates = [
                Template(
                    [self._slot(piece, image, creature) for piece in row], kind.syllables, kind.boosts.get(text, 1)
                )
                for text, row in rows
            ]
            table = self._tables[key] = LineTable.of(templates)
        return table

    def _shape_tables(self, context: Context) -> Iterator[tuple[float, list[LineTable]]]:
        """Each shape's chance and its three tables of lines."""
        season = context.image.season
        for shape in self._shapes[season]:
            tables = [self.table(line, context.image, context.creature) for line in shape.lines]
            yield shape.weights[season] / self._shape_bounds[season][-1], tables

    def _parse(self, template: str) -> Iterator[_Piece]:
        """The places of a template; an article goes with the phrase after it, a comma with the one before it."""
        article = False
        for match in _PIECE.finditer(template):
            word, name = match["word"] or "", match["name"] or ""
            if word == "a":
                article = True
                continue
            lists = self.data.words.get(name, {}).values()
            pronoun = name in ("her", "she") or any("{her}" in text or "{she}" in text for text in lists)
            yield _Piece(
                word, name, article, match["comma"] or "", _Needs(name in _ABOUT_IMAGE, name == "snake", pronoun)
            )
            article = False

    def _slot(self, piece: _Piece, image: Image, creature: Creature) -> Slot:
        key = (piece, *_about(piece.needs, image, creature))
        slot = self._slots.get(key)
        if slot is None:
            phrases = [piece.word] if piece.word else self._phrases(piece.name, image, creature)
            phrases = [_with_article(phrase) if piece.article else phrase for phrase in phrases]
            slot = self._slots[key] = Slot([phrase + piece.comma for phrase in phrases], _count_syllables)
        return slot

    def _phrases(self, name: str, image: Image, creature: Creature) -> list[str]:
        kind = self.data.kinds[image.kind]
        match name:
            case "snake":
                return [creature.name]
            case "her" | "she":
                return [creature.her if name == "her" else creature.she]
            case "image":
                return [image.name]
            case "the_image":
                return [f"the {image.name}" if kind.definite else image.name]
            case "does" | "how" | "before" | "touch":
                return _split(getattr(kind, name))
            case "when":
                return [phrase for time in _split(kind.times) for phrase in _split(self.data.times[time])]
        by_season = self.data.words[name]
        lists = (by_season.get("", ""), by_season.get(image.season, ""), kind.leads if name == "lead" else "")
        return [phrase.format(her=creature.her, she=creature.she) for text in lists for phrase in _split(text)]


def philox_draw(seed: int) -> Draw:
    """Whole numbers from a raw Philox stream, which numpy promises never to change (NEP 19).

    The bias of taking the remainder is below n / 2^64.
    """
    philox = np.random.Philox(key=np.array([seed, 0], dtype=np.uint64))
    words: Iterator[int] = itertools.chain.from_iterable(philox.random_raw(8192).tolist() for _ in itertools.count())
    take: Callable[[], int] = words.__next__
    return lambda n: take() % n


def _about(needs: _Needs, image: Image, creature: Creature) -> tuple[str, str]:
    """What distinguishes phrases with these needs: poems that agree in it share their tables."""
    return (
        image.name if needs.image else image.season,
        creature.name if needs.name else creature.her if needs.pronoun else "",
    )


def _union(needs: Iterable[_Needs]) -> _Needs:
    return _Needs(*map(any, zip(*needs, strict=True)))


def _split(text: str) -> list[str]:
    return [phrase.strip() for phrase in text.split(",") if phrase.strip()]


def _with_article(phrase: str) -> str:
    return f"{'an' if phrase[0] in 'aeiou' else 'a'} {phrase}"


def _count_syllables(phrase: str) -> int:
    count = count_line(phrase)
    if count is None:
        raise ValueError(f"The lexicon lacks a word of {phrase!r}.")
    return count


def _names_pattern(names: Iterable[str]) -> re.Pattern[str]:
    """Whole names, the longest first, so that a garter snake is not also a snake."""
    return re.compile(rf"\b(?:{'|'.join(sorted(map(re.escape, names), key=len, reverse=True))})\b")
