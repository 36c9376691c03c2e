"""The built-in haiku: right form, right grammar, one derivation each, and an entropy that is exact."""

from __future__ import annotations

import hashlib
import itertools
import math
import re

import msgspec
import pytest

from babytrain.engine.data.haiku import grammar as grammar_module
from babytrain.engine.data.haiku.grammar import HaikuGrammar
from babytrain.engine.data.haiku.grammar_data import (
    GrammarData,
    LineKind,
    PoemShape,
    SeasonWord,
    Snake,
    read_grammar_data,
    read_toml,
)
from babytrain.engine.data.haiku.syllables import count_line_syllables, syllables_by_word
from tests.engine.data.haiku_parser import lines_of, log_probability, poem_count, poem_derivations

DATA = read_grammar_data()
SNAKES, SEASON_WORDS = DATA.snakes, DATA.season_words


@pytest.fixture(scope="module")
def text() -> str:
    return grammar_module.generate_corpus()


@pytest.fixture(scope="module")
def poems(text) -> list[str]:
    return text.removesuffix("\n\n").split("\n\n")


def test_the_default_corpus_is_of_the_promised_size_and_form(text, poems):
    assert len(poems) == grammar_module.DEFAULT_POEMS
    assert 300_000 <= len(text) <= 400_000
    assert text.endswith("\n\n")
    assert set(text) <= set("abcdefghijklmnopqrstuvwxyz ,\n")
    assert "\n\n\n" not in text


def test_every_poem_is_5_7_5(poems):
    assert [poem for poem in poems if [count_line_syllables(line) for line in poem.split("\n")] != [5, 7, 5]] == []


def test_the_same_seed_gives_the_same_text_for_ever(text):
    assert grammar_module.generate_corpus(grammar_module.DEFAULT_SEED) == text
    # Pinned: a change of this number means that everybody's default corpus has changed.
    assert (
        hashlib.sha256(text.encode()).hexdigest() == "2a508519aadcfb3e5aa9dbd28bac58f47ab13f9a1b9ab51c95f861a5d2383cd8"
    )


def test_fewer_poems_are_the_beginning_of_more(text):
    assert text.startswith(grammar_module.generate_corpus(poems=20))
    assert grammar_module.generate_corpus(seed=1, poems=20) != grammar_module.generate_corpus(seed=2, poems=20)


def test_poems_hardly_ever_repeat_and_there_are_billions(poems):
    assert len(set(poems)) > 0.99 * len(poems)
    assert poem_count(grammar_module.default_grammar()) > 1e9


def test_every_poem_has_exactly_one_derivation(poems):
    grammar = grammar_module.default_grammar()
    assert {poem_derivations(grammar, poem) for poem in poems} == {1}


def test_no_table_of_lines_makes_a_line_twice():
    grammar = grammar_module.default_grammar()
    # One snake of each length and pronoun, every season word: together they reach every template and list.
    for line, kind in DATA.lines.items():
        for image in (
            SEASON_WORDS if any("season_word}" in template for template in kind.templates) else SEASON_WORDS[::9]
        ):
            for creature in (SNAKES[0], SNAKES[4], SNAKES[12]):
                lines = list(lines_of(grammar.table(line, image, creature)))
                assert len(lines) == len(set(lines)), (line, image.name)


def test_every_season_word_and_snake_has_lines_of_every_kind():
    grammar = grammar_module.default_grammar()
    for topic in grammar.topics:
        for shape in DATA.shapes:
            if shape.weights[topic.season_word.season]:
                assert all(grammar.table(line, topic.season_word, topic.snake).weights for line in shape.lines)


def test_articles_and_verbs_agree(text):
    assert re.findall(r"\ba [aeiou]\w+", text) == []
    assert re.findall(r"\ban [^aeiou]\w+", text) == []
    assert re.findall(r"\b(\w+) \1 ", text.replace("\n", " | ")) == []
    for name in (
        "rest",
        "move",
        "lie",
        "flow",
        "brief",
        "reacts",
        "muses",
        "dreaming",
        "watches",
        "skin_verb",
        "tries",
    ):
        for phrase in ",".join(DATA.phrases[name].values()).split(","):
            verb = phrase.split()[0]
            assert verb.endswith("s") or verb in ("will", "missed"), f"{phrase!r} does not go with one snake"
    assert not [phrase for phrase in DATA.phrases["react"]["any"].split(",") if phrase.split()[0].endswith("s")]


