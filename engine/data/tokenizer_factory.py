"""Trains a tokenizer on a text, or reads one from JSON; the large BPE library is imported only for BPE."""

from __future__ import annotations

from pathlib import Path
from typing import assert_never

import msgspec

from babytrain.engine.config.errors import EngineError
from babytrain.engine.data.tokenizer import (
    BpeTokenizerFile,
    ByteTokenizer,
    ByteTokenizerFile,
    CharTokenizer,
    CharTokenizerFile,
    Tokenizer,
)
from babytrain.runs.errors import error_reason
from babytrain.runs.files.regular_files import read_regular_file

_MOST_FILE_BYTES = 64 * 2**20

MOST_CHARACTERS = 2**15  # different ones: each is a row of the embedding, and a number in every prediction


def train_tokenizer(kind: str, text: str, vocabulary: int) -> Tokenizer:
    """A tokenizer for `text`. Pass the whole text for `char` (as nanoGPT does), the training part for `bpe`.

    `vocabulary` is the largest size for bpe. Raises ValueError for an empty text, an unknown kind or a bad size.
    """
    if kind == "byte":
        return ByteTokenizer()
    if kind == "char":
        if not text:
            raise ValueError("A character tokenizer cannot be made from an empty text.")
        characters = "".join(sorted(set(text)))
        if len(characters) > MOST_CHARACTERS:
            raise ValueError(
                f"This text has {len(characters):,} different characters, and a character vocabulary takes at most "
                f"{MOST_CHARACTERS:,}: use tokenizer=bpe or tokenizer=byte."
            )
        return CharTokenizer(characters)
    if kind == "bpe":
        from babytrain.engine.data.bpe_tokenizer import train_bpe

        return train_bpe(text, vocabulary)
    raise ValueError(f"tokenizer is one of char, byte, bpe, not {kind!r}.")


def load_tokenizer(path: Path) -> Tokenizer:
    """The tokenizer in a file of a run folder. Raises EngineError with a sentence that names the file."""
    try:
        return tokenizer_from_json(read_regular_file(path, _MOST_FILE_BYTES).decode("utf-8"))
    except (OSError, ValueError) as error:
        raise EngineError([f"The tokenizer of this run, {path}, cannot be read: {error_reason(error)}."]) from error


def tokenizer_from_json(text: str) -> Tokenizer:
    """The tokenizer that `to_json` wrote. Raises ValueError for any other text."""
    try:
        stored = msgspec.json.decode(text, type=CharTokenizerFile | ByteTokenizerFile | BpeTokenizerFile)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise ValueError(f"This is not a tokenizer file: {error}.") from error
    match stored:
        case CharTokenizerFile():
            return CharTokenizer(stored.characters)
        case ByteTokenizerFile():
            return ByteTokenizer()
        case BpeTokenizerFile():
            from babytrain.engine.data.bpe_tokenizer import BpeTokenizer

            return BpeTokenizer.from_library(stored.tokenizer)
        case _:
            assert_never(stored)
