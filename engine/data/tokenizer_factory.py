"""Train a tokenizer on a text, or read one from its JSON; the large BPE library is imported only for BPE."""

from __future__ import annotations

from typing import assert_never

import msgspec

from babytrain.engine.data.tokenizer import (
    BpeTokenizerFile,
    ByteTokenizer,
    ByteTokenizerFile,
    CharTokenizer,
    CharTokenizerFile,
    Tokenizer,
)


def train_tokenizer(kind: str, text: str, vocabulary: int) -> Tokenizer:
    """A tokenizer for `text`. Give the whole text for `char` (as nanoGPT does), the training part for `bpe`.

    `vocabulary` is the wanted size of a bpe vocabulary; small texts may end below it. Raises ValueError with a
    sentence for an empty text, an unknown kind or an impossible size.
    """
    if kind == "byte":
        return ByteTokenizer()
    if kind == "char":
        if not text:
            raise ValueError("A character tokenizer cannot be made from an empty text.")
        return CharTokenizer("".join(sorted(set(text))))
    if kind == "bpe":
        from babytrain.engine.data.bpe_tokenizer import train_bpe  # the library is large and few runs need it

        return train_bpe(text, vocabulary)
    raise ValueError(f"tokenizer is one of char, byte, bpe, not {kind!r}.")


def tokenizer_from_json(text: str) -> Tokenizer:
    """The tokenizer that `to_json` wrote. Raises ValueError with a sentence when the text is not one."""
    try:
        stored = msgspec.json.decode(text, type=CharTokenizerFile | ByteTokenizerFile | BpeTokenizerFile)
    except (msgspec.DecodeError, UnicodeEncodeError) as error:
        raise ValueError(f"This is not a tokenizer file: {error}.") from error
    match stored:
        case CharTokenizerFile():
            return CharTokenizer(stored.characters)
        case ByteTokenizerFile():
            return ByteTokenizer()
        case BpeTokenizerFile():
            from babytrain.engine.data.bpe_tokenizer import BpeTokenizer

            return BpeTokenizer.from_library_json(msgspec.json.encode(stored.tokenizer).decode())
        case _:
            assert_never(stored)