def test_the_pronoun_is_that_of_the_snake(poems):
    theirs = {creature.name: {creature.pronoun, creature.possessive} for creature in SNAKES}
    names = re.compile(rf"\b({'|'.join(sorted(theirs, key=len, reverse=True))})\b")
    seen = 0
    for poem in poems:
        (snake,) = set(names.findall(poem))
        # `its` may also be a mouse's; she, he, her and his can only be the snake's.
        pronouns = set(re.findall(r"\b(she|he|her|his)\b", poem))
        assert pronouns <= theirs[snake], poem
        seen += bool(pronouns)
    assert seen > len(poems) / 4


def test_the_entropy_is_what_the_poems_show(poems):
    surprisals = [-log_probability(grammar_module.default_grammar(), poem) for poem in poems]
    mean = sum(surprisals) / len(surprisals)
    deviation = math.sqrt(sum((value - mean) ** 2 for value in surprisals) / len(surprisals))
    assert mean == pytest.approx(
        grammar_module.default_grammar().entropy_nats, abs=4 * deviation / math.sqrt(len(surprisals))
    )


def test_the_mean_length_is_what_the_text_shows(text, poems):
    mean_characters = grammar_module.default_grammar().entropy_nats / grammar_module.floor_nats_per_character()
    assert mean_characters == pytest.approx(len(text) / len(poems), abs=0.4)
    assert 0.2 < grammar_module.floor_nats_per_character() < 0.4


def test_every_season_snake_and_season_word_turns_up(text):
    for name in [image.name for image in SEASON_WORDS] + [creature.name for creature in SNAKES]:
        assert len(re.findall(rf"\b{name}\b", text)) > 20, name


def test_held_out_pairs_never_meet_and_all_others_do(poems):
    assert not any(grammar_module.default_grammar().is_held_out(poem) for poem in poems)
    pairs = DATA.held_out
    assert 0.05 < len(pairs) / (len(SNAKES) * len(SEASON_WORDS)) < 0.2
    assert {image.name for image in SEASON_WORDS} == {image for _, image in pairs}
    names = re.compile(rf"\b({'|'.join(sorted((creature.name for creature in SNAKES), key=len, reverse=True))})\b")
    met = {(names.findall(poem)[0], image.name) for poem in poems for image in SEASON_WORDS if image.name in poem}
    assert not met & pairs
    assert len(met) > 0.9 * (len(SNAKES) * len(SEASON_WORDS) - len(pairs))


def test_a_held_out_pair_is_noticed_in_any_sentence():
    creature, image = min(DATA.held_out)
    assert grammar_module.default_grammar().is_held_out(
        f"{image} and\nnothing but the OLD {creature}\nof all things".upper()
    )
    assert (
        log_probability(
            grammar_module.default_grammar(), f"ah, {image}\nthe old {creature} sleeps\nlunch is running late"
        )
        is None
    )
    assert not grammar_module.default_grammar().is_held_out(f"only {image}")
    # A garter snake is not a snake that happens to stand after the word garter.
    plain = {image for creature, image in DATA.held_out if creature == "snake"}
    garter = {image for creature, image in DATA.held_out if creature == "garter snake"}
    assert not grammar_module.default_grammar().is_held_out(f"the garter snake, {min(plain - garter)}")


@pytest.mark.parametrize(
    "poem",
    [
        "",
        "the snake",
        "the snake sleep\nspring rain taps on its long back\nlunch is running late",
        "first snow on the roof\nthe adder sleeps in the dark",
        "first snow on the roof\nthe adder sleeps in the dark\nlunch is running late\n",
        "first snow on the roof\nthe adder sleeps in the dark\nhe is not impressed",
        "\x00\n\x1b[31m\n\ud800",
    ],
)
def test_what_the_grammar_cannot_make_has_no_probability(poem):
    assert log_probability(grammar_module.default_grammar(), poem) is None


def test_a_known_poem_has_a_probability():
    poem = "first snow on the roof\nthe cobra sleeps in the dark\nlunch is running late"
    assert log_probability(grammar_module.default_grammar(), poem) is not None
    assert log_probability(grammar_module.default_grammar(), poem.replace("cobra", "co  bra")) is None


# -- a grammar small enough to list every poem -------------------------------------------------------------------------


