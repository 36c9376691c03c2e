"""A grammar of haiku with an exactly known distribution: it draws poems and gives their entropy and mean length.

A poem is a season word and a snake, a shape (three kinds of lines), and a line of each kind, drawn in that order with
known chances, so entropy and mean length are sums over a small tree of choices. Each poem has exactly one derivation:
it names its season word and its snake, and templates never make the same line twice.

Choices: the entropy of the built-in corpus is a floor that no model gets below in the long run. Some snakes never meet
some season words; a model that writes such a pair has not copied it.
"""

from __future__ import annotations

import bisect
import itertools
import math
import re
from collections.abc import Callable, Iterable, Iterator
from functools import cache, cached_property

import msgspec
import numpy as np

from babytrain.engine.data.haiku.grammar_data import (
    ANY_SEASON,
    SEASONS,
    GrammarData,
    SeasonWord,
    Snake,
    read_grammar_data,
)
from babytrain.engine.data.haiku.syllables import count_line_syllables
from babytrain.engine.data.haiku.templates import Draw, LineTable, Slot, Template

_PIECE = re.compile(r"\{(?P<name>\w+)\}(?P<comma>,?)|(?P<word>[a-z]+)")
_ABOUT_SEASON_WORD = frozenset({"season_word", "the_season_word", "does", "how", "before", "touch", "lead", "when"})


class PoemTopic(msgspec.Struct, frozen=True):
    """The season word and snake of a poem, and the probability of the pair."""

    season_word: SeasonWord
    snake: Snake
    probability: float


class _Piece(msgspec.Struct, frozen=True):
    """One slot of a template: a word, or the name of a list; an article `a` before it, a comma after it."""

    word: str
    name: str
    article: bool
    comma: str
    needs: frozenset[str]  # what its phrases depend on beyond the season: "season word", "name", "pronoun"


class HaikuGrammar:
    """The distribution of poems of some GrammarData. Poems are three lines without a final line break."""

    def __init__(self, data: GrammarData) -> None:
        self.data = data
        by_season = {s: tuple(entry for entry in data.season_words if entry.season == s) for s in SEASONS}
        self._season_words = {season: entries for season, entries in by_season.items() if entries}
        self._seasons = tuple(self._season_words)
        self._snakes = {
            entry.name: tuple(snake for snake in data.snakes if (snake.name, entry.name) not in data.held_out)
            for entry in data.season_words
        }
        self._shapes = {s: tuple(shape for shape in data.shapes if shape.weights[s]) for s in self._seasons}
        self._shape_bounds = {
            s: tuple(itertools.accumulate(shape.weights[s] for shape in self._shapes[s])) for s in self._seasons
        }
        self._rows = {name: [list(self._parse(text)) for text in line.templates] for name, line in data.lines.items()}
        self._needs = {
            name: frozenset().union(*(piece.needs for row in rows for piece in row))
            for name, rows in self._rows.items()
        }
        self._snake_pattern = _names_pattern(snake.name for snake in data.snakes)
        self._season_word_pattern = _names_pattern(season_word.name for season_word in data.season_words)
        self._tables: dict[tuple[str, str, str], LineTable] = {}
        self._slots: dict[tuple[_Piece, str, str], Slot] = {}

    def poems(self, seed: int) -> Iterator[str]:
        """An infinite stream of poems, the same for the same seed."""
        draw = philox_draw(seed)
        while True:
            yield self.draw(draw)

    def draw(self, draw: Draw) -> str:
        """One poem: season, season word and snake uniformly, then shape and lines by their weights."""
        season = self._seasons[draw(len(self._seasons))]
        season_words = self._season_words[season]
        season_word = season_words[draw(len(season_words))]
        snakes = self._snakes[season_word.name]
        snake = snakes[draw(len(snakes))]
        bounds = self._shape_bounds[season]
        shape = self._shapes[season][bisect.bisect_right(bounds, draw(bounds[-1]))]
        return "\n".join([self.table(line, season_word, snake).draw(draw) for line in shape.lines])

    @cached_property
    def topics(self) -> tuple[PoemTopic, ...]:
        """Every allowed pair of season word and snake, with its probability."""
        return tuple(
            PoemTopic(entry, snake, 1 / (len(self._seasons) * len(entries) * len(self._snakes[entry.name])))
            for entries in self._season_words.values()
            for entry in entries
            for snake in self._snakes[entry.name]
        )

    @cached_property
    def entropy_nats(self) -> float:
        """Entropy of a poem in nats, summed over the tree of choices."""
        total = 0.0
        for topic in self.topics:
            total -= topic.probability * math.log(topic.probability)
            for chance, tables in self.shape_tables(topic):
                total += topic.probability * chance * (sum(t.entropy_nats for t in tables) - math.log(chance))
        return total

    @cached_property
    def mean_characters(self) -> float:
        """Expected characters of a poem, its line breaks and the blank line after it included."""
        return 1 + sum(
            topic.probability * chance * sum(table.mean_length + 1 for table in tables)
            for topic in self.topics
            for chance, tables in self.shape_tables(topic)
        )

    def is_held_out(self, text: str) -> bool:
        """Whether a snake and a season word that the corpus keeps apart are both in `text`."""
        lower = text.lower()
        snakes, season_words = set(self._snake_pattern.findall(lower)), set(self._season_word_pattern.findall(lower))
        return any((snake, season_word) in self.data.held_out for snake in snakes for season_word in season_words)

    def table(self, line: str, season_word: SeasonWord, snake: Snake) -> LineTable:
        """The lines of one kind for a season word and a snake; poems that differ in neither share it."""
        key = (line, *_about(self._needs[line], season_word, snake))
        table = self._tables.get(key)
        if table is None:
            kind = self.data.lines[line]
            rows = zip(kind.templates, self._rows[line], strict=True)
            templates = [
                Template(
                    [self._slot(piece, season_word, snake) for piece in row], kind.syllables, kind.boosts.get(text, 1)
                )
                for text, row in rows
            ]
            table = self._tables[key] = LineTable.of(templates)
        return table

    def shape_tables(self, topic: PoemTopic) -> Iterator[tuple[float, list[LineTable]]]:
        """Each shape's chance and its three tables of lines."""
        season = topic.season_word.season
        for shape in self._shapes[season]:
            tables = [self.table(line, topic.season_word, topic.snake) for line in shape.lines]
            yield shape.weights[season] / self._shape_bounds[season][-1], tables

    def _parse(self, template: str) -> Iterator[_Piece]:
        """The places of a template; an article goes with the phrase after it, a comma with the one before it."""
        article = False
        for match in _PIECE.finditer(template):
            word, name = match["word"] or "", match["name"] or ""
            if word == "a":
                article = True
                continue
            lists = self.data.phrases.get(name, {}).values()
            needs = {
                "season word": name in _ABOUT_SEASON_WORD,
                "name": name == "snake",
                "pronoun": name in ("her", "she") or any("{her}" in text or "{she}" in text for text in lists),
            }
            needed = frozenset(need for need, is_needed in needs.items() if is_needed)
            yield _Piece(word, name, article, match["comma"] or "", needed)
            article = False

    def _slot(self, piece: _Piece, season_word: SeasonWord, snake: Snake) -> Slot:
        key = (piece, *_about(piece.needs, season_word, snake))
        slot = self._slots.get(key)
        if slot is None:
            phrases = [piece.word] if piece.word else self._phrases(piece.name, season_word, snake)
            phrases = [_with_article(phrase) if piece.article else phrase for phrase in phrases]
            slot = self._slots[key] = Slot([phrase + piece.comma for phrase in phrases], _count_syllables)
        return slot

    def _phrases(self, name: str, season_word: SeasonWord, snake: Snake) -> list[str]:
        kind = self.data.kinds[season_word.kind]
        match name:
            case "snake":
                return [snake.name]
            case "her" | "she":
                return [snake.possessive if name == "her" else snake.pronoun]
            case "season_word":
                return [season_word.name]
            case "the_season_word":
                return [f"the {season_word.name}" if kind.definite else season_word.name]
            case "does" | "how" | "before" | "touch":
                return _split(getattr(kind, name))
            case "when":
                return [phrase for time in _split(kind.times) for phrase in _split(self.data.times[time])]
        lists = [self.data.phrases[name].get(season, "") for season in (ANY_SEASON, season_word.season)]
        if name == "lead":
            lists.append(kind.leads)
        return [phrase.format(her=snake.possessive, she=snake.pronoun) for text in lists for phrase in _split(text)]


