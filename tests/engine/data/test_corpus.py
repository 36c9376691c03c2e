"""From a configuration to token arrays: the split, the facts, and texts that are too short."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from babytrain.engine.config.errors import CorpusError
from babytrain.engine.config.settings import Config
from babytrain.engine.data import tokenizer as tokenizer_module
from babytrain.engine.data.corpus import build_corpus, corpus_summary, split_position
from babytrain.engine.data.haiku import grammar
from tests.engine.data.haiku_parser import poem_derivations

ROOT = Path(__file__).parents[3]
TEXT = "the old snake remembers every stone.\n" * 100


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "stones.txt"
    path.write_text(TEXT)
    return str(path)


def test_the_default_corpus_is_the_haiku_with_its_floor():
    corpus = build_corpus(Config())
    text = grammar.generate_corpus()
    assert corpus.name == "haiku"
    assert corpus.train.dtype == corpus.val.dtype == np.uint8
    assert corpus.tokenizer.decode(np.concatenate([corpus.train, corpus.val])) == text
    assert corpus.facts.sha256 == corpus.sha256 == hashlib.sha256(text.encode()).hexdigest()
    assert corpus.facts.floor_nats_per_token == grammar.floor_nats_per_character()
    assert corpus.facts.vocabulary_size == corpus.tokenizer.vocabulary_size == len(set(text))
    assert corpus.facts.characters_per_token == 1
    assert corpus.first_prompt == "\n\n"


def test_the_haiku_are_split_between_two_poems():
    corpus = build_corpus(Config())
    val = corpus.tokenizer.decode(corpus.val)
    poems = val.removesuffix("\n\n").split("\n\n")
    assert {poem_derivations(grammar.default_grammar(), poem) for poem in poems} == {1}
    assert 0.1 <= len(val) / corpus.facts.characters < 0.101


def test_the_floor_is_known_only_where_it_is_exact(file):
    assert build_corpus(Config(tokenizer="byte")).facts.floor_nats_per_token == grammar.floor_nats_per_character()
    bpe = build_corpus(Config(tokenizer="bpe"))
    assert bpe.facts.floor_nats_per_token is None
    assert bpe.facts.characters_per_token > 1.5
    assert build_corpus(Config(), [file]).facts.floor_nats_per_token is None


def test_a_text_is_split_as_nanogpt_does(file):
    corpus = build_corpus(Config(), [file])
    cut = int(len(TEXT) * 0.9)
    assert corpus.tokenizer.decode(corpus.train) == TEXT[:cut]
    assert corpus.tokenizer.decode(corpus.val) == TEXT[cut:]
    assert (corpus.facts.train_tokens, corpus.facts.val_tokens) == (cut, len(TEXT) - cut)
    assert corpus.name == "stones"
    assert split_position("x" * 1_115_394, 0.1) == 1_003_854  # tinyshakespeare


def test_bpe_learns_from_the_training_part_only(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("aaaa bbbb " * 300 + "zqzqzqzq " * 30)
    corpus = build_corpus(Config(tokenizer="bpe", context=8), [str(path)])
    tokens = [corpus.tokenizer.token_text(token) for token in range(256, corpus.tokenizer.vocabulary_size)]
    assert any("bb" in token for token in tokens)
    assert not any("zq" in token for token in tokens)


def test_characters_of_the_validation_part_are_known_too(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("ab" * 900 + "xyz" * 60)
    corpus = build_corpus(Config(), [str(path)])
    assert corpus.tokenizer.vocabulary_size == 5
    assert corpus.first_prompt == "a"


def test_raw_bytes_train_with_the_byte_tokenizer_only(tmp_path):
    path = tmp_path / "a.bin"
    data = bytes(range(256)) * 20
    path.write_bytes(data)
    with pytest.raises(CorpusError, match="tokenizer=byte"):
        build_corpus(Config(), [str(path)])
    corpus = build_corpus(Config(tokenizer="byte"), [str(path)])
    assert np.concatenate([corpus.train, corpus.val]).astype(np.uint8).tobytes() == data
    assert corpus.sha256 == hashlib.sha256(data).hexdigest()


def test_standard_input_is_a_corpus():
    corpus = build_corpus(Config(), ["-"], stdin=TEXT.encode())
    assert corpus.name == "stdin"
    assert corpus.facts.characters == len(TEXT)


def test_tokens_are_stored_in_the_smallest_type_and_a_character_vocabulary_has_a_limit(tmp_path):
    path = tmp_path / "a.txt"
    text = "".join(chr(code) for code in range(0x20000, 0x20000 + 32_768))
    path.write_text(text)
    corpus = build_corpus(Config(), [str(path)])
    assert corpus.train.dtype == np.int16
    assert corpus.val[-1] == 32_767
    path.write_text(text + "a")
    with pytest.raises(
        CorpusError, match=r"^This text has 32,769 different characters.*use tokenizer=bpe or .*byte\.$"
    ):
        build_corpus(Config(), [str(path)])
    assert build_corpus(Config(tokenizer="byte"), [str(path)]).train.dtype == np.uint8


@pytest.mark.parametrize("tokenizer", ["char", "byte", "bpe"])
def test_a_text_read_in_pieces_is_the_text_read_whole(tmp_path, monkeypatch, tokenizer):
    text = "snake \u00e4\u20ac\U0001f40d grass\n" * 60
    path = tmp_path / "a.txt"
    path.write_text(text)
    monkeypatch.setattr(tokenizer_module, "_PIECE_BYTES", 7)
    corpus = build_corpus(Config(tokenizer=tokenizer, vocabulary=280, context=4), [str(path)])
    cut = split_position(text, Config().val_fraction)
    decoded = [corpus.tokenizer.decode(part) for part in (corpus.train, corpus.val)]
    assert decoded == [text[:cut], text[cut:]]
    assert corpus.facts.characters == len(text)


def test_raw_bytes_are_cut_and_counted_as_characters(tmp_path, monkeypatch):
    raw = bytes(range(256)) * 20
    path = tmp_path / "a.bin"
    path.write_bytes(raw)
    monkeypatch.setattr(tokenizer_module, "_PIECE_BYTES", 7)
    corpus = build_corpus(Config(tokenizer="byte", context=16), [str(path)])
    text = raw.decode("utf-8", "surrogateescape")
    train = text[: split_position(text, Config().val_fraction)]
    assert corpus.train.tobytes() == train.encode("utf-8", "surrogateescape")
    assert corpus.train.tobytes() + corpus.val.tobytes() == raw
    assert corpus.facts.characters == len(text)


@pytest.mark.parametrize("tokenizer", ["char", "byte", "bpe"])
@pytest.mark.parametrize("length", [1, 2, 65, 300])
def test_a_short_text_gets_one_sentence_with_the_numbers(tmp_path, length, tokenizer):
    path = tmp_path / "a.txt"
    path.write_text("snake grass " * 100)
    path.write_text(path.read_text()[:length])
    with pytest.raises(CorpusError) as caught:
        build_corpus(Config(tokenizer=tokenizer, context=64), [str(path)])
    (problem,) = caught.value.problems
    assert "needs 65 of each" in problem
    assert "more text" in problem


def test_the_advice_for_a_short_text_works(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("snake grass " * 30)  # 360 characters: 324 and 36
    with pytest.raises(CorpusError) as caught:
        build_corpus(Config(context=64), [str(path)])
    (problem,) = caught.value.problems
    assert "set context to 35 or less" in problem
    assert "set val_fraction to 0.199 or more" in problem
    assert len(build_corpus(Config(context=35), [str(path)]).val) == 36
    assert len(build_corpus(Config(context=64, val_fraction=0.199), [str(path)]).val) >= 65


def test_a_prompt_the_text_never_spells_is_refused(file):
    with pytest.raises(CorpusError, match="'Z'"):
        build_corpus(Config(prompt="Zoo"), [file])
    assert build_corpus(Config(prompt="the "), [file]).first_prompt == "the "


def test_an_unseen_space_is_named(tmp_path):
    (tmp_path / "a.txt").write_text("Helloworld!" * 100)
    with pytest.raises(CorpusError, match="The text never has 'h', space, tab, zero width joiner"):
        build_corpus(Config(prompt="hello \t\u200d"), [str(tmp_path / "a.txt")])


@pytest.mark.parametrize("tokenizer", ["char", "byte"])
def test_a_text_of_one_letter_is_trained_on_with_a_word_about_it(tmp_path, file, tokenizer):
    (tmp_path / "a.txt").write_text("a" * 3000)
    config = Config(tokenizer=tokenizer)
    assert "one token over and over" in build_corpus(config, [str(tmp_path / "a.txt")]).notes[-1]
    assert build_corpus(config, [file]).notes == ()


def test_a_text_too_short_in_bpe_is_told_of_characters(tmp_path):
    (tmp_path / "a.txt").write_text("a" * 3000)
    with pytest.raises(CorpusError, match="set tokenizer=char, which makes more tokens of the same text"):
        build_corpus(Config(tokenizer="bpe"), [str(tmp_path / "a.txt")])


def test_the_same_config_and_text_give_the_same_corpus(file):
    config = Config(tokenizer="bpe", context=16)
    first, again = build_corpus(config, [file]), build_corpus(config, [file])
    np.testing.assert_array_equal(first.train, again.train)
    assert first.facts == again.facts
    assert first.tokenizer.to_json() == again.tokenizer.to_json()


def test_building_a_corpus_loads_no_library_it_does_not_need():
    script = (
        "import sys\n"
        "from babytrain.engine.config.settings import Config\n"
        "from babytrain.engine.data.corpus import build_corpus\n"
        "build_corpus(Config())\n"
        "print(sorted({'torch', 'tokenizers', 'pooch', 'requests', 'textual', 'rich'} & set(sys.modules)))\n"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT)
    assert result.stdout == "[]\n"


def test_notes_of_reading_are_kept(tmp_path):
    path = tmp_path / "dos.txt"
    path.write_bytes(TEXT.replace("\n", "\r\n").encode())
    corpus = build_corpus(Config(), [str(path)])
    assert "line ends" in corpus.notes[0]
    assert corpus.facts.characters == len(TEXT)


def test_the_summary_is_one_sentence_with_the_sizes(file):
    assert corpus_summary(build_corpus(Config(), [file])) == (
        "stones: 3,700 characters, 3,330 characters to learn from and 370 to be judged by, 18 different ones."
    )
    assert "no model can get below 0." in corpus_summary(build_corpus(Config()))
