"""The judge of haiku agrees with what is known of poems by the way they were made."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable

import pytest

from babytrain.engine.analysis.haiku import HaikuAnalyzer, is_haiku, line_syllables, split_poems, syllable_ranges
from babytrain.engine.data.haiku.grammar import default_grammar, generate_corpus
from babytrain.engine.data.haiku.syllables import guess_syllables, syllables_by_word
from bench.judging.syllable_words import COUNTED, FOR_JUDGING, FOR_TUNING

SYLLABLES = syllables_by_word()
POEMS = list(itertools.islice(default_grammar().poems(20_260), 1000))
BY_COUNT = {count: sorted(word for word, n in SYLLABLES.items() if n == count) for count in (1, 2, 3)}


def drop_a_word(poem: list[str], draw: random.Random) -> list[str]:
    line = draw.randrange(3)
    words = poem[line].split()
    words.pop(draw.randrange(len(words)))
    return [*poem[:line], " ".join(words), *poem[line + 1 :]]


def add_a_word(poem: list[str], draw: random.Random) -> list[str]:
    line = draw.randrange(3)
    words = poem[line].split()
    words.insert(draw.randrange(len(words) + 1), draw.choice(BY_COUNT[draw.choice((1, 2, 3))]))
    return [*poem[:line], " ".join(words), *poem[line + 1 :]]


def lengthen_a_word(poem: list[str], draw: random.Random) -> list[str]:
    line = draw.randrange(3)
    words = poem[line].split()
    place = draw.choice([place for place, word in enumerate(words) if SYLLABLES[word.strip(",")] <= 2])
    words[place] = draw.choice(BY_COUNT[SYLLABLES[words[place].strip(",")] + 1])
    return [*poem[:line], " ".join(words), *poem[line + 1 :]]


def move_the_long_line(poem: list[str], draw: random.Random) -> list[str]:
    return [poem[1], poem[0], poem[2]] if draw.random() < 0.5 else [poem[0], poem[2], poem[1]]


def lose_a_line(poem: list[str], draw: random.Random) -> list[str]:
    line = draw.randrange(3)
    return [*poem[:line], *poem[line + 1 :]]


def repeat_a_line(poem: list[str], draw: random.Random) -> list[str]:
    line = draw.randrange(3)
    return [*poem[: line + 1], *poem[line:]]


def join_two_lines(poem: list[str], draw: random.Random) -> list[str]:
    return [f"{poem[0]} {poem[1]}", poem[2]] if draw.random() < 0.5 else [poem[0], f"{poem[1]} {poem[2]}"]


def put_in_a_number(poem: list[str], draw: random.Random) -> list[str]:
    line = draw.randrange(3)
    return [*poem[:line], f"{poem[line]} {draw.randrange(100)}", *poem[line + 1 :]]


Breaker = Callable[[list[str], random.Random], list[str]]
BREAKERS: tuple[Breaker, ...] = (
    drop_a_word,
    add_a_word,
    lengthen_a_word,
    move_the_long_line,
    lose_a_line,
    repeat_a_line,
    join_two_lines,
    put_in_a_number,
)


def test_all_of_1000_generated_haiku_are_valid() -> None:
    assert [poem for poem in POEMS if not is_haiku(poem)] == []
    assert [poem for poem in POEMS if not is_haiku(poem.upper() + " !\n")] == []


def test_none_of_1000_broken_haiku_is_valid() -> None:
    draw = random.Random(575)
    broken = ["\n".join(BREAKERS[number % len(BREAKERS)](poem.split("\n"), draw)) for number, poem in enumerate(POEMS)]
    assert [poem for poem in broken if is_haiku(poem)] == []


def test_the_rule_gets_nine_words_in_ten_right_on_the_half_that_judges_it() -> None:
    assert len(FOR_JUDGING) >= 300
    assert not set(FOR_JUDGING) & set(FOR_TUNING)
    assert not set(COUNTED) & syllable_ranges().keys()
    right = sum(guess_syllables(word) == COUNTED[word] for word in FOR_JUDGING)
    assert right / len(FOR_JUDGING) >= 0.9


@pytest.mark.parametrize("word", ["", "b", "xyzzy", "hmm", "émeute", "e", "aeiou" * 50, "'", "eee"])
def test_any_word_has_a_syllable(word: str) -> None:
    assert guess_syllables(word) >= 1


def test_unknown_words_are_guessed() -> None:
    assert line_syllables("the Elephants, sleepily") == (7, 7)


def test_words_said_in_two_ways_count_as_either() -> None:
    assert is_haiku("the old fire waits\nthe old snake waits for the fire\na bell in the fire")
    assert line_syllables("every flower") == line_syllables("every  flower!") == (3, 5)


def test_no_word_said_in_two_ways_has_one_count_in_the_lexicon() -> None:
    in_two_ways = {word for word, (fewest, most) in syllable_ranges().items() if fewest < most}
    assert len(in_two_ways) > 40
    assert not in_two_ways & SYLLABLES.keys()


def test_a_line_without_a_word_or_with_a_number_cannot_be_read() -> None:
    assert [line_syllables(line) for line in ("", " ,.!", "12 frogs")] == [None] * 3


def test_a_poem_that_may_be_cut_off_is_not_counted() -> None:
    text = POEMS[0] + "\n\n" + POEMS[1] + "\n \n" + POEMS[2]
    assert split_poems(text) == POEMS[:2]
    assert split_poems(text, whole=True) == POEMS[:3]
    assert split_poems("\n\n\n\n") == []


def test_what_stands_in_the_training_text_is_not_new() -> None:
    train = generate_corpus(seed=1, poems=50)
    judge = HaikuAnalyzer(train)
    known = judge.measure("  " + train.split("\n\n")[7].upper().replace("\n", " .\n"), whole=True)
    assert (known.valid, known.new_valid) == (1, 0)
    first, second = train.split("\n\n")[3].split("\n"), train.split("\n\n")[30].split("\n")
    mixed = judge.measure("\n".join([first[0], second[1], first[2]]), whole=True)
    assert (mixed.valid, mixed.new_valid) == (1, 1)


def test_a_text_of_poems_is_counted_up() -> None:
    train = generate_corpus(seed=1, poems=50)
    snake, season_word = min(default_grammar().data.held_out)
    other = f"{season_word}\nthe {snake} says nothing to it\nand that is all"
    text = "\n\n".join([*train.split("\n\n")[:3], other, ""])
    report = HaikuAnalyzer(train, built_in=True).measure(text)
    assert (report.poems, report.valid, report.new_valid) == (4, 3, 0)
    assert report.unseen_pairs == 0  # the pair never met, but it is no haiku
    bare = HaikuAnalyzer().measure(text)
    assert (bare.valid, bare.new_valid, bare.unseen_pairs) == (3, None, None)
    assert HaikuAnalyzer().measure("").poems == 0


def test_of_pairs_that_never_met_only_those_in_a_haiku_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(default_grammar(), "is_held_out", lambda _: True)
    poems = generate_corpus(poems=3)
    report = HaikuAnalyzer(poems, built_in=True).measure(poems + "one line\n\n")
    assert (report.poems, report.unseen_pairs) == (4, 3)


def test_one_poem_again_and_again_is_one_poem() -> None:
    poem = POEMS[0].strip("\n") + "\n\n"
    report = HaikuAnalyzer("", built_in=True).measure(poem * 5)
    assert (report.valid, report.new_valid, report.different_valid) == (5, 5, 1)