def small_grammar() -> HaikuGrammar:
    lines = {
        "image": LineKind(5, ("{the_season_word} {does}", "{lead}, {season_word}", "{season_word} {when}")),
        "clause": LineKind(7, ("the {snake} {rest} {place}", "a {adjective} {snake} {rest}")),
        "turn": LineKind(5, ("{she} {muses}", "even the {animals} {react}")),
        "brief": LineKind(5, ("the {snake} {rest}", "a {adjective} {snake} {rest}")),
        "touch": LineKind(7, ("{the_season_word} {touch} {her} {body}",)),
    }
    words = {
        "lead": {"any": "again, at last", "winter": "so soon, now"},
        "rest": {"any": "waits, curls up, sleeps all day", "winter": "snores, sleeps on"},
        "place": {"any": "underground, in the sun, in {her} bed"},
        "adjective": {"any": "old, sleepy, elegant", "winter": "warm"},
        "muses": {"any": "forgets {her} name, calls it a day"},
        "animals": {"any": "mice, owls"},
        "react": {"any": "wait, look up, stand still"},
        "body": {"any": "back, burrow, long gold coils"},
    }
    shapes = (
        PoemShape(("image", "clause", "turn"), {"spring": 2, "summer": 0, "autumn": 0, "winter": 1}),
        PoemShape(("brief", "touch", "turn"), {"spring": 1, "summer": 0, "autumn": 0, "winter": 3}),
    )
    images = (
        SeasonWord("spring rain", "spring", "rain"),
        SeasonWord("spring moon", "spring", "moon"),
        SeasonWord("first snow", "winter", "snow"),
    )
    creatures = (Snake("adder", "she", "her"), Snake("boa", "he", "his"), Snake("snake", "it", "its"))
    held_out = frozenset({("adder", "spring moon"), ("snake", "first snow")})
    return HaikuGrammar(GrammarData(creatures, images, DATA.kinds, DATA.times, words, lines, shapes, held_out))


def every_poem(grammar: HaikuGrammar) -> list[str]:
    return [
        "\n".join(lines)
        for topic in grammar.topics
        for shape in grammar.data.shapes
        if shape.weights[topic.season_word.season]
        for lines in itertools.product(
            *(list(lines_of(grammar.table(line, topic.season_word, topic.snake))) for line in shape.lines)
        )
    ]


def test_the_probabilities_of_all_poems_of_a_small_grammar_add_up_to_one():
    grammar = small_grammar()
    poems = every_poem(grammar)
    assert len(poems) == len(set(poems)) == poem_count(grammar) > 1000
    logs = [log_probability(grammar, poem) for poem in poems]
    chances = [math.exp(value) for value in logs]
    assert math.fsum(chances) == pytest.approx(1, abs=1e-9)
    assert -math.fsum(p * value for p, value in zip(chances, logs, strict=True)) == pytest.approx(grammar.entropy_nats)
    characters = math.fsum(p * (len(poem) + 2) for p, poem in zip(chances, poems, strict=True))
    assert characters == pytest.approx(grammar.mean_characters)
    assert not any(grammar.is_held_out(poem) for poem in poems)


def test_drawn_poems_come_as_often_as_they_should():
    grammar = small_grammar()
    drawn = list(itertools.islice(grammar.poems(seed=7), 4000))
    shares = {
        "spring": sum("spring" in poem for poem in drawn) / 4000,
        "first snow, adder": sum("first snow" in poem and "adder" in poem for poem in drawn) / 4000,
    }
    assert shares["spring"] == pytest.approx(1 / 2, abs=0.04)
    assert shares["first snow, adder"] == pytest.approx(1 / 4, abs=0.04)
    assert {poem_derivations(grammar, poem) for poem in drawn} == {1}


def test_a_grammar_with_a_word_outside_the_lexicon_is_refused():
    data = small_grammar().data
    odd = msgspec.structs.replace(data, snakes=(Snake("wyrmling", "it", "its"),))
    with pytest.raises(ValueError, match="wyrmling"):
        next(HaikuGrammar(odd).poems(1))


# -- the form of any text ----------------------------------------------------------------------------------------------


def test_a_line_is_counted_by_the_lexicon_alone():
    assert [count_line_syllables(line) for line in ("An old silent pond,", "  a frog falls into the pond --", "")] == [
        5,
        7,
        0,
    ]
    assert [count_line_syllables(line) for line in ("zxqv the snake", "42")] == [None, None]


def test_every_word_of_the_lexicon_has_one_count():
    assert all(1 <= count <= 4 and re.fullmatch("[a-z]+", word) for word, count in syllables_by_word().items())
    words = " ".join(read_toml("syllables.toml").values()).split()
    assert len(words) == len(set(words))