def philox_draw(seed: int) -> Draw:
    """Whole numbers from a raw Philox stream, which numpy promises never to change (NEP 19).

    The bias of taking the remainder is below n / 2^64.
    """
    philox = np.random.Philox(key=np.array([seed, 0], dtype=np.uint64))
    words: Iterator[int] = itertools.chain.from_iterable(philox.random_raw(8192).tolist() for _ in itertools.count())
    take: Callable[[], int] = words.__next__
    return lambda n: take() % n


def _about(needs: frozenset[str], season_word: SeasonWord, snake: Snake) -> tuple[str, str]:
    """The key of phrases with these needs: poems with the same key share their tables."""
    return (
        season_word.name if "season word" in needs else season_word.season,
        snake.name if "name" in needs else snake.possessive if "pronoun" in needs else "",
    )


def _split(text: str) -> list[str]:
    return [phrase.strip() for phrase in text.split(",") if phrase.strip()]


def _with_article(phrase: str) -> str:
    return f"{'an' if phrase[0] in 'aeiou' else 'a'} {phrase}"


def _count_syllables(phrase: str) -> int:
    count = count_line_syllables(phrase)
    if count is None:
        raise ValueError(f"The lexicon lacks a word of {phrase!r}.")
    return count


def _names_pattern(names: Iterable[str]) -> re.Pattern[str]:
    """Whole names, the longest first, so that a garter snake does not match as a snake."""
    return re.compile(rf"\b(?:{'|'.join(sorted(map(re.escape, names), key=len, reverse=True))})\b")


DEFAULT_SEED = 575
DEFAULT_POEMS = 4500


@cache
def default_grammar() -> HaikuGrammar:
    """The grammar of the built-in corpus."""
    return HaikuGrammar(read_grammar_data())


def generate_corpus(seed: int = DEFAULT_SEED, poems: int = DEFAULT_POEMS) -> str:
    """Lower-case poems of three lines with a blank line after each; the same text for the same seed."""
    return "".join([f"{poem}\n\n" for poem in itertools.islice(default_grammar().poems(seed), poems)])


def floor_nats_per_character() -> float:
    """The entropy of the built-in corpus in nats per character: the lowest mean loss of any model in the long run."""
    grammar = default_grammar()
    return grammar.entropy_nats / grammar.mean_characters
